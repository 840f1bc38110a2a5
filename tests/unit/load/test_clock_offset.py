from random import Random

import pytest

from redrive.load.observing.clock_offset import ClockOffsets, Offset, answered, asked, offset_of


def test_offset_is_from_the_middle_of_the_round_trip():
    assert offset_of(asked_at_ms=1_000, their_ms=6_010, answered_at_ms=1_020) == Offset(offset_ms=5_000, bound_ms=10)


def test_true_offset_is_within_the_bound_whatever_the_ways_take():
    random = Random(7)
    for _ in range(500):
        true_ms, there_ms, back_ms = random.uniform(-1e6, 1e6), random.expovariate(0.1), random.expovariate(0.1)
        offset = offset_of(asked_at_ms=0, their_ms=there_ms + true_ms, answered_at_ms=there_ms + back_ms)
        assert abs(offset.offset_ms - true_ms) <= offset.bound_ms + 1e-6


def exchange(offsets, *, ours_ms, offset_ms, trip_ms, sender="1"):
    answer = answered(asked(ours_ms), sender=sender, now_ms=ours_ms + trip_ms / 2 + offset_ms)
    offsets.take(answer, now_ms=ours_ms + trip_ms)


def test_best_of_the_last_exchanges_counts():
    offsets = ClockOffsets()
    for trip_ms in (40, 2, 90):
        exchange(offsets, ours_ms=1_000, offset_ms=500, trip_ms=trip_ms)
    assert offsets.of("1").bound_ms == 1
    assert offsets.ours("1", 10_000) == pytest.approx(9_500)
    for _ in range(8):  # clocks drift: what was good long ago is no more
        exchange(offsets, ours_ms=2_000, offset_ms=600, trip_ms=10)
    assert offsets.ours("1", 10_000) == pytest.approx(9_400)
    assert offsets.worst_bound_ms == 5


def test_who_was_never_asked_has_our_clock():
    offsets = ClockOffsets()
    assert (offsets.of("0"), offsets.ours("0", 123.0), offsets.worst_bound_ms) == (None, 123.0, 0.0)


def test_worst_bound_is_of_the_sender_that_is_known_least():
    offsets = ClockOffsets()
    exchange(offsets, ours_ms=0, offset_ms=0, trip_ms=4, sender="1")
    exchange(offsets, ours_ms=0, offset_ms=0, trip_ms=10, sender="2")
    assert offsets.worst_bound_ms == 5
