"""How many batches the mapping has with the function at once (E13 to E16), as a state machine that is told the time."""

import math

from .mapping_config import MappingConfig

__all__ = ["Concurrency"]

START = 5
GROWTH_PER_MINUTE = 300
MOST = 1_000
LEAST = 2

BATCHES_PER_POLLER = 10
PROVISIONED_GROWTH_PER_MINUTE = 1_000
BYTES_PER_POLLER_AND_SECOND = 1_000_000

_MINUTE_MS = 60_000


class Concurrency:
    """The number of concurrent batches of one mapping.

    On a standard queue it starts with five and grows while all are in use and messages are left (:meth:`busy`), evenly:
    one more each 200 ms in the place of 300 more each minute. It falls back when the queue has nothing to give
    (:meth:`idle`). A function error or a throttle halves it (:meth:`back_off`): AWS says that it gets less, and not by
    how much, so half, and not below two, is a choice.

    On a FIFO queue it is the maximum from the beginning: what bounds it are the message groups, of which each
    is in one batch at a time (E14, S18).
    """

    def __init__(self, mapping: MappingConfig, *, fifo: bool = False) -> None:
        self._growth_per_minute = GROWTH_PER_MINUTE
        self._bytes_per_s_and_batch: float | None = None
        if mapping.concurrent_batches is not None:
            start = least = most = mapping.concurrent_batches
        elif mapping.provisioned_pollers is not None:
            start = least = mapping.provisioned_pollers.minimum * BATCHES_PER_POLLER
            most = mapping.provisioned_pollers.maximum * BATCHES_PER_POLLER
            self._growth_per_minute = PROVISIONED_GROWTH_PER_MINUTE
            self._bytes_per_s_and_batch = BYTES_PER_POLLER_AND_SECOND / BATCHES_PER_POLLER
        else:
            most = MOST if mapping.maximum_concurrency is None else mapping.maximum_concurrency
            start, least = (most if fifo else START), LEAST
        self._most = most
        self._start = min(start, most)
        self._least = min(least, most)
        self._level = self._start
        self._grows_since_ms: int | None = None
        self._read_until_ms = 0.0

    def limit(self, now_ms: int) -> int:
        """How many batches may be with the function now."""
        if self._grows_since_ms is None:
            return self._level
        grown = (now_ms - self._grows_since_ms) * self._growth_per_minute // _MINUTE_MS
        return min(self._most, self._level + grown)

    def busy(self, now_ms: int) -> int | None:
        """All that may be with the function are, and more messages are there: grow (E13).

        Returns when there will be one more; None if there are as many as there may be.
        """
        limit = self.limit(now_ms)
        if limit == self._most:
            return None
        if self._grows_since_ms is None:
            self._grows_since_ms = now_ms
        more = limit - self._level + 1
        return self._grows_since_ms + -(-more * _MINUTE_MS // self._growth_per_minute)

    def idle(self) -> None:
        """The queue has nothing to give: back to where it started (E13)."""
        self._level = self._start
        self._grows_since_ms = None

    def back_off(self, now_ms: int) -> None:
        """A function error or a throttle, of which items reported as failed are none (E16, E17)."""
        self._level = max(self._least, self.limit(now_ms) // 2)
        self._grows_since_ms = None

    def read(self, now_ms: int, size_bytes: int) -> None:
        """A batch of this size was read, not before :meth:`may_read_ms`: a poller reads a megabyte a second (E15)."""
        if self._bytes_per_s_and_batch is not None:
            took_ms = 1000 * size_bytes / (self._bytes_per_s_and_batch * self.limit(now_ms))
            self._read_until_ms = now_ms + took_ms

    def may_read_ms(self) -> int:
        """When the pollers may read again (E15)."""
        return math.ceil(self._read_until_ms)
