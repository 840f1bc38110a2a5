"""The queue and its DLQ, looked at again and again from outside."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from .queue_attributes import DeadLetters, QueueDepth, dead_letters_of, queue_depth

__all__ = ["FAILURES", "Problems", "QueueSeen", "QueueWatch"]

FAILURES: Final = (BotoCoreError, ClientError, KeyError, OSError, TypeError, ValueError)
"""What looking may raise: AWS refuses or is away, or answers what it should not."""


class Problems:
    """What went wrong with observing, each thing told once, when it first happens."""

    def __init__(self, say: Callable[[str], object] | None = None) -> None:
        self._say = say or (lambda line: sys.stderr.write(f"redrive.load: {line}\n"))
        self._told: dict[str, str] = {}

    def tell(self, what: str, why: BaseException | str = "") -> None:
        """Something could not be seen."""
        if what in self._told:
            return
        reason = why if isinstance(why, str) else " ".join(f"{type(why).__name__}: {why}".split())
        self._told[what] = f"{what}: {reason}" if reason else what
        self._say(self._told[what])

    @property
    def lines(self) -> tuple[str, ...]:
        """All of them, one line each."""
        return tuple(self._told.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSeen:
    """A look at the queue. `dead_lettered` is how many messages came to the DLQ since the watch began."""

    depth: QueueDepth
    dead_lettered: int | None


class QueueWatch:
    """Looks at a queue and at its DLQ, from how they were when it was made. Nothing is raised."""

    def __init__(self, sqs: Any, queue_url: str, problems: Problems) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._problems = problems
        self.dead_letters: DeadLetters | None = None
        self._dlq_is_known = False
        self.there_before = 0
        self.dead_before = 0
        self._begin()

    def _begin(self) -> None:
        try:
            self.dead_letters = dead_letters_of(self._sqs, self._queue_url)
            self._dlq_is_known = True
        except FAILURES as error:
            self._problems.tell("the queue's redrive policy could not be read, so the DLQ is not seen", error)
        if self._dlq_is_known and self.dead_letters is None:
            self._problems.tell("the queue has no DLQ: a message that fails is tried until it expires")
        seen = self.look()
        if seen is None:
            return
        self.there_before, self.dead_before = seen.depth.total, seen.dead_lettered or 0
        if self.there_before:
            self._problems.tell(
                f"the queue held {self.there_before} messages before the run: what is left in it and what came to the"
                " DLQ may be of those"
            )
        if self.dead_before:
            self._problems.tell(f"the DLQ held {self.dead_before} messages before the run: they are not counted")

    def look(self) -> QueueSeen | None:
        """Look at both; None if the queue cannot be seen."""
        try:
            depth = queue_depth(self._sqs, self._queue_url)
        except FAILURES as error:
            self._problems.tell("the depth of the queue could not be seen", error)
            return None
        return QueueSeen(depth=depth, dead_lettered=self._dead())

    def _dead(self) -> int | None:
        if self.dead_letters is None:
            return 0 if self._dlq_is_known else None
        try:
            return max(0, queue_depth(self._sqs, self.dead_letters.dlq_url).total - self.dead_before)
        except FAILURES as error:
            self._problems.tell("the depth of the DLQ could not be seen", error)
            return None
