"""How far a figure of one run lies from what the next run would show: intervals, and what they assume.

The observations of a run are not independent: a slow second is slow for all messages in it, and for the next second's
too. So means are taken over long stretches of the run, and percentiles count fewer observations than were made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, fmean, variance
from typing import Final

from .figures import Distribution
from .record import RunRecord, Sample

__all__ = [
    "STRETCHES",
    "Interval",
    "design_effect",
    "growth",
    "levels",
    "paired_interval",
    "percentile_interval",
    "ratio_interval",
    "share_interval",
    "t_quantile",
]

STRETCHES: Final = 20
"""Into how many equal parts a run is cut: long enough to be nearly independent, enough to see how they scatter."""
_STRETCHES_MIN: Final = 8
_LARGEST_CORRELATION: Final = 0.8


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a figure may lie."""

    low: float
    high: float


def t_quantile(probability: float, freedom: int) -> float:
    """Student's t from the normal quantile, by the Cornish-Fisher expansion; to 1 % from six degrees of freedom on."""
    z = NormalDist().inv_cdf(probability)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def _inflation(values: Sequence[float]) -> float:
    """By how much the variance of a mean grows because neighbours are alike; 1 where they are not."""
    mean = fmean(values)
    square = sum((value - mean) ** 2 for value in values)
    if square <= 0:
        return 1.0
    product = sum((one - mean) * (next_one - mean) for one, next_one in pairwise(values))
    correlation = min(_LARGEST_CORRELATION, max(0.0, product / square))
    return (1 + correlation) / (1 - correlation)


