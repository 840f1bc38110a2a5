"""What happens in real time, told by several threads: one list in one order, and what is still to come."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redrive.simulator.faults import Faults
from redrive.simulator.trace import (
    Began,
    DeadLettered,
    Deleted,
    Delivered,
    Ended,
    Filtered,
    LetGo,
    Reappeared,
    Redriven,
    Sent,
)

from ..poller import epoch_ms

__all__ = ["Recorder"]


class Recorder:
    """Takes events of :mod:`redrive.simulator.trace` and :mod:`redrive.scenarios.history`, from any thread.

    It is the world of the invocations of its run (:class:`.in_progress.World`). Messages are followed by their id from
    where they are sent to where they are at rest: deleted, filtered out or dead-lettered.
    """

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults if faults is not None else Faults()
        self.events: list[Any] = []
        self._lock = threading.RLock()
        self._numbers: dict[str, int] = {}
        self._receives: Counter[str] = Counter()
        self._awaited: set[str] = set()
        self._coming_again: set[str] = set()
        self._dead: set[str] = set()
        self._running: set[int] = set()
        self._empty_events = 0
        self._invocations = 0

    @property
    def now_ms(self) -> int:
        """The wall clock."""
        return epoch_ms()

    @property
    def trace(self) -> "Recorder":
        """Itself: it has ``append``."""
        return self

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is told by others meanwhile comes after what is told within: a send before the delivery that follows."""
        with self._lock:
            yield

    def append(self, event: Any) -> None:
        """This happened next."""
        with self._lock:
            self.events.append(event)
            self._follow(event)

    def next_invocation(self) -> int:
        """The number of the invocation that is about to begin, counted from 0."""
        with self._lock:
            self._invocations += 1
            return self._invocations - 1

    def number_of(self, message_id: str) -> int | None:
        """The message's number in the plan; None for one that is not of this run."""
        with self._lock:
            return self._numbers.get(message_id)

    def knows(self, message_id: str) -> bool:
        """Whether a message of this id was sent."""
        return self.number_of(message_id) is not None

    def expect_again(self, message_id: str) -> None:
        """The message is about to be told as deleted, and comes once more all the same (S17)."""
        with self._lock:
            self._coming_again.add(message_id)

    def expect_empty_event(self) -> None:
        """An invocation without messages is about to be asked for."""
        with self._lock:
            self._empty_events += 1

    def came_again(self, message_id: str) -> None:
        """If the message was expected again, tell that it is visible once more."""
        with self._lock:
            if message_id in self._coming_again:
                self.append(Reappeared(self.now_ms, message_id))

    def dead_lettered(self, message_id: str) -> None:
        """The message was seen in the dead-letter queue. To tell so again changes nothing."""
        with self._lock:
            if message_id in self._numbers and message_id not in self._dead:
                self.append(DeadLettered(self.now_ms, message_id, self._receives[message_id]))

    def is_at_rest(self) -> bool:
        """Whether nothing is in progress, and no message that was sent is to come."""
        with self._lock:
            return not (self._awaited or self._coming_again or self._running or self._empty_events)

    def deliveries_least(self) -> int:
        """How often the message that is to come and was delivered least often was delivered; 0 if there is none."""
        with self._lock:
            return min((self._receives[message_id] for message_id in self._awaited), default=0)

    def _follow(self, event: Any) -> None:
        match event:
            case Sent(_, number, message_id, enqueued) if enqueued:
                self._numbers[message_id] = number
                self._awaited.add(message_id)
            case Delivered(message_id=message_id) | LetGo(message_id=message_id):
                self._receives[message_id] += 1
            case Began(invocation=invocation, size=size):
                self._running.add(invocation)
                self._empty_events -= size == 0 and self._empty_events > 0
            case Ended(invocation=invocation):
                self._running.discard(invocation)
            case Deleted(message_id=message_id) | Filtered(message_id=message_id):
                self._awaited.discard(message_id)
            case Reappeared(message_id=message_id):
                self._coming_again.discard(message_id)
                self._awaited.add(message_id)
            case DeadLettered(message_id=message_id):
                self._awaited.discard(message_id)
                self._coming_again.discard(message_id)
                self._dead.add(message_id)
            case Redriven(_, old, new):
                self._dead.discard(old)
                self._numbers[new] = self._numbers[old]
                self._awaited.add(new)
