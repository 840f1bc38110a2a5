"""Virtual time: what is to happen when."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeVarTuple

__all__ = ["Agenda"]

Ts = TypeVarTuple("Ts")


class Agenda:
    """A clock and what is due on it.

    Times are milliseconds. What is due at one moment happens in the order of planning.

    ``after_moment`` is called whenever all that was due at a moment has happened: sends of one moment arrive together,
    before anybody looks. ``passes`` is called with two times whenever the clock is about to go from one to the other.
    """

    def __init__(
        self, start_ms: int, after_moment: Callable[[], None], passes: Callable[[int, int], None] | None = None
    ) -> None:
        self.now_ms = start_ms
        self._after_moment = after_moment
        self._passes = passes
        self._due: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._planned = 0

    def __len__(self) -> int:
        """How much is left to happen."""
        return len(self._due)

    def at(self, at_ms: int, what: Callable[[*Ts], None], *arguments: *Ts) -> None:
        """Plan something; what is planned for a time that has passed happens next."""
        self._planned += 1
        heappush(self._due, (at_ms, self._planned, what, arguments))

    def run_until(self, until_ms: int, *, as_long_as: Callable[[], bool] = lambda: True) -> None:
        """Let everything happen that is due by then. The clock stays at the last that happened."""
        while self._due and self._due[0][0] <= until_ms and as_long_as():
            at_ms, _, what, arguments = heappop(self._due)
            if at_ms > self.now_ms:
                if self._passes is not None:
                    self._passes(self.now_ms, at_ms)
                self.now_ms = at_ms
            what(*arguments)
            if not self._due or self._due[0][0] > self.now_ms:
                self._after_moment()

    def pass_to(self, at_ms: int) -> None:
        """As :meth:`run_until`, and then it is that time."""
        self.run_until(at_ms)
        self.now_ms = max(self.now_ms, at_ms)
