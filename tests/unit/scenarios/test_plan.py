"""Shorter plans: what is left out, and that the faults of what stays go on striking it."""

from dataclasses import replace

import pytest
from hypothesis.vendor.pretty import pretty

from redrive.fixtures.event_builder import MessageAttribute
from redrive.fixtures.faults import (
    ClockSkew,
    CrashAt,
    DuplicateDelivery,
    FailedDelete,
    LateVisibility,
    LostDelete,
    Overtaken,
    Throttle,
)
from redrive.fixtures.named_faults import NAMED_FAULTS, Per
from redrive.scenarios.plan import EventChange, Plan, PlannedMessage, shorter_plans

A, B, C = (PlannedMessage(key=key, body=key) for key in "abc")


def without_messages(plan):
    """The plans with a message less, in which the faults strike where they did."""
    return list(shorter_plans(plan))[: len(plan.messages)]


def without_faults(plan):
    others = [shorter.faults for shorter in shorter_plans(plan) if shorter.messages == plan.messages]
    return [faults for faults in others if len(faults) < len(plan.faults)]


def struck(plan):
    return [fault.invocation for fault in plan.faults]


def earlier(plan):
    """Which invocations are struck, by the number of messages, in the plans in which some are struck earlier."""
    return [
        (len(shorter.messages), struck(shorter))
        for shorter in shorter_plans(plan)
        if len(shorter.faults) == len(plan.faults) and struck(shorter) != struck(plan)
    ]


def test_each_message_is_left_out_once_and_all_else_stays():
    plan = Plan(messages=(A, B, C), fifo=True, batch_size=3)
    assert list(shorter_plans(plan)) == [
        Plan(messages=messages, fifo=True, batch_size=3) for messages in ((B, C), (A, C), (A, B))
    ]


@pytest.mark.parametrize("name", [name for name, named in NAMED_FAULTS.items() if named.per is Per.MESSAGE])
def test_fault_of_a_message_goes_with_it_and_otherwise_stays_with_it(name):
    named = NAMED_FAULTS[name]
    simplest = {parameter: choices[0] for parameter, choices in named.parameters().items()}
    plan = Plan(messages=(A, B, C), faults=(named.at(1, **simplest),))
    still = [[shorter.messages[fault.message] for fault in shorter.faults] for shorter in without_messages(plan)]
    assert still == [[B], [], [B]]


def test_what_else_a_fault_says_stays():
    faults = (
        DuplicateDelivery(message=2, after_ms=7),
        LateVisibility(message=2, by_ms=5, receive=1),
        Overtaken(message=2, by=3),
    )
    first, *_ = shorter_plans(Plan(messages=(A, B, C), faults=faults))
    assert first.faults == (
        DuplicateDelivery(message=1, after_ms=7),
        LateVisibility(message=1, by_ms=5, receive=1),
        Overtaken(message=1, by=3),
    )


def test_faults_of_invocations_and_environments_stay_as_they_are():
    faults = (CrashAt(invocation=2), Throttle(invocation=2, for_ms=1), ClockSkew(environment=2, by_ms=1))
    assert [shorter.faults for shorter in without_messages(Plan(messages=(A, B, C), faults=faults))] == [faults] * 3


def test_faults_are_left_out_all_at_once_then_by_halves_then_one_by_one():
    w, x, y, z = faults = tuple(LostDelete(message=number) for number in range(4))
    assert without_faults(Plan(messages=(A,), faults=faults)) == [
        (),
        (y, z), (w, x),
        (x, y, z), (w, y, z), (w, x, z), (w, x, y),
    ]  # fmt: skip


@pytest.mark.parametrize("count", range(8))
def test_each_fault_is_left_out_alone_whatever_their_number(count):
    faults = tuple(FailedDelete(message=number) for number in range(count))
    shorter = without_faults(Plan(messages=(A,), faults=faults))
    assert all(len(left) < count for left in shorter)
    for fault in faults:
        assert tuple(other for other in faults if other != fault) in shorter
    assert () in shorter or count == 0


