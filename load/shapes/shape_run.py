"""A run that follows a shape, as whoever runs the test sees it: what is due, dealt, taken, and when it is over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from .capacity import CapacitySearch
from .growth import Look
from .mapping_switch import MappingSwitch, mapping_switch
from .schedule import SteeredSchedule
from .shares import Dealer, KeepingUp, Progress
from .written_shapes import Shape, ShapeKind

__all__ = ["Samples", "ShapeRun"]

_log: Final = logging.getLogger("redrive.load")


class Samples(Protocol):
    """Gives the looks at the queue so far, as `record.Sample` has them, oldest first."""

    def __call__(self) -> Sequence[Mapping[str, Any]]: ...


def _observed() -> Sequence[Mapping[str, Any]]:
    # Observing is part of a Locust process: it is not imported by who only reads a shape.
    from ..observing.observation import live

    samples: Sequence[Mapping[str, Any]] = live.snapshot()["samples"]
    return samples


class ShapeRun:
    """One test with a shape. Raises ValueError for options that it cannot run with.

    `progress` are the last words of each process that sends. Times are seconds since the schedule began.
    """

    TICK_S: Final = 0.25
    AHEAD_S: Final = 2.0
    AHEAD_OF_SEARCH_S: Final = 0.75
    BLIND_S: Final = 120.0
    """For how long a search waits for a look at the queue."""

    def __init__(
        self,
        shape: Shape,
        options: Any,
        *,
        samples: Samples = _observed,
        switch: Callable[[Any], MappingSwitch] = mapping_switch,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if shape.kind is ShapeKind.CAPACITY and getattr(options, "observe", None) == "none":
            raise ValueError("the capacity search has to see the queue: leave out --observe none")
        self.shape = shape
        self.batch_size: int = options.batch_size
        self.schedule = shape.schedule(batch_size=self.batch_size)
        self.dealer = Dealer(self.schedule)
        self.search = None if shape.capacity is None else CapacitySearch(shape.capacity)
        self.progress: dict[str, Progress] = {}
        self.began = False
        self.stopped = False
        self._switch = switch(options) if shape.kind is ShapeKind.DRAIN else None
        self._samples = samples
        self._clock = clock
        self._zero_s: float | None = None
        self._stopped_s: float | None = None
        self._keeping_up = KeepingUp()
        self._seen_at_s = float("-inf")
        self._looked_s = 0.0
        self._steps_told = 0
        self._drop = False

    def prepare(self) -> None:
        """What comes before the first batch. Then the schedule begins. Raises ValueError."""
        if self._switch is not None:
            self._switch.disable()
        self._zero_s = self._clock()

    def now_s(self) -> float:
        """Seconds since the schedule began; negative before."""
        return -1.0 if self._zero_s is None else self._clock() - self._zero_s

    def deal(self, now_s: float, senders: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What each process is to be told now."""
        ahead_s = self.AHEAD_S if self.search is None else self.AHEAD_OF_SEARCH_S
        taken = {name: progress.taken + progress.dropped for name, progress in self.progress.items()}
        hands = self.dealer.deal(now_s + ahead_s, senders, taken)
        last = self._is_last()
        # Told over and over: a process that was out of reach learns of the end as well.
        told = senders if last or self._drop else list(hands)
        dealt = {
            name: {"now_s": now_s, "dues_s": hands.get(name, []), "last": last, "drop": self._drop} for name in told
        }
        self._drop = False
        return dealt

    def _is_last(self) -> bool:
        return self.dealer.ended or (self.search is not None and self.search.answer is not None)

    def is_over(self, now_s: float, senders: Sequence[str]) -> bool:
        """Its time is over, every slot is dealt, and no process that could still send one has any left.

        Where no process has users any more, what is left of it is not sent: it does not wait for others to come.
        """
        ends_s = self.schedule.seconds
        if not senders and ends_s is not None and now_s >= ends_s + self.AHEAD_S:
            return True
        return (
            self._is_last()
            and now_s >= (ends_s or 0.0)
            and all(self.progress.get(name, Progress()).done for name in senders)
        )

    def look(self, now_s: float, *, users: int) -> str | None:
        """Look at how it goes; a warning, if there is one to be given now."""
        if self.search is not None:
            self._look_for_capacity(self.search, now_s)
            return None
        if not self.schedule.paced:
            return None
        return self._keeping_up.look(
            now_s, due=self.due_messages(), taken=self.taken_messages(), behind_s=self.behind_s(), users=users
        )

    def _look_for_capacity(self, search: CapacitySearch, now_s: float) -> None:
        samples = [sample for sample in self._samples() if sample["at_s"] > self._seen_at_s]
        for sample in samples:
            self._seen_at_s = sample["at_s"]
            wanted = search.rate
            search.look(self._look_of(sample))
            if search.rate != wanted:
                self._steer(search, now_s, sample["at_s"])
        if samples:
            self._looked_s = now_s
        elif search.answer is None and now_s - self._looked_s > self.BLIND_S:
            search.stop(f"the queue could not be looked at for {self.BLIND_S:.0f} s")
            self._steer(search, now_s, now_s)
        for step in search.steps[self._steps_told :]:
            _log.info("%s", step)
        self._steps_told = len(search.steps)

    def _look_of(self, sample: Mapping[str, Any]) -> Look:
        waiting = sample["visible"] + sample["delayed"]
        return Look(
            at_s=sample["at_s"],
            backlog=waiting + sample["in_flight"],
            waiting=waiting,
            sent=self.taken_messages(),
            oldest_age_s=sample.get("oldest_age_s"),
        )

    def _steer(self, search: CapacitySearch, now_s: float, sample_s: float) -> None:
        """Send at another rate from where nothing is dealt yet. What is late is not sent any more."""
        assert isinstance(self.schedule, SteeredSchedule)
        from_s = now_s + self.AHEAD_OF_SEARCH_S
        self.schedule.change(from_s, search.rate)
        self._drop = True
        search.begin(sample_s + self.AHEAD_OF_SEARCH_S)
        _log.info("capacity search: %s", search.phase)

    def due_messages(self) -> int:
        """How many messages are due by now, or were when it ended."""
        return self._due_messages(0.0)

    def _due_messages(self, ago_s: float) -> int:
        now_s = self.now_s() if self._stopped_s is None else self._stopped_s
        return self.schedule.due_slots(now_s - ago_s) * self.batch_size

    def taken_messages(self) -> int:
        """How many of those were taken by users."""
        return sum(progress.taken for progress in self.progress.values()) * self.batch_size

    def not_sent_messages(self) -> int:
        """How many were due and were not taken; while the schedule goes on, those that are due this moment aside.

        None in a search for the capacity: it drops what is due whenever it changes the rate.
        """
        if self.search is not None:
            return 0
        now_s, ends_s = self.now_s() if self._stopped_s is None else self._stopped_s, self.schedule.seconds
        goes_on = ends_s is None or now_s < ends_s
        return max(0, self._due_messages(self.TICK_S if goes_on else 0.0) - self.taken_messages())

    def behind_s(self) -> float:
        """For how long the next batch has been due, of the process that is furthest behind."""
        return max((progress.behind_s for progress in self.progress.values()), default=0.0)

    # The end.

    def finish(self) -> None:
        """Everything is sent: what comes after. Raises ValueError."""
        if self._switch is not None:
            self._switch.enable()

    def stop(self) -> None:
        """The test is being stopped, by us or by somebody else."""
        if self.stopped:
            return
        self.stopped = True
        self._stopped_s = self.now_s()
        if self.search is not None:
            self.search.stop("the run was ended before the search was")
        if self._switch is not None:
            self._switch.enable()

    def restore(self) -> None:
        """Put back what was changed."""
        if self._switch is not None:
            self._switch.restore()

    def lines(self) -> list[str]:
        """What there is to say at the end."""
        lines = []
        if self.search is not None and self.search.answer is not None:
            lines.append(f"capacity  {self.search.answer}")
        elif self.not_sent_messages():
            lines.append(f"late      {self.not_sent_messages()} messages were due and had not been sent at the end")
        return lines
