"""A schedule of faults: what strikes where, and how often."""

from redrive.simulator import Faults
from redrive.simulator.faults import (
    ConcurrentDuplicate,
    CrashAt,
    DependencyDown,
    DuplicateDelivery,
    LostDelete,
    Moment,
    SlowAt,
)


def test_fault_strikes_at_its_invocation_call_and_moment_once():
    crash = CrashAt(invocation=1, call=2, moment=Moment.AFTER)
    faults = Faults([crash])
    for place in ((0, 2, Moment.AFTER), (1, 1, Moment.AFTER), (1, 2, Moment.BEFORE)):
        assert faults.at_call(*place) == []
    assert faults.at_call(1, 2, Moment.AFTER) == [crash]
    assert faults.at_call(1, 2, Moment.AFTER) == []
    assert faults.struck == [crash]


def test_fault_at_a_call_that_never_comes_strikes_at_the_end():
    slow = SlowAt(invocation=0, call=9, duration_ms=1_000)
    faults = Faults([slow])
    assert faults.at_end(1) == []
    assert faults.at_end(0) == [slow]
    assert faults.at_end(0) == []


def test_dependency_stays_down_from_its_call_on():
    down = DependencyDown(invocation=0, call=2)
    faults = Faults([down])
    assert [faults.is_down(0, call) for call in (1, 2, 3)] == [None, down, down]
    assert faults.is_down(1, 2) is None
    assert faults.struck == [down]


def test_E11_only_the_first_deletion_of_the_message_is_lost():
    faults = Faults([LostDelete(message=1)])
    assert [faults.loses_delete(message) for message in (0, 1, 1)] == [False, True, False]


def test_S17_duplicates_follow_the_first_deletion_of_their_message():
    duplicates = [DuplicateDelivery(message=1), DuplicateDelivery(message=1, after_ms=60_000)]
    faults = Faults(duplicates)
    assert faults.after_delete(0) == []
    assert faults.after_delete(1) == duplicates
    assert faults.after_delete(1) == []


def test_schedule_lists_all_its_faults_whether_they_struck_or_not():
    given = [LostDelete(message=0), ConcurrentDuplicate(invocation=0, call=1)]
    faults = Faults(given)
    faults.at_call(0, 1, Moment.BEFORE)
    assert sorted(map(str, faults)) == sorted(map(str, given))


def test_faults_say_what_they_do():
    assert str(LostDelete(message=0)) == "the deletion of message 1 is lost"
    assert str(CrashAt(invocation=0, call=2)) == "invocation 1 crashes after its AWS call 2"
    assert str(DuplicateDelivery(message=2, after_ms=1_500)).startswith("message 3 is delivered again 1.5 s after")