def test_invocations_that_are_struck_come_earlier_with_a_message_less_and_without():
    plan = Plan(messages=(A, B), faults=(CrashAt(invocation=3), LostDelete(message=1)))
    found = [
        (len(shorter.messages), shorter.faults)
        for shorter in shorter_plans(plan)
        if shorter.faults and shorter.faults[0] in (CrashAt(invocation=0), CrashAt(invocation=2))
    ]
    assert found == [
        (1, (CrashAt(invocation=0), LostDelete(message=0))),
        (1, (CrashAt(invocation=2), LostDelete(message=0))),
        (1, (CrashAt(invocation=0),)),
        (1, (CrashAt(invocation=2),)),
        (2, (CrashAt(invocation=0), LostDelete(message=1))),
        (2, (CrashAt(invocation=2), LostDelete(message=1))),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([0], []),
        ([0, 1], []),
        ([1], [[0]]),
        ([0, 2], [[0, 1]]),
        ([0, 4, 4, 5], [[0, 1, 1, 2], [0, 3, 3, 4]]),
        ([5, 1], [[4, 0], [2, 1], [4, 1]]),
    ],
)
def test_gaps_between_the_invocations_that_are_struck_are_closed_or_narrowed(before, after):
    plan = Plan(messages=(A,), faults=tuple(Throttle(invocation=number, for_ms=1) for number in before))
    assert earlier(plan) == [(count, invocations) for count in (0, 1) for invocations in after]


def test_plainer_plans_have_one_thing_less_that_is_out_of_the_ordinary():
    plan = Plan(
        messages=(A,),
        shuffled=True,
        concurrency=2,
        redrive_at_ms=(1, 2),
        empty_events_at_ms=(3,),
        event_changes=(EventChange.UNKNOWN_FIELDS,),
    )
    plainer = [shorter for shorter in shorter_plans(plan) if shorter.messages]
    assert plainer == [
        replace(plan, **{field: value})
        for field, value in [
            ("shuffled", False),
            ("concurrency", 1),
            ("redrive_at_ms", (2,)),
            ("redrive_at_ms", (1,)),
            ("empty_events_at_ms", ()),
            ("event_changes", ()),
        ]
    ]


def test_plainer_messages_have_an_attribute_less_and_no_delay():
    attributes = (("x", MessageAttribute.string("1")), ("y", MessageAttribute.string("2")))
    plan = Plan(messages=(A, replace(B, message_attributes=attributes, delay_s=5)))
    plainer = [shorter.messages for shorter in shorter_plans(plan) if len(shorter.messages) == 2]
    assert plainer == [(A, replace(B, message_attributes=attributes[1:]))]


def test_of_very_many_messages_halves_are_left_out_first_and_faults_move_along():
    many = tuple(PlannedMessage(key=f"{number}", body="b") for number in range(100))
    plan = Plan(messages=many, faults=(LostDelete(message=10), LostDelete(message=60)))
    without_first, without_second, *_ = shorter_plans(plan)
    assert without_first == Plan(messages=many[50:], faults=(LostDelete(message=10),))
    assert without_second == Plan(messages=many[:50], faults=(LostDelete(message=10),))
    assert sum(1 for _ in shorter_plans(plan)) < 100


def test_few_messages_are_left_out_one_by_one():
    assert [len(shorter.messages) for shorter in shorter_plans(Plan(messages=(A, B, C)))] == [2, 2, 2]


def test_plan_shows_its_fields_unless_nobody_would_read_them():
    assert repr(Plan(messages=(A,))).startswith("Plan(messages=(PlannedMessage(key='a'")
    assert repr(Plan(messages=(A,) * 41, faults=(LostDelete(message=0),))) == "<Plan of 41 messages and 1 faults>"
    long = Plan(messages=(replace(A, body="b" * 20_001),))
    assert repr(long) == pretty(long) == "<Plan of 1 messages and 0 faults>"
