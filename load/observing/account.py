"""The account of a run: every message that was sent is processed, in the DLQ, or still in the queue."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Account", "Basis"]


class Basis(StrEnum):
    """What `processed` counts."""

    MESSAGE = "message"
    """Messages, each told apart by its mark."""
    KEY = "key"
    """Business keys: a message that repeats a key is not seen when it is processed."""
    NOT_SEEN = "not seen"
    """What is neither in the DLQ nor in the queue: by subtraction, so that nothing checks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Counts of messages. `sent` were accepted by the queue, `unknown` may have been: their answer never came.

    Of the sent, `duplicates` repeat the key of another one. `processed` counts each message or business key once, as
    `basis` says; `written_twice` are keys whose effect happened more often. `there_before` were in the queue when the
    run began, and may be among those found. `sent_at_least`: a sender ended without a last word, and may have sent
    more. `not_seen` says why there is no account at all.
    """

    sent: int
    unknown: int
    processed: int
    dead_lettered: int
    left: int
    written_twice: int = 0
    duplicates: int = 0
    basis: str = Basis.KEY.value
    there_before: int = 0
    sent_at_least: bool = False
    not_seen: str | None = None

    @classmethod
    def by_subtraction(
        cls, *, sent: int, unknown: int, dead_lettered: int, left: int, there_before: int = 0, **more: Any
    ) -> Account:
        """The account where nobody saw a message being processed: what is nowhere else must have been."""
        return cls(
            sent=sent,
            unknown=unknown,
            processed=max(0, sent - dead_lettered - left),
            dead_lettered=dead_lettered,
            left=left,
            there_before=there_before,
            basis=Basis.NOT_SEEN.value,
            **more,
        )

    @property
    def repeats(self) -> int:
        """Messages that were processed without being seen, as they repeat a key."""
        return self.duplicates if self.basis == Basis.KEY else 0

    @property
    def found(self) -> int:
        """The messages that are somewhere."""
        return self.processed + self.repeats + self.dead_lettered + self.left

    @property
    def difference(self) -> int:
        """How many are missing (negative) or too many; messages of unknown fate may be either."""
        if self.found < self.sent:
            return self.found - self.sent
        # A repeat that waits or is dead is counted there as well.
        seen_twice = min(self.repeats, self.dead_lettered + self.left)
        return max(0, self.found - self.sent - self.unknown - self.there_before - seen_twice)

    @property
    def problem(self) -> str | None:
        """What is wrong with the run, on one line; None if it is right."""
        if self.not_seen is not None:
            return f"there is no account: {self.not_seen}"
        if self.sent_at_least:
            return "a worker ended without a last word: nobody knows what was sent, and so nothing can be balanced"
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
        unchecked = " (by subtraction, not checked)" if self.basis == Basis.NOT_SEEN else ""
        repeats = f" + repeating a key {self.repeats}" if self.repeats else ""
        before = f" (of which {self.there_before} may be from before the run)" if self.there_before else ""
        sent = f"sent at least {self.sent}" if self.sent_at_least else f"sent {self.sent}"
        sign = "?" if self.sent_at_least or self.not_seen else "=" if self.difference == 0 else "≠"
        return (
            f"{sent}{unknown} {sign} processed {self.processed}{unchecked}{repeats} "
            f"+ in the DLQ {self.dead_lettered} + left in the queue {self.left}{before}"
        )

    def as_json(self) -> dict[str, Any]:
        """The counts by name, with what follows from them."""
        return {**asdict(self), "repeats": self.repeats, "difference": self.difference, "problem": self.problem}
