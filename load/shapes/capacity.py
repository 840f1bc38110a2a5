"""How much a consumer can take: a search for the rate at which its backlog begins to grow.

The rate is doubled until the backlog grows, and then the interval between the highest rate that held and the lowest
that did not is halved until it is as narrow as wanted. Each rate is judged from a window of looks, see `growth`. After
a rate that was too much the queue drains first. What the consumer gets through while it has more to do than it can is a
second, direct measurement of the same, and is told beside the interval.

The search is a state machine that does no I/O: it is fed with looks, and says which rate it wants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import median
from typing import Any, Final

from .growth import Growth, Look, growth_of, service_s_of, trend_of

__all__ = ["CapacityAnswer", "CapacityPlan", "CapacitySearch", "Limit", "Step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityPlan:
    """How to search. Rates are messages per second.

    `precision` is how far apart the ends of the interval may be, as a share of the lower one. A window takes from
    `window_s` to `window_max_s`; looks within `settle_s` after a change of rate are left out. `grain` is the size of
    the steps in which the backlog moves, in messages. Draining may take `drain_max_s`.
    """

    start_rate: float = 20.0
    most_rate: float | None = None
    precision: float = 0.1
    settle_s: float = 4.0
    window_s: float = 10.0
    window_max_s: float = 120.0
    drain_max_s: float = 900.0
    grain: float = 10.0

    def __post_init__(self) -> None:
        if not 0.01 <= self.precision <= 1:
            raise ValueError("the precision is from 1% to 100%")
        if self.start_rate <= 0:
            raise ValueError("the rate to start with is 0")
        if self.most_rate is not None and self.most_rate < self.start_rate:
            raise ValueError("the highest rate is below the one to start with")

    @property
    def resolution(self) -> float:
        """A backlog that grows by less than this share of the rate holds."""
        return self.precision / 5


class Limit(StrEnum):
    """What kept the search from going on."""

    NONE = "none"
    SENDER = "sender"
    HIGHEST_RATE = "highest rate"
    NOT_DRAINED = "not drained"
    NO_CONSUMER = "no consumer"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A rate that was tried: `sent_rate` is what was really sent, `growth_per_s` how fast the backlog grew."""

    rate: float
    sent_rate: float
    seconds: float
    growth: Growth
    growth_per_s: float

    def __str__(self) -> str:
        return (
            f"{self.sent_rate:.1f} messages/s for {self.seconds:.0f} s: backlog {self.growth} "
            f"({self.growth_per_s:+.1f} messages/s)"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityAnswer:
    """The capacity is between `low` and `high` messages per second; None where no rate showed that end.

    `measured` is what the consumer got through while it had more to do than it could, where that was seen.
    """

    low: float | None
    high: float | None
    measured: float | None
    limit: Limit
    reasons: tuple[str, ...]
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            found = f"between {self.low:.1f} and {self.high:.1f} messages/s"
        elif self.low is not None:
            found = f"at least {self.low:.1f} messages/s"
        elif self.high is not None:
            found = f"less than {self.high:.1f} messages/s"
        else:
            found = "not known"
        return "; ".join((found, *self.reasons))

    def as_json(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)


class _Phase(StrEnum):
    BASE = "looking at the queue before anything is sent"
    RATE = "sending"
    DRAIN = "draining"
    OVER = "over"


# If less than this share of what was wanted is sent for sure, then it is the sender that is measured.
_SENT_ENOUGH: Final = 0.97
_BASE_LOOKS: Final = 3

# Whoever judges a window at every look sees growth sooner or later.
_LONGER: Final = 1.4

# A window has at least this many batches, and may have this many times the time that a message is in flight.
_BATCHES_MIN: Final = 4
_SERVICES: Final = 8
_HALVINGS_MAX: Final = 8


class CapacitySearch:
    """Feed it with `look`, and send at `rate`: where that has changed, say with `begin` when the new rate began."""

    def __init__(self, plan: CapacityPlan) -> None:
        self._plan = plan
        self._phase = _Phase.BASE
        self._looks: list[Look] = []
        self._began_s: float | None = 0.0
        self._base = 0.0
        self._judged_s = 0.0
        self._low: float | None = None
        self._high: float | None = None
        self._steps: list[Step] = []
        self._measured: list[float] = []
        self._notes: list[str] = []
        self.rate = 0.0
        self.answer: CapacityAnswer | None = None

    @property
    def phase(self) -> str:
        """What it does, in words."""
        return f"{self._phase} {self.rate:.1f} messages/s" if self._phase is _Phase.RATE else str(self._phase)

    @property
    def steps(self) -> Sequence[Step]:
        """The rates that were tried so far."""
        return self._steps

    def begin(self, at_s: float) -> None:
        """The rate that was wanted is sent from now on, by the clock of the looks."""
        self._began_s = at_s

    def look(self, look: Look) -> None:
        """Take a look at the queue in. Looks that do not come after the one before are left out."""
        if self.answer is not None or self._began_s is None or (self._looks and look.at_s <= self._looks[-1].at_s):
            return
        match self._phase:
            case _Phase.BASE:
                self._look_before(look)
            case _Phase.DRAIN:
                if look.at_s >= self._began_s:
                    self._look_at_drain(look)
            case _:
                if look.at_s >= self._began_s + self._plan.settle_s:
                    self._look_at_rate(look)

    def stop(self, why: str) -> CapacityAnswer:
        """End it with what is known by now."""
        return self.answer or self._end(Limit.STOPPED, why)

    # Before.

    def _look_before(self, look: Look) -> None:
        self._looks.append(look)
        if len(self._looks) >= _BASE_LOOKS:
            self._base = median(seen.backlog for seen in self._looks)
            self._try(self._plan.start_rate)

    # A rate.

    def _try(self, rate: float) -> None:
        self._phase = _Phase.RATE
        self._change(rate)

    def _change(self, rate: float) -> None:
        self.rate = rate
        self._looks = []
        self._judged_s = 0.0
        self._began_s = None

    def _look_at_rate(self, look: Look) -> None:
        self._looks.append(look)
        plan = self._plan
        seconds = look.at_s - self._looks[0].at_s
        if seconds < max(plan.window_s, _BATCHES_MIN * plan.grain / self.rate, self._judged_s * _LONGER):
            return
        self._judged_s = seconds
        sent_rate = self._sent_rate()
        service_s = service_s_of(self._looks, rate=sent_rate)
        longest_s = max(plan.window_max_s, _SERVICES * service_s) if math.isfinite(service_s) else plan.window_max_s
        last = seconds >= min(longest_s, plan.drain_max_s)
        growth = growth_of(
            self._looks,
            rate=sent_rate,
            resolution=plan.resolution,
            grain=plan.grain,
            last=last,
            measured=median(self._measured) if self._measured else None,
        )
        if last and growth is Growth.GROWS and math.isinf(service_s):
            self._end(Limit.NO_CONSUMER, f"nothing was taken out of the queue in {seconds:.0f} s: is there a consumer?")
            return
        if growth is Growth.UNCLEAR:
            if last:
                self._end(Limit.STOPPED, f"there were too few looks at the queue in {seconds:.0f} s")
            return
        trend = trend_of([(seen.at_s, seen.backlog) for seen in self._looks])
        step = Step(
            rate=self.rate, sent_rate=sent_rate, seconds=seconds, growth=growth, growth_per_s=round(trend.per_s, 3)
        )
        self._steps.append(step)
        if last:
            self._notes.append(f"{sent_rate:.1f} messages/s is near: in {seconds:.0f} s it was hard to tell")
        if growth is Growth.GROWS:
            self._grew(step, max(0.0, sent_rate - trend.per_s))
        else:
            self._held(step)

    def _sent_rate(self) -> float:
        """What is really sent: what was wanted, unless the sender cannot."""
        sent = [(look.at_s, look.sent) for look in self._looks if look.sent is not None]
        trend = trend_of(sent)
        if not math.isfinite(trend.error) or trend.high >= _SENT_ENOUGH * self.rate:
            return self.rate
        return max(0.0, trend.per_s)

    def _held(self, step: Step) -> None:
        if step.sent_rate > 0:
            self._low = max(step.sent_rate, self._low or 0.0)
        if step.sent_rate < step.rate:
            self._end(Limit.SENDER, f"the sender is the limit: {step.rate:.1f} messages/s were wanted")
        elif self._high is None and step.rate == self._plan.most_rate:
            self._end(Limit.HIGHEST_RATE, "that is the highest rate that was allowed")
        else:
            self._go_on()

    def _grew(self, step: Step, got_through: float) -> None:
        self._high = min(step.sent_rate, self._high or math.inf)
        if got_through:
            self._measured.append(got_through)
        self._phase = _Phase.DRAIN
        self._change(0.0)

    # After a rate that was too much.

    def _look_at_drain(self, look: Look) -> None:
        self._looks.append(look)
        enough = self._base + max(self._plan.grain, 0.02 * self._looks[0].backlog)
        seconds = look.at_s - self._looks[0].at_s
        if look.backlog <= enough:
            self._drained()
        elif seconds >= self._plan.drain_max_s:
            self._end(Limit.NOT_DRAINED, f"the queue did not drain within {seconds:.0f} s")
        elif seconds >= self._plan.window_max_s and look.backlog >= self._looks[0].backlog:
            self._end(Limit.NO_CONSUMER, f"nothing was taken out of the queue in {seconds:.0f} s: is there a consumer?")

    def _drained(self) -> None:
        # The last look may have come when the queue had been empty for a while.
        falling = [(look.at_s, look.backlog) for look in self._looks[:-1]]
        trend = trend_of(falling)
        if math.isfinite(trend.error) and trend.per_s < 0:
            self._measured.append(-trend.per_s)
        self._go_on()

    # The next rate, or the end.

    def _go_on(self) -> None:
        low, high, plan = self._low, self._high, self._plan
        if low is not None and high is not None:
            if high <= low * (1 + plan.precision):
                self._end(Limit.NONE)
            else:
                self._try(math.sqrt(low * high))
        elif high is None:
            most = plan.most_rate if plan.most_rate is not None else math.inf
            self._try(min(most, self.rate * 2))
        elif len(self._steps) > _HALVINGS_MAX:
            self._end(Limit.NO_CONSUMER, "the backlog grew at every rate that was tried")
        else:
            self._try(high / 2)

    def _end(self, limit: Limit, why: str = "") -> CapacityAnswer:
        self._phase = _Phase.OVER
        self.rate = 0.0
        measured = median(self._measured) if self._measured else None
        reasons = [*([why] if why else []), *self._notes]
        if measured is not None:
            reasons.append(f"with more to do than it could it got through {measured:.1f} messages/s")
            if not self._agrees(measured):
                reasons.append("which is not what the interval says: under overload it may be slower, or scale up")
        self.answer = CapacityAnswer(
            low=self._low,
            high=self._high,
            measured=measured,
            limit=limit,
            reasons=tuple(reasons),
            steps=tuple(self._steps),
        )
        return self.answer

    def _agrees(self, measured: float) -> bool:
        room = 1 + self._plan.precision
        low, high = self._low or 0.0, self._high if self._high is not None else math.inf
        return low / room <= measured <= high * room
