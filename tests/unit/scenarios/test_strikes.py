"""Which faults of a plan struck, told from its history."""

from dataclasses import replace

import pytest

from redrive.fixtures.faults import (
    ConcurrentDuplicate,
    CrashAt,
    DuplicateDelivery,
    FailedDelete,
    LostDelete,
    Overtaken,
)
from redrive.scenarios.strikes import has_struck
from redrive.simulator import trace
from redrive.simulator.driver import FAILED_DELETE_CODE


def with_faults(history, *faults):
    return replace(history, plan=replace(history.plan, faults=faults))


def test_fault_of_an_invocation_struck_if_it_says_so(story):
    crash, other = CrashAt(invocation=0), CrashAt(invocation=0, call=2)
    history = story("a").delivered("a").fault(crash).history()
    assert has_struck(history, [other, crash])
    assert not has_struck(history, [other])
    assert not has_struck(history, [])


def test_fault_of_a_message_struck_if_it_says_so(story):
    told = story("a", "b")
    told.add(trace.Struck(told.now_ms, None, Overtaken(message=1)))
    assert has_struck(told.history(), [Overtaken(message=1)])
    assert not has_struck(told.history(), [Overtaken(message=0)])


def test_E11_lost_deletion_is_that_of_its_message(story):
    history = story("a", "b").delivered("a", "b").lost_deletion("b").history()
    assert has_struck(history, [LostDelete(message=1)])
    assert not has_struck(history, [LostDelete(message=0)])
    assert not has_struck(history, [FailedDelete(message=1)])


@pytest.mark.parametrize(("code", "struck"), [(FAILED_DELETE_CODE, True), ("InvalidParameterValue", False)])
def test_E11_failed_deletion_is_none_that_the_queue_had_to_refuse(story, code, struck):
    told = story("a", "b").delivered("a", "b")
    told.add(trace.DeleteRefused(told.now_ms, 0, told.id_of("b"), code))
    assert has_struck(told.history(), [FailedDelete(message=1)]) is struck
    assert not has_struck(told.history(), [FailedDelete(message=0)])
    assert not has_struck(told.history(), [LostDelete(message=1)])


def test_S17_duplicate_struck_if_its_message_came_again_after_it_was_deleted(story):
    duplicate = DuplicateDelivery(message=1, after_ms=7)
    history = with_faults(story("a", "b").delivered("a", "b").returned().reappeared("b").history(), duplicate)
    assert has_struck(history, [duplicate])
    assert not has_struck(history, [DuplicateDelivery(message=1)])
    assert not has_struck(with_faults(history, DuplicateDelivery(message=0)), [DuplicateDelivery(message=0)])


def test_S17_duplicate_has_not_struck_before_its_message_is_deleted(story):
    duplicate, concurrent = DuplicateDelivery(message=0), ConcurrentDuplicate(invocation=0)
    history = with_faults(story("a").delivered("a").fault(concurrent).reappeared("a").history(), duplicate, concurrent)
    assert has_struck(history, [concurrent])
    assert not has_struck(history, [duplicate])


def test_nothing_struck_where_nothing_went_wrong(story):
    faults = (CrashAt(invocation=5), LostDelete(message=0), DuplicateDelivery(message=0))
    assert not has_struck(with_faults(story("a").delivered("a").returned().history(), *faults), faults)
