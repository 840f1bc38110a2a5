"""How far the clocks of the workers are from the master's, so that latencies can be reckoned from one to the other.

The master asks a worker for its time and notes when it asked and when the answer came. The worker looked at its clock
some time between the two: so its offset is known but for half of the round trip, whatever the ways there and back took.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["ClockOffsets", "Offset", "answered", "asked", "offset_of"]

# The best of the last few: a worker that is busy answers late, and clocks drift apart slowly.
_KEPT: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """How far a clock is ahead of ours, in milliseconds, to within `bound_ms` either way."""

    offset_ms: float
    bound_ms: float


def offset_of(*, asked_at_ms: float, their_ms: float, answered_at_ms: float) -> Offset:
    """The offset from one exchange: ours when we asked and when the answer came, theirs in between."""
    return Offset(
        offset_ms=their_ms - (asked_at_ms + answered_at_ms) / 2, bound_ms=max(0.0, answered_at_ms - asked_at_ms) / 2
    )


def asked(now_ms: float) -> dict[str, float]:
    """The master's question."""
    return {"asked_at_ms": now_ms}


def answered(question: Mapping[str, Any], *, sender: str, now_ms: float) -> dict[str, Any]:
    """A worker's answer to it."""
    return {"asked_at_ms": question["asked_at_ms"], "their_ms": now_ms, "sender": sender}


class ClockOffsets:
    """The offsets of all senders. Who has answered nothing has our own clock: the process that asks itself."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[Offset]] = {}

    def take(self, answer: Mapping[str, Any], *, now_ms: float) -> None:
        """Take in an answer. Raises KeyError, TypeError or ValueError if it is none."""
        offset = offset_of(
            asked_at_ms=float(answer["asked_at_ms"]), their_ms=float(answer["their_ms"]), answered_at_ms=now_ms
        )
        self._seen.setdefault(str(answer["sender"]), deque(maxlen=_KEPT)).append(offset)

    def of(self, sender: str) -> Offset | None:
        """The offset of a sender's clock; None if it was never asked."""
        seen = self._seen.get(sender)
        return min(seen, key=lambda offset: offset.bound_ms) if seen else None

    def ours(self, sender: str, their_ms: float) -> float:
        """A sender's time by our clock."""
        offset = self.of(sender)
        return their_ms if offset is None else their_ms - offset.offset_ms

    @property
    def worst_bound_ms(self) -> float:
        """How wrong a time of any sender may come out."""
        return max((offset.bound_ms for sender in self._seen if (offset := self.of(sender))), default=0.0)
