"""Which messages of a run are processed: each counted once, however often somebody says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from ..sending.correlation import Mark
from .histograms import Histogram, percentile_of

__all__ = ["NUMBER_MAX", "Numbers", "Tally"]

NUMBER_MAX: Final = 1_000_000_000
"""Numbers above this are nobody's: a set of them has a bit for each number below its largest."""

_NOT_FULL: Final = re.compile(rb"[^\xff]")
# One due time is kept for so many messages in a row: they were sent within a few batches.
_BLOCK: Final = 16


class Numbers:
    """A set of whole numbers from 0, a bit for each."""

    __slots__ = ("_bits", "_full_bytes", "count", "largest")

    def __init__(self) -> None:
        self._bits = bytearray()
        self._full_bytes = 0
        self.count = 0
        self.largest = -1

    def add(self, number: int) -> bool:
        """Put a number in; False if it was there."""
        at, bit = number >> 3, 1 << (number & 7)
        if at >= len(self._bits):
            self._bits.extend(bytes(max(at + 1 - len(self._bits), len(self._bits))))
        if self._bits[at] & bit:
            return False
        self._bits[at] |= bit
        self.count += 1
        self.largest = max(self.largest, number)
        return True

    def __contains__(self, number: int) -> bool:
        at = number >> 3
        return at < len(self._bits) and bool(self._bits[at] & 1 << (number & 7))

    def lowest_missing(self, skip: int = 0) -> int:
        """The lowest number that is not in the set, or the one after `skip` such."""
        begin = self._full_bytes
        self._full_bytes = len(self._bits)
        for found in _NOT_FULL.finditer(self._bits, begin):
            at = found.start()
            self._full_bytes = min(self._full_bytes, at)
            for bit in range(8):
                if not self._bits[at] & 1 << bit:
                    if not skip:
                        return at * 8 + bit
                    skip -= 1
        return len(self._bits) * 8 + skip


class Tally:
    """Counts the messages of one run as they are processed, and how long they took.

    `ours` turns a sender's time into ours. A message that comes after its business key was done, as a duplicate, is
    processed as well. The histogram is in microseconds. A mark whose due time is 0 does not say when it was due.
    """

    def __init__(self, run: str, *, ours: Callable[[str, float], float], began_at_ms: float) -> None:
        self.run = run
        self._ours = ours
        self._began_at_ms = began_at_ms
        self._processed: dict[str, Numbers] = {}
        self._settled: dict[str, Numbers] = {}
        self._dues_ms: dict[str, dict[int, int]] = {}
        self.processed = 0
        self.end_to_end = Histogram()
        self._window_ms: list[float] = []
        self.before_due = 0
        """Latencies below zero, which only clocks can make; they count as zero."""

    def add_done(self, mark: Mark, at_ms: float | None) -> float | None:
        """A message is processed, by our clock at this time; returns its latency if this was not known before."""
        if not self._is_ours(mark):
            return None
        self._remember_due(mark)
        self._settled.setdefault(mark.sender, Numbers()).add(mark.number)
        if not self._processed.setdefault(mark.sender, Numbers()).add(mark.number):
            return None
        self.processed += 1
        if at_ms is None:
            return None
        latency_ms = at_ms - self._ours(mark.sender, mark.due_at_ms)
        if latency_ms < 0:
            self.before_due += 1
            latency_ms = 0.0
        self.end_to_end.record(latency_ms * 1000)
        self._window_ms.append(latency_ms)
        return latency_ms

    def add_dead(self, mark: Mark) -> None:
        """A message has failed for the last time, and goes to the DLQ."""
        if self._is_ours(mark):
            self._remember_due(mark)
            self._settled.setdefault(mark.sender, Numbers()).add(mark.number)

    def taken_window(self) -> tuple[float | None, float | None]:
        """Median and 99th percentile of the latencies since this was last asked."""
        window_ms, self._window_ms = self._window_ms, []
        return percentile_of(window_ms, 50), percentile_of(window_ms, 99)

    def seen_of(self, sender: str) -> tuple[int, int]:
        """How many messages of a sender were processed, and how many it must have made for that."""
        numbers = self._processed.get(sender, Numbers())
        settled = self._settled.get(sender, Numbers())
        return numbers.count, settled.largest + 1

    def oldest_due_ms(self, made: Mapping[str, tuple[int, int]], *, skip: int = 0) -> float | None:
        """When, by our clock, the oldest message that waits was due; None if none waits.

        `made` says for each sender how many messages it made and how many of those the queue does not have; so many
        numbers that are missing are no messages that wait. Nobody knows which, so the oldest are taken for them, and
        `skip` more in all: with any of them the message is at least so old. Exact where there are none.
        """
        oldest_ms: float | None = None
        for sender, (count, not_sent) in made.items():
            number = self._settled.setdefault(sender, Numbers()).lowest_missing(not_sent + skip)
            if number >= count:
                continue
            due_ms = self._ours(sender, self._due_ms(sender, number))
            oldest_ms = due_ms if oldest_ms is None else min(oldest_ms, due_ms)
        return oldest_ms

    def _is_ours(self, mark: Mark) -> bool:
        return mark.run == self.run and mark.number < NUMBER_MAX

    def _remember_due(self, mark: Mark) -> None:
        if not mark.due_at_ms:
            return
        dues_ms = self._dues_ms.setdefault(mark.sender, {})
        block = mark.number // _BLOCK
        dues_ms[block] = min(mark.due_at_ms, dues_ms.get(block, mark.due_at_ms))

    def _due_ms(self, sender: str, number: int) -> float:
        """About when a message was due: as its nearest neighbour before it that was seen."""
        dues_ms = self._dues_ms.get(sender, {})
        for block in range(number // _BLOCK, -1, -1):
            if block in dues_ms:
                return dues_ms[block]
        return self._began_at_ms
