"""When something falls due for which message, earliest first."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

__all__ = ["Timetable"]

_TIDY_AT_LEAST = 1_024


class Timetable:
    """Due times of messages, each known by its ordinal.

    Entries are never taken out: ``still_holds`` says of one whether it counts, and one that does not is dropped when it
    comes up, or when there are too many of them. It holds numbers only, so a message that is gone is not kept alive by
    a time that is days away.
    """

    def __init__(self, still_holds: Callable[[int, int], bool]) -> None:
        self._still_holds = still_holds
        self._entries: list[tuple[int, int]] = []
        self._tidy_at = _TIDY_AT_LEAST

    def __len__(self) -> int:
        """How many entries there are, those included that no longer count."""
        return len(self._entries)

    def add(self, at_ms: int, ordinal: int) -> None:
        """Something falls due for this message."""
        entries = self._entries
        heappush(entries, (at_ms, ordinal))
        if len(entries) >= self._tidy_at:
            entries[:] = [entry for entry in entries if self._still_holds(*entry)]
            heapify(entries)
            # Twice as many as remain: so each addition pays for two entries at most.
            self._tidy_at = max(_TIDY_AT_LEAST, 2 * len(entries))

    def clear(self) -> None:
        """Nothing falls due any more."""
        self._entries.clear()

    def next_ms(self) -> int | None:
        """When the next thing falls due, if anything does."""
        entries = self._entries
        while entries and not self._still_holds(*entries[0]):
            heappop(entries)
        return entries[0][0] if entries else None

    def pop_due(self, now_ms: int) -> int | None:
        """The ordinal of a message for which something is due by now; None when that is all."""
        entries = self._entries
        while entries and entries[0][0] <= now_ms:
            entry = heappop(entries)
            if self._still_holds(*entry):
                while entries and entries[0] == entry:
                    heappop(entries)
                return entry[1]
        return None
