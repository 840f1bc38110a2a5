"""The account of a run: every message that was sent is processed, in the DLQ, or still in the queue."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Account"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Counts of messages. `sent` were accepted by the queue, `unknown` may have been: their answer never came.

    `processed` counts each business key once; `written_twice` are keys whose effect happened more often.
    """

    sent: int
    unknown: int
    processed: int
    dead_lettered: int
    left: int
    written_twice: int = 0

    @property
    def found(self) -> int:
        """The messages that are somewhere."""
        return self.processed + self.dead_lettered + self.left

    @property
    def difference(self) -> int:
        """How many are missing (negative) or too many; messages of unknown fate may be either."""
        if self.found < self.sent:
            return self.found - self.sent
        return max(0, self.found - self.sent - self.unknown)

    @property
    def problem(self) -> str | None:
        """What is wrong with the run, on one line; None if it is right."""
        if self.sent == 0:
            return "nothing was sent: the queue accepted no message"
        if self.difference < 0:
            return f"{-self.difference} of {self.sent} messages are neither processed, nor in the DLQ, nor in the queue"
        if self.difference > 0:
            more = "" if not self.left else "; those in flight may be processed and not deleted yet"
            return f"{self.difference} more messages were found than were sent{more}"
        if self.written_twice:
            return f"the effect of {self.written_twice} messages happened more than once"
        return None

    def __str__(self) -> str:
        unknown = f" (and up to {self.unknown} whose answer never came)" if self.unknown else ""
        sign = "=" if self.difference == 0 else "≠"
        return (
            f"sent {self.sent}{unknown} {sign} processed {self.processed} "
            f"+ in the DLQ {self.dead_lettered} + left in the queue {self.left}"
        )

    def as_json(self) -> dict[str, Any]:
        """The counts by name, with what follows from them."""
        return {**asdict(self), "difference": self.difference, "problem": self.problem}
