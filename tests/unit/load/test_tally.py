from random import Random

import pytest

from redrive.load.observing.tally import NUMBER_MAX, Numbers, Tally
from redrive.load.sending.correlation import Mark

RUN = "0f0f0f0f"


def mark(number, due_at_ms=1_000_000, sender="0", run=RUN):
    return Mark(run=run, sender=sender, number=number, due_at_ms=due_at_ms)


@pytest.fixture
def tally():
    return Tally(RUN, ours=lambda _sender, their_ms: their_ms, began_at_ms=900_000)


def test_numbers_are_a_set():
    random, numbers, seen = Random(3), Numbers(), set()
    for _ in range(3_000):
        number = random.randrange(2_000)
        assert numbers.add(number) == (number not in seen)
        seen.add(number)
        assert numbers.count == len(seen)
    assert numbers.largest == max(seen)
    assert all((number in numbers) == (number in seen) for number in range(2_100))


def test_lowest_missing_moves_on_as_gaps_close():
    random, numbers = Random(5), Numbers()
    order = random.sample(range(500), 500)
    there = set()
    for number in order:
        numbers.add(number)
        there.add(number)
        missing = [number for number in range(600) if number not in there]
        assert numbers.lowest_missing() == missing[0]
        assert numbers.lowest_missing(3) == missing[3]
    assert Numbers().lowest_missing() == 0
    assert Numbers().lowest_missing(4) == 4


def test_each_message_is_counted_once_with_its_first_latency(tally):
    assert tally.add_done(mark(0), 1_000_250) == 250
    assert tally.add_done(mark(0), 1_009_000) is None
    assert tally.add_done(mark(0, sender="1"), 1_000_100) == 100
    assert (tally.processed, tally.end_to_end.count) == (2, 2)
    assert tally.end_to_end.max == pytest.approx(250_000, rel=1e-3)
    assert tally.taken_window() == (100, 250)
    assert tally.taken_window() == (None, None)


def test_messages_of_another_run_do_not_count(tally):
    assert tally.add_done(mark(0, run="ffffffff"), 1_000_250) is None
    assert tally.add_done(mark(NUMBER_MAX), 1_000_250) is None
    tally.add_dead(mark(0, run="ffffffff"))
    assert tally.processed == 0


def test_sender_clock_is_corrected():
    tally = Tally(RUN, ours=lambda sender, their_ms: their_ms - {"1": 60_000}[sender], began_at_ms=0)
    assert tally.add_done(mark(0, due_at_ms=1_060_000, sender="1"), 1_000_040) == 40


def test_less_than_no_time_counts_as_none_and_is_told(tally):
    assert tally.add_done(mark(0), 999_999) == 0
    assert tally.before_due == 1


def test_what_does_not_say_when_counts_without_a_latency(tally):
    assert tally.add_done(mark(0), None) is None
    assert (tally.processed, tally.end_to_end.count) == (1, 0)


def test_oldest_is_the_lowest_number_that_is_not_settled(tally):
    for number in range(40):
        if number not in (17, 20):
            tally.add_done(mark(number, due_at_ms=1_000_000 + number * 1_000), 2_000_000)
    made = {"0": (40, 0)}
    assert tally.oldest_due_ms(made) == 1_016_000  # of its sixteen the earliest that was seen
    tally.add_done(mark(17, due_at_ms=1_017_000), 2_000_000)
    tally.add_dead(mark(20, due_at_ms=1_020_000))
    assert tally.oldest_due_ms(made) is None
    assert tally.oldest_due_ms({"0": (41, 0)}) == 1_032_000
    assert tally.processed == 39


def test_oldest_of_all_senders(tally):
    tally.add_done(mark(0, due_at_ms=1_000_000), 2_000_000)
    tally.add_done(mark(0, due_at_ms=1_500_000, sender="1"), 2_000_000)
    assert tally.oldest_due_ms({"0": (1, 0), "1": (2, 0)}) == 1_500_000
    assert tally.oldest_due_ms({"0": (2, 0), "1": (2, 0)}) == 1_000_000
    assert tally.oldest_due_ms({"2": (1, 0)}) == 900_000  # nothing of it was seen: since the beginning


def test_numbers_that_never_came_to_the_queue_are_not_waited_for(tally):
    for number in range(32):
        if number not in (2, 30):
            tally.add_done(mark(number, due_at_ms=1_000_000 + number * 1_000), 2_000_000)
    assert tally.oldest_due_ms({"0": (32, 1)}) == 1_016_000
    assert tally.oldest_due_ms({"0": (32, 2)}) is None
    assert tally.oldest_due_ms({"0": (32, 0)}, skip=2) is None


def test_seen_of_a_sender_is_a_lower_bound_of_what_it_made(tally):
    for number in (0, 7, 9):
        tally.add_done(mark(number), 1_000_001)
    tally.add_dead(mark(11))
    assert tally.seen_of("0") == (3, 12)
    assert tally.seen_of("1") == (0, 0)
