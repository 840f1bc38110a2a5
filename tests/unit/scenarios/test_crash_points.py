"""Faults at every AWS call of a run: which there are, and which are tried where there are too many."""

from redrive.fixtures.faults import CrashAt, ErrorAnswer, Moment, TimeoutAt
from redrive.scenarios import QueueSpec
from redrive.scenarios.crash_points import plans_at_every_call
from redrive.scenarios.history import Called, History
from redrive.scenarios.plan import Plan, PlannedMessage

KINDS = 8
"""A crash and a hang on either side of a call, two answers once and two for good."""


def history(calls):
    return History(
        plan=Plan(messages=(PlannedMessage(key="a", body="a"),)),
        queue=QueueSpec(),
        events=[Called(1, 0, call, "dynamodb", "PutItem", "ok") for call in range(1, calls + 1)],
        finished=True,
        looks_at_effects=False,
        start_ms=0,
    )


def points(calls, **most):
    plans, in_all = plans_at_every_call(history(calls), **most)
    return [plan.faults[0] for plan in plans], in_all


def test_all_are_tried_where_there_are_few():
    tried, in_all = points(2)
    assert len(set(tried)) == in_all == 2 * KINDS
    assert {fault.call for fault in tried} == {1, 2}


def test_of_very_many_as_many_as_are_asked_for_at_all_calls():
    tried, in_all = points(100, most=50)
    assert in_all == 100 * KINDS
    assert len(set(tried)) == 50
    assert [fault.call for fault in tried] == sorted(fault.call for fault in tried)
    assert tried[0].call <= 2
    assert tried[-1].call >= 99


def test_those_that_are_left_out_are_of_no_kind_in_particular():
    tried, _ = points(8, most=8 * KINDS // 2)
    assert {fault.moment for fault in tried if isinstance(fault, CrashAt)} == set(Moment)
    assert {fault.moment for fault in tried if isinstance(fault, TimeoutAt)} == set(Moment)
    assert {fault.calls for fault in tried if isinstance(fault, ErrorAnswer)} == {1, None}
    assert points(8, most=32) == points(8, most=32), "the same each time"
