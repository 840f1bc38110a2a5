"""Due times of messages: earliest first, and no more of them than needed."""

import random

from redrive.simulator.timetable import Timetable


def test_due_times_come_earliest_first_and_none_before_its_time():
    timetable = Timetable(lambda at_ms, ordinal: True)
    for at_ms, ordinal in ((30, 1), (10, 2), (20, 3), (10, 1)):
        timetable.add(at_ms, ordinal)
    assert timetable.next_ms() == 10
    assert timetable.pop_due(9) is None
    assert [timetable.pop_due(20) for _ in range(4)] == [1, 2, 3, None]
    assert timetable.next_ms() == 30
    timetable.clear()
    assert (timetable.next_ms(), len(timetable)) == (None, 0)


def test_entry_that_no_longer_holds_is_passed_over():
    holds = {(10, 2), (20, 3)}
    timetable = Timetable(lambda *entry: entry in holds)
    for entry in ((5, 1), (10, 2), (15, 2), (20, 3)):
        timetable.add(*entry)
    assert timetable.next_ms() == 10
    assert [timetable.pop_due(99) for _ in range(3)] == [2, 3, None]


def test_same_entry_twice_is_due_once():
    timetable = Timetable(lambda at_ms, ordinal: True)
    timetable.add(10, 1)
    timetable.add(10, 1)
    assert [timetable.pop_due(10), timetable.pop_due(10)] == [1, None]


def test_entries_that_no_longer_hold_do_not_pile_up():
    holding = set()
    timetable = Timetable(lambda at_ms, ordinal: ordinal in holding)
    for ordinal in range(100_000):
        holding.add(ordinal)
        holding.discard(ordinal - 100)
        timetable.add(1_000_000 + ordinal, ordinal)
        assert len(timetable) <= 1_024
    assert timetable.next_ms() == 1_000_000 + 99_900


def test_entries_that_hold_are_kept_however_many():
    asked = 0

    def still_holds(at_ms, ordinal):
        nonlocal asked
        asked += 1
        return True

    timetable = Timetable(still_holds)
    for ordinal in range(100_000):
        timetable.add(ordinal, ordinal)
    assert len(timetable) == 100_000
    assert asked < 200_000, "the cost of an addition does not grow"


def test_order_stays_when_entries_that_no_longer_hold_are_cleared_away():
    times = random.Random(1).sample(range(10_000), 3_000)
    still_held = [(at_ms, ordinal) for ordinal, at_ms in enumerate(times) if ordinal % 3 == 0]
    timetable = Timetable(lambda at_ms, ordinal: (at_ms, ordinal) in holding)
    holding = set(still_held)
    for ordinal, at_ms in enumerate(times):
        timetable.add(at_ms, ordinal)
    assert len(timetable) < 3_000
    assert [timetable.pop_due(10_000) for _ in still_held] == [ordinal for _, ordinal in sorted(still_held)]
