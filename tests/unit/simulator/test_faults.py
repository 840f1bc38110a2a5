"""A schedule in use: which faults strike where, and how often."""

import pytest

from redrive.fixtures import faults as values
from redrive.fixtures.named_faults import NAMED_FAULTS
from redrive.simulator import Faults
from redrive.simulator import faults as in_use
from redrive.simulator.faults import (
    ClockSkew,
    ConcurrentDuplicate,
    CrashAt,
    DependencyDown,
    DuplicateDelivery,
    FailedDelete,
    LateVisibility,
    LostDelete,
    Moment,
    Overtaken,
    SlowAt,
    Throttle,
    TimeoutAt,
)

AT_CALL = [CrashAt, lambda **at: SlowAt(duration_ms=1_000, **at), TimeoutAt, ConcurrentDuplicate]


@pytest.mark.parametrize("kind", AT_CALL)
@pytest.mark.parametrize("moment", Moment)
def test_fault_strikes_at_its_invocation_call_and_moment_once(kind, moment):
    fault = kind(invocation=1, call=2, moment=moment)
    faults = Faults([fault])
    (other,) = set(Moment) - {moment}
    for place in ((0, 2, moment), (1, 1, moment), (1, 2, other)):
        assert faults.at_call(*place) == []
    assert faults.at_call(1, 2, moment) == [fault]
    assert faults.at_call(1, 2, moment) == []
    assert faults.at_end(1) == []


def test_faults_at_one_call_strike_together_in_the_order_of_the_schedule():
    slow, crash = SlowAt(invocation=0, duration_ms=1, moment=Moment.AFTER), CrashAt(invocation=0)
    later = CrashAt(invocation=0, call=2)
    faults = Faults([later, slow, crash])
    assert faults.at_call(0, 1, Moment.AFTER) == [slow, crash]
    assert faults.at_call(0, 2, Moment.AFTER) == [later]


@pytest.mark.parametrize("kind", AT_CALL)
def test_fault_at_a_call_that_never_comes_strikes_at_the_end_once(kind):
    fault = kind(invocation=0, call=9)
    faults = Faults([fault])
    assert faults.at_call(0, 1, Moment.BEFORE) == faults.at_call(0, 1, Moment.AFTER) == []
    assert faults.at_end(1) == []
    assert faults.at_end(0) == [fault]
    assert faults.at_end(0) == []


def test_dependency_stays_down_from_its_call_on():
    down = DependencyDown(invocation=0, call=2)
    faults = Faults([down])
    assert [faults.instead_of(0, call) for call in (1, 2, 3, 2)] == [None, down, down, down]
    assert faults.instead_of(1, 2) is None
    assert faults.at_end(0) == []


def test_dependency_is_down_for_some_calls_and_then_for_others():
    first, second = DependencyDown(invocation=0, call=1, calls=1), DependencyDown(invocation=0, call=3, calls=2)
    faults = Faults([second, first])
    assert [faults.instead_of(0, call) for call in range(1, 6)] == [first, None, second, second, None]


def test_E17_invocation_is_throttled_once_and_for_the_longest_of_the_times():
    short, long = Throttle(invocation=1, for_ms=1_000), Throttle(invocation=1, for_ms=60_000)
    faults = Faults([short, long])
    assert [faults.throttles(invocation) for invocation in (0, 1, 1)] == [None, long, None]


@pytest.mark.parametrize("kind", [LostDelete, FailedDelete])
def test_E11_only_the_first_deletion_of_the_message_does_not_succeed(kind):
    fault = kind(message=1)
    faults = Faults([fault])
    assert [faults.at_delete(message) for message in (0, 1, 1)] == [None, fault, None]


def test_E11_deletions_of_a_message_go_wrong_in_the_order_of_the_schedule():
    given = [FailedDelete(message=0), LostDelete(message=0)]
    faults = Faults(given)
    assert [faults.at_delete(0) for _ in range(3)] == [*given, None]


def test_S17_duplicates_follow_the_first_deletion_of_their_message():
    duplicates = [DuplicateDelivery(message=1), DuplicateDelivery(message=1, after_ms=60_000)]
    faults = Faults(duplicates)
    assert faults.after_delete(0) == []
    assert faults.after_delete(1) == duplicates
    assert faults.after_delete(1) == []


def test_message_is_late_after_its_send_or_after_one_of_its_receives_once():
    sent, received = LateVisibility(message=0, by_ms=1), LateVisibility(message=0, by_ms=2, receive=2)
    faults = Faults([sent, received])
    assert faults.after_receive(1, 0) == []
    assert [faults.after_receive(0, receive) for receive in (0, 1, 2)] == [[sent], [], [received]]
    assert [faults.after_receive(0, receive) for receive in (0, 1, 2)] == [[], [], []]


def test_S17_message_is_overtaken_once():
    overtaken = Overtaken(message=1, by=2)
    faults = Faults([overtaken])
    assert [faults.overtaking(message) for message in (0, 1, 1)] == [[], [overtaken], []]


def test_clock_stays_skewed():
    skew = ClockSkew(environment=1, by_ms=250)
    faults = Faults([skew])
    assert [faults.skew(environment) for environment in (0, 1, 1)] == [[], [skew], [skew]]


def test_schedule_has_all_its_faults_whether_they_struck_or_not():
    given = tuple(named.at(0, **_simplest(named)) for named in NAMED_FAULTS.values())
    faults = Faults(iter(given))
    faults.at_call(0, 1, Moment.BEFORE)
    faults.at_end(0)
    faults.at_delete(0)
    assert faults.schedule == given


def _simplest(named):
    return {parameter: choices[0] for parameter, choices in named.parameters().items()}


def test_nothing_strikes_without_a_schedule():
    faults = Faults()
    assert faults.schedule == ()
    assert faults.at_call(0, 1, Moment.BEFORE) == faults.at_end(0) == faults.after_delete(0) == []
    assert faults.after_receive(0, 0) == faults.overtaking(0) == faults.skew(0) == []
    assert faults.instead_of(0, 1) is faults.throttles(0) is faults.at_delete(0) is None


def test_values_are_those_of_the_fixtures():
    for name in values.__all__:
        assert getattr(in_use, name) is getattr(values, name), name
