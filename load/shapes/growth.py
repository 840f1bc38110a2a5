"""Whether a backlog grows, decided from a window of looks at it: grows, holds, or cannot tell yet.

A look alone says little: batches leave a backlog in steps, the numbers of SQS are approximate, and near capacity a
backlog wanders about by itself. So a line is laid through the looks, and its slope is known no better than the looks
scatter around it, the less so the more neighbours resemble each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

__all__ = ["Growth", "Look", "Trend", "growth_of", "service_s_of", "trend_of"]

LOOKS_MIN: Final = 6

# A window has this many times the time that a message is in flight.
SERVICES_MIN: Final = 8.0

# Growth slows down if in the latter half of a window it is less than this share of all of it.
SLOWS: Final = 0.7

# Less than this share of what is sent is no processing.
HARDLY: Final = 0.02

# How many standard errors make a slope certain.
CERTAIN: Final = 2.5


class Growth(StrEnum):
    """The three answers."""

    GROWS = "grows"
    HOLDS = "holds"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at the queue. `backlog` are all messages in it, `waiting` those that nobody has received.

    `sent` counts the messages sent since the beginning; `oldest_age_s` is the age of the oldest message that waits.
    None is what cannot be seen.
    """

    at_s: float
    backlog: float
    waiting: float | None = None
    sent: float | None = None
    oldest_age_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A slope per second, and its standard error."""

    per_s: float
    error: float

    @property
    def low(self) -> float:
        """It is hardly less."""
        return self.per_s - CERTAIN * self.error

    @property
    def high(self) -> float:
        """It is hardly more."""
        return self.per_s + CERTAIN * self.error


def trend_of(points: Sequence[tuple[float, float]], *, grain: float = 0.0) -> Trend:
    """The line through points of (seconds, value). Fewer than six, or all at one time, have an infinite error.

    `grain` is the size of the steps in which the value moves: looks are never taken for more exact than that.
    """
    count = len(points)
    mean_s = math.fsum(at_s for at_s, _ in points) / max(1, count)
    spread = math.fsum((at_s - mean_s) ** 2 for at_s, _ in points)
    if count < LOOKS_MIN or not spread:
        return Trend(per_s=0.0, error=math.inf)
    mean = math.fsum(value for _, value in points) / count
    per_s = math.fsum((at_s - mean_s) * (value - mean) for at_s, value in points) / spread
    rests = [value - mean - per_s * (at_s - mean_s) for at_s, value in points]
    # A value that moves in steps is off by as much as an even distribution over a step is.
    variance = max(math.fsum(rest * rest for rest in rests) / (count - 2), grain * grain / 12)
    return Trend(per_s=per_s, error=math.sqrt(variance * _alike(rests) / spread))


def _alike(rests: Sequence[float]) -> float:
    """By how much a variance is larger because each look resembles the one before: 1 if it does not.

    Few looks make neighbours appear less alike than they are: what is known of that is put back.
    """
    square = math.fsum(rest * rest for rest in rests)
    if not square:
        return 1.0
    count = len(rests)
    alike = math.fsum(one * other for one, other in pairwise(rests)) / square
    alike = min(0.9, max(0.0, alike + (1 + 4 * alike) / count))
    return (1 + alike) / (1 - alike)


def service_s_of(looks: Sequence[Look], *, rate: float) -> float:
    """How long messages are in flight on average: how many there are, by how many are done a second (Little's law).

    Infinite if hardly any are done; 0 where it cannot be seen what is in flight.
    """
    in_flight = [look.backlog - look.waiting for look in looks if look.waiting is not None]
    if not in_flight:
        return 0.0
    done = rate - trend_of([(look.at_s, look.backlog) for look in looks]).per_s
    return math.fsum(in_flight) / len(in_flight) / done if done > HARDLY * rate else math.inf


def growth_of(
    looks: Sequence[Look],
    *,
    rate: float,
    resolution: float,
    grain: float,
    last: bool = False,
    measured: float | None = None,
) -> Growth:
    """Whether the backlog grows by more than `resolution` of the rate, in messages per second.

    Of growth that slows down it says that it is unclear, or looks at its latter half alone: the mapping scales up, or
    a window fills. Until the first messages are done a few times over, any backlog grows: that is unclear too.
    `last`: there will be no longer window. Then the oldest age decides, if it can; or else whether the rate is above
    what the consumer was `measured` to get through; or else the slope alone.
    """
    bound = resolution * rate
    whole = trend_of([(look.at_s, look.backlog) for look in looks], grain=grain)
    latter = trend_of([(look.at_s, look.backlog) for look in looks[len(looks) // 2 :]], grain=grain)
    slows = latter.per_s < SLOWS * whole.per_s
    early = looks[-1].at_s - looks[0].at_s < SERVICES_MIN * service_s_of(looks, rate=rate)
    if whole.low > bound and not slows and (last or not early):
        return Growth.GROWS
    decisive = latter if slows and whole.high > bound else whole
    if decisive.high < bound and not latter.low > bound:
        return Growth.HOLDS
    if not last:
        return Growth.UNCLEAR
    # A rate over capacity by a share makes the oldest message older by that share of the time that passes.
    age = trend_of([(look.at_s, look.oldest_age_s) for look in looks if look.oldest_age_s is not None])
    if age.low > resolution:
        return Growth.GROWS
    if age.high < resolution:
        return Growth.HOLDS
    if not math.isfinite(decisive.error):
        return Growth.UNCLEAR
    if measured is not None:
        return Growth.GROWS if rate > measured * (1 + resolution) else Growth.HOLDS
    return Growth.GROWS if decisive.per_s > bound else Growth.HOLDS
