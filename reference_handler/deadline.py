"""How much of the invocation is left, and what may still be begun in it."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Deadline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The invocation's end, kept at a distance.

    `remaining_ms` is the context's `get_remaining_time_in_millis`. An invocation that times out loses its answer:
    every message of the batch comes back, the processed ones too. So work stops while the answer can still be given.
    """

    remaining_ms: Callable[[], int]
    reserve_ms: int

    def may_begin(self) -> bool:
        """Is there time to begin a claim or an effect?"""
        return self.remaining_ms() >= self.reserve_ms

    def may_settle(self) -> bool:
        """Is there time to complete or release a claim? Half of the reserve is for this, half for the answer."""
        return self.may_spend(0)

    def may_spend(self, spent_ms: int) -> bool:
        """Is there time for what takes so long, and for the answer after it?"""
        return self.remaining_ms() - spent_ms >= self.reserve_ms / 2
