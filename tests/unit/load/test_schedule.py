"""Due times are the exact inversion of the cumulative rate: nothing adds up, nothing is left out."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redrive.load.shapes.schedule import (
    Fill,
    Piece,
    PieceSchedule,
    SteeredSchedule,
    TraceSchedule,
    constant,
    counted,
    ramp,
    spike,
    step,
)

rates = st.one_of(st.just(Fraction(0)), st.fractions(min_value="0.01", max_value=5_000, max_denominator=100))
times = st.fractions(min_value="0.1", max_value=100_000, max_denominator=10)
pieces = st.lists(st.builds(Piece, begin_rate=rates, end_rate=rates, seconds=times), min_size=1, max_size=6).filter(
    lambda those: any(piece.messages for piece in those)
)
batch_sizes = st.integers(1, 10)


def total_of(those):
    return sum((piece.messages for piece in those), Fraction(0))


@pytest.mark.slow
@pytest.mark.once
@given(pieces, batch_sizes, st.data())
def test_as_many_messages_are_due_as_the_rate_has_come_to(those, batch_size, data):
    schedule = PieceSchedule(those, batch_size=batch_size)
    slots = math.ceil(total_of(those) / batch_size)
    n = data.draw(st.integers(0, slots - 1))
    at_s = schedule.due_s(n)
    assert 0 <= at_s <= schedule.seconds
    assert schedule.messages(at_s) == pytest.approx(n * batch_size, rel=1e-9, abs=1e-3)


@given(pieces, batch_sizes)
def test_a_schedule_has_exactly_the_slots_of_its_messages(those, batch_size):
    schedule = PieceSchedule(those, batch_size=batch_size)
    slots = math.ceil(total_of(those) / batch_size)
    assert schedule.due_s(slots - 1) is not None
    assert schedule.due_s(slots) is None
    assert schedule.due_slots(schedule.seconds) == slots
    assert schedule.due_slots(-1) == 0


@pytest.mark.slow
@pytest.mark.once
@given(pieces, batch_sizes, st.data())
def test_slots_are_due_in_order(those, batch_size, data):
    schedule = PieceSchedule(those, batch_size=batch_size)
    slots = math.ceil(total_of(those) / batch_size)
    first = data.draw(st.integers(0, slots - 1))
    dues_s = [schedule.due_s(n) for n in range(first, min(slots, first + 50))]
    assert dues_s == sorted(dues_s)


@pytest.mark.slow
@pytest.mark.once
@given(pieces, batch_sizes, st.data())
def test_due_slots_counts_what_due_s_says(those, batch_size, data):
    schedule = PieceSchedule(those, batch_size=batch_size)
    slots = math.ceil(total_of(those) / batch_size)
    n = data.draw(st.integers(0, slots - 1))
    # One more or less where a float falls on one side of a boundary or the other.
    assert abs(schedule.due_slots(schedule.due_s(n)) - (n + 1)) <= 1


def test_no_error_adds_up_in_a_year():
    schedule = PieceSchedule(constant(0.1), batch_size=1)
    assert schedule.due_s(3_153_600) == 31_536_000.0
    assert schedule.seconds is None


def test_a_decimal_rate_is_that_decimal():
    schedule = PieceSchedule(constant(0.1, 100), batch_size=1)
    assert schedule.due_s(9) == 90.0
    assert schedule.due_s(10) is None


def test_ramp_from_nothing_and_back():
    up = PieceSchedule(ramp(0, 10, 10), batch_size=1)
    assert [up.due_s(n) for n in (0, 5, 20)] == pytest.approx([0.0, math.sqrt(10), math.sqrt(40)])
    down = PieceSchedule(ramp(10, 0, 10), batch_size=1)
    assert down.due_s(49) == pytest.approx(10 - math.sqrt(2))
    assert down.due_s(50) is None


def test_step_with_a_pause_ends_after_the_pause():
    schedule = PieceSchedule(step([10, 0, 20], 5), batch_size=10)
    assert [schedule.due_s(n) for n in range(7)] == [0, 1, 2, 3, 4, 10, 10.5]
    assert schedule.seconds == 15


def test_spike_comes_on_top_and_leaves_time_to_recover():
    schedule = PieceSchedule(spike(10, 90, at_s=5, seconds=2), batch_size=10)
    assert [schedule.due_slots(at_s) for at_s in (4.95, 5.95, 6.95)] == [5, 15, 25]
    assert schedule.seconds == 12


def test_rates_that_cannot_be_are_refused():
    for begin, end, seconds in ((-1, 1, 1), (1, 2, None), (1, 1, 0)):
        with pytest.raises(ValueError, match="rate"):
            Piece(
                begin_rate=Fraction(begin),
                end_rate=Fraction(end),
                seconds=None if seconds is None else Fraction(seconds),
            )
    with pytest.raises(ValueError, match="only the last"):
        PieceSchedule([*constant(1), *constant(1)], batch_size=1)


@given(st.lists(st.tuples(st.floats(0.1, 20), st.floats(0.5, 40)), min_size=1, max_size=5))
def test_a_steered_rate_never_moves_what_was_due(changes):
    schedule, at_s = SteeredSchedule(batch_size=1), 0.0
    assert schedule.due_s(0) == math.inf
    dealt = []
    for after_s, rate in changes:
        at_s += after_s
        while (due_s := schedule.due_s(len(dealt))) < at_s:
            dealt.append(due_s)
        schedule.change(at_s, rate)
        assert [schedule.due_s(n) for n in range(len(dealt))] == dealt
        assert schedule.due_s(len(dealt)) >= at_s - 1e-6
    assert schedule.seconds is None
    with pytest.raises(ValueError, match="before that"):
        schedule.change(0.0, 1)


def test_a_steered_rate_of_nothing_waits():
    schedule = SteeredSchedule(batch_size=10)
    schedule.change(5.0, 10)
    schedule.change(7.0, 0)
    assert [schedule.due_s(n) for n in range(3)] == [5.0, 6.0, math.inf]
    schedule.change(9.0, 10)
    assert schedule.due_s(2) == 9.0


def test_a_trace_keeps_its_rhythm_and_a_batch_its_first_message():
    schedule = TraceSchedule([105.0, 100.0, 101.0, 100.5], batch_size=2, speed=2)
    assert [schedule.due_s(n) for n in range(3)] == [0.0, 0.5, None]
    assert [schedule.due_slots(at_s) for at_s in (-0.1, 0, 0.25, 0.5)] == [0, 1, 1, 2]
    assert schedule.seconds == 2.5


def test_counts_are_spread_until_the_next_row():
    schedule = PieceSchedule(counted([(60, 0), (0, 60), (120, 30)]), batch_size=10)
    assert [schedule.due_s(n) for n in range(10)] == [0, 10, 20, 30, 40, 50, 120, 140, 160, None]
    twice = PieceSchedule(counted([(0, 60), (60, 0)], speed=2), batch_size=10)
    assert [twice.due_s(n) for n in range(7)] == [0, 5, 10, 15, 20, 25, None]
    assert twice.seconds == 60


def test_fill_is_all_at_once_in_whole_batches():
    fill = Fill(messages=25, batch_size=10)
    assert [fill.due_s(n) for n in range(4)] == [0, 0, 0, None]
    assert fill.due_slots(0) == 3
    assert not fill.paced