def design_effect(
    record: RunRecord,
    distribution: Distribution,
    *,
    percent: float,
    seen: Callable[[Sample], float | None],
    counted: Callable[[Sample], float | None],
) -> float | None:
    """How many observations of the run are worth one independent one, at a percentile; None if it cannot be said.

    `seen` is the percentile as each sample had it, `counted` how many observations there had been by then. Each
    sample's percentile is turned into its rank among all observations of the run. Of independent ones it is known how
    such ranks scatter (a beta distribution); by how much more they do, between stretches of the run, is the answer.
    """
    looks: list[_Look] = []
    before = 0.0
    for sample in record.samples:
        value, total = seen(sample), counted(sample)
        if total is not None and total > before:
            if value is not None:
                looks.append(_look(distribution.share_to(value), total - before, percent / 100))
            before = total
    if len(looks) < STRETCHES:
        return None
    stretches = [looks[len(looks) * k // STRETCHES : len(looks) * (k + 1) // STRETCHES] for k in range(STRETCHES)]
    found = [_stretch(part) for part in stretches]
    means = [mean for mean, _ in found]
    return max(1.0, variance(means) / fmean(expected for _, expected in found) * _inflation(means))


@dataclass(frozen=True, slots=True)
class _Look:
    """The rank of a look's percentile less what is expected of it, its variance, and of how many observations it is."""

    deviation: float
    variance: float
    count: float


def _look(rank: float, count: float, share: float) -> _Look:
    """The percentile was the `nearest`-th of `count` observations, whose rank has a beta distribution."""
    nearest = max(1.0, math.floor(share * count + 0.5))
    expected = nearest / (count + 1)
    return _Look(rank - expected, expected * (1 - expected) / (count + 2), count)


def _stretch(looks: Sequence[_Look]) -> tuple[float, float]:
    """The mean deviation of the looks, and the variance that it would have if all observations were independent."""
    total = sum(look.count for look in looks)
    mean = sum(look.deviation * look.count for look in looks) / total
    return mean, sum(look.variance * look.count**2 for look in looks) / total**2


def percentile_interval(
    distribution: Distribution, percent: float, *, independent: float, alpha: float
) -> Interval | None:
    """Order statistics around a percentile, for so many independent observations; None if they are too few.

    The ranks are those between which a binomial count falls (its normal approximation, with t's quantile: the number of
    independent observations is itself an estimate).
    """
    share = percent / 100
    reach = t_quantile(1 - alpha / 2, STRETCHES - 1) * math.sqrt(share * (1 - share) / independent)
    if share + reach >= 1 or share - reach <= 0:
        return None
    low = distribution.ranked(max(1, math.floor(distribution.count * (share - reach))))
    high = distribution.ranked(math.ceil(distribution.count * (share + reach)) + 1)
    return Interval(low, high)


def ratio_interval(a: float, of_a: Interval, b: float, of_b: Interval) -> Interval | None:
    """Where b / a - 1 may lie, from the intervals of both (variance estimates recovered, on logarithms)."""
    if min(a, b, of_a.low, of_b.low) <= 0:
        return None
    centre = math.log(b / a)
    below = math.hypot(math.log(b / of_b.low), math.log(of_a.high / a))
    above = math.hypot(math.log(of_b.high / b), math.log(a / of_a.low))
    return Interval(math.expm1(centre - below), math.expm1(centre + above))


def growth(
    samples: Sequence[Sample], of: Callable[[Sample], float | None], *, until_s: float, stretches: int
) -> list[float] | None:
    """By how much a count grew a second, in equal stretches of a run; None if too little was seen."""
    seen = [(0.0, 0.0)]
    for sample in samples:
        value = of(sample)
        if value is not None and sample.at_s > seen[-1][0]:
            seen.append((sample.at_s, max(value, seen[-1][1])))
    if until_s <= 0 or len(seen) <= stretches:
        return None
    cuts = [_between(seen, until_s * k / stretches) for k in range(stretches + 1)]
    return [(after - before) * stretches / until_s for before, after in pairwise(cuts)]


def _between(points: Sequence[tuple[float, float]], at: float) -> float:
    """The value at a time, on the line between the points around it."""
    for (x, y), (next_x, next_y) in pairwise(points):
        if at <= next_x:
            return y + (next_y - y) * (at - x) / (next_x - x)
    return points[-1][1]


def levels(
    samples: Sequence[Sample], of: Callable[[Sample], float | None], *, until_s: float, stretches: int
) -> list[float] | None:
    """The mean of a figure in equal stretches of a run; None if there is a stretch in which it was not seen."""
    parts: list[list[float]] = [[] for _ in range(stretches)]
    for sample in samples:
        value = of(sample)
        if value is not None and 0 <= sample.at_s < until_s:
            parts[int(sample.at_s / until_s * stretches)].append(value)
    return [fmean(part) for part in parts] if until_s > 0 and all(parts) else None


def paired_interval(a: Sequence[float], b: Sequence[float], *, alpha: float) -> Interval:
    """Where the mean of b - a may lie, stretch by stretch: what both runs do at the same time falls out."""
    differences = [after - before for before, after in zip(a, b, strict=True)]
    error = math.sqrt(variance(differences) * _inflation(differences) / len(differences))
    reach = t_quantile(1 - alpha / 2, len(differences) - 1) * error
    return Interval(fmean(differences) - reach, fmean(differences) + reach)


def share_interval(a: int, of_a: int, b: int, of_b: int, *, alpha: float) -> Interval:
    """Where the difference of two shares may lie (Newcombe, from Wilson's intervals)."""
    one, other = _wilson(a, of_a, alpha), _wilson(b, of_b, alpha)
    share_a, share_b = a / of_a, b / of_b
    return Interval(
        share_b - share_a - math.hypot(share_b - other.low, one.high - share_a),
        share_b - share_a + math.hypot(other.high - share_b, share_a - one.low),
    )


def _wilson(count: int, total: int, alpha: float) -> Interval:
    z = NormalDist().inv_cdf(1 - alpha / 2)
    share = count / total
    centre = (share + z * z / 2 / total) / (1 + z * z / total)
    reach = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / 4 / total / total)
    return Interval(centre - reach, centre + reach)
