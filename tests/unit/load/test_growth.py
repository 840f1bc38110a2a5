"""Grows, holds, or cannot tell yet: from a window, never from a look."""

import math
import random

import pytest

from redrive.load.shapes.growth import Growth, Look, growth_of, service_s_of, trend_of


def looks(backlog, *, seconds=20, rng=None, noise=0.0, waiting=lambda value: value, age=lambda _: None):
    rng = rng or random.Random(1)
    return [
        Look(
            at_s=at_s,
            backlog=max(0.0, backlog(at_s) + rng.gauss(0, noise)),
            waiting=waiting(backlog(at_s)),
            oldest_age_s=age(at_s),
        )
        for at_s in range(seconds)
    ]


def judged(those, *, rate=100.0, last=False, measured=None):
    return growth_of(those, rate=rate, resolution=0.02, grain=10.0, last=last, measured=measured)


def test_a_trend_is_the_slope_and_how_well_it_is_known():
    trend = trend_of([(at_s, 3 * at_s + 7) for at_s in range(10)])
    assert trend.per_s == pytest.approx(3)
    assert trend.error == pytest.approx(0, abs=1e-6)
    assert trend_of([(at_s, 3 * at_s) for at_s in range(5)]).error == math.inf
    assert trend_of([(1.0, 3)] * 10).error == math.inf
    assert trend_of([(at_s, 7) for at_s in range(10)], grain=10).error > 0.2


def test_the_error_of_a_trend_covers_how_far_it_is_off():
    rng, off = random.Random(3), 0
    for _ in range(400):
        level, points = 0.0, []
        for at_s in range(60):  # each look resembles the one before
            level = 0.7 * level + rng.gauss(0, 10)
            points.append((at_s, level))
        trend = trend_of(points)
        off += not trend.low <= 0 <= trend.high
    assert off / 400 < 0.1


def test_growth_above_the_resolution_grows_and_below_it_holds():
    assert judged(looks(lambda at_s: 20 * at_s, noise=10)) is Growth.GROWS
    assert judged(looks(lambda _: 50, noise=5)) is Growth.HOLDS
    assert judged(looks(lambda at_s: 1000 - 20 * at_s, noise=10)) is Growth.HOLDS


def test_slow_growth_does_not_hold_until_the_window_is_long_enough_to_see_it():
    def slow(at_s):
        return 4.0 * at_s

    assert judged(looks(slow, seconds=10, noise=15)) is Growth.UNCLEAR
    assert judged(looks(slow, seconds=80, noise=15)) is Growth.GROWS


def test_growth_that_slows_down_is_not_taken_for_growth():
    assert judged(looks(lambda at_s: 400 * (1 - math.exp(-at_s / 4)))) is not Growth.GROWS
    # The mapping has scaled up by the middle of the window.
    assert judged(looks(lambda at_s: 50.0 * min(at_s, 15), seconds=60)) is Growth.HOLDS


def test_until_messages_are_done_any_backlog_grows():
    # A function that takes a minute: for a minute everything that is sent is in flight.
    first = looks(lambda at_s: 100.0 * at_s, waiting=lambda _: 0.0)
    assert service_s_of(first, rate=100) == math.inf
    assert judged(first) is Growth.UNCLEAR
    assert judged(first, last=True) is Growth.GROWS
    assert service_s_of(looks(lambda _: 500.0, waiting=lambda _: 0.0), rate=100) == pytest.approx(5)
    assert service_s_of([Look(at_s=1, backlog=3)], rate=100) == 0


def test_at_the_end_of_the_longest_window_the_age_decides_or_what_was_measured_or_the_slope():
    def window(age=lambda _: None):
        return looks(lambda at_s: 2.0 * at_s + 300, noise=60, seconds=40, age=age)

    assert judged(window()) is Growth.UNCLEAR
    assert judged(window(lambda at_s: 0.05 * at_s), last=True) is Growth.GROWS
    assert judged(window(lambda _: 3.0), last=True) is Growth.HOLDS
    assert judged(window(), last=True, measured=90) is Growth.GROWS
    assert judged(window(), last=True, measured=110) is Growth.HOLDS
    assert judged(window(), last=True) in {Growth.GROWS, Growth.HOLDS}
    assert judged(window()[:3], last=True) is Growth.UNCLEAR
