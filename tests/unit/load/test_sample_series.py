from dataclasses import replace
from itertools import pairwise

import pytest

from redrive.load.observing.sample_series import SampleSeries, worse_of
from redrive.load.reporting.record import Sample


def sample(at_s, visible=0, **more):
    return Sample(at_s=at_s, visible=visible, in_flight=0, delayed=0, **more)


@pytest.mark.parametrize("count", [1, 10, 11, 57, 1_000, 1_024])
def test_series_stays_small_in_order_and_keeps_the_peak(count):
    series = SampleSeries(most=10)
    for second in range(count):
        series.add(sample(float(second), visible=99 if second == count // 3 else 1, sent=second))
    assert len(series) <= 10
    assert len(series) >= min(count, 5)
    times = [one.at_s for one in series]
    assert times == sorted(set(times))
    assert series.last.at_s == count - 1
    assert series.last.sent == count - 1
    assert max(one.visible for one in series) == 99


def test_all_samples_stand_for_the_same_time_but_the_last():
    series = SampleSeries(most=8)
    for second in range(100):
        series.add(sample(float(second)))
    times = [one.at_s for one in series]
    assert {later - earlier for earlier, later in pairwise(times[:-1])} == {16.0}


def test_one_for_two_has_the_worse_of_what_was_seen_and_the_later_of_what_was_counted():
    earlier = Sample(
        at_s=1, visible=5, in_flight=2, delayed=1, dead_lettered=0, oldest_age_s=9.0, sent=10, processed=2, users=4
    )
    later = Sample(at_s=2, visible=1, in_flight=6, delayed=0, dead_lettered=1, sent=20, processed=13, users=3)
    assert worse_of(earlier, later) == replace(later, visible=5, in_flight=2, delayed=1, oldest_age_s=9.0, users=4)
    assert worse_of(later, replace(earlier, send_p99_ms=3.0)).send_p99_ms == 3.0


def test_json_has_the_backlog_and_is_made_once():
    series = SampleSeries(most=4)
    series.add(sample(0.0, visible=3))
    (first,) = series.as_json()
    assert (first["at_s"], first["backlog"]) == (0.0, 3)
    series.add(sample(1.0))
    assert series.as_json()[0] is first
    assert len(series.as_json()) == 2
