"""How the mapping makes batches of what it receives, as a state machine (E02, E03, E12, E20).

One implementation serves the virtual driver and every poller that runs on the wall clock.
"""

import json
from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from redrive.fixtures.event_builder import build_event, build_record

from .filters import FilterCriteria
from .mapping_config import MappingConfig
from .queue import Received

__all__ = ["PAYLOAD_BYTES_MAX", "Assembly", "Batch", "record_bytes", "record_of"]

PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
LONG_POLL_MS = 20_000
RECEIVE_MAX = 10

_EVENT_BYTES = len('{"Records":[]}')
# Of a record, everything that is neither body nor attribute: ids, handle, ARN, names of keys.
_FRAME_BYTES_MAX = 4_096

D = TypeVar("D")


class Batch(NamedTuple, Generic[D]):
    """What the function gets: the deliveries, and their records in the same order (E20)."""

    deliveries: list[D]
    records: list[dict[str, Any]]

    @property
    def event(self) -> dict[str, Any]:
        """The event of the invocation."""
        return build_event(self.records)


class Assembly(Generic[D]):
    """Collects deliveries until a batch is due. A delivery is whatever its caller receives, with its record.

    A batch is due when it is full, when its window is over, or when one more record would take its payload past
    6 MB, whichever is first (E02). What does not fit is the beginning of the next batch. ``long_poll_ms`` is for how
    long a quiet queue may hold a batch with a shorter window back (E03).
    """

    def __init__(self, mapping: MappingConfig, *, long_poll_ms: int = LONG_POLL_MS) -> None:
        self._size = mapping.batch_size
        self._window_ms = mapping.batching_window_s * 1000
        self._long_poll_ms = long_poll_ms
        self._filters = FilterCriteria(mapping.filters) if mapping.filters else None
        self._opened_ms = self._grew_ms = 0
        self._clear()

    def _clear(self) -> None:
        self._deliveries: list[D] = []
        self._records: list[dict[str, Any]] = []
        # Exact for as many records as are measured; with the others, a bound.
        self._bytes = self._bytes_at_most = _EVENT_BYTES - len(",")
        self._measured = 0
        self._fitting: int | None = None

    def __len__(self) -> int:
        """How many deliveries wait for their batch to be due."""
        return len(self._records)

    def passes(self, record: Mapping[str, Any]) -> bool:
        """Whether the filter criteria let the record through; if not, its message is to be deleted (E12)."""
        return self._filters is None or self._filters.matches(record)

    def ask(self) -> int:
        """How many messages to ask the queue for next, 0 to 10 (S16)."""
        if self._fitting is not None:
            return 0
        return min(RECEIVE_MAX, max(0, self._size - len(self._records)))

    def add(self, now_ms: int, delivery: D, record: dict[str, Any]) -> None:
        """Take a delivery in."""
        if not self._records:
            self._opened_ms = now_ms
        self._grew_ms = now_ms
        self._deliveries.append(delivery)
        self._records.append(record)
        self._bytes_at_most += _bytes_at_most(record)
        if self._bytes_at_most > PAYLOAD_BYTES_MAX and self._fitting is None:
            self._measure()

    def due_ms(self, now_ms: int) -> int | None:
        """When to hand over the batch; None as long as there is nothing in it (E02, E03).

        On a quiet queue, from which nothing more has come since the batch was opened, the poller goes on waiting for
        as long as a long poll takes, if that is longer than the window (E03).
        """
        if not self._records:
            return None
        if len(self._records) >= self._size or self._fitting is not None:
            return now_ms
        window_ms = self._window_ms
        if window_ms and self._grew_ms == self._opened_ms:
            window_ms = max(window_ms, self._long_poll_ms)
        return self._opened_ms + window_ms

    def take(self, now_ms: int) -> Batch[D]:
        """The batch that is due; what is left over opens the next one."""
        count = len(self._records) if self._fitting is None else self._fitting
        batch = Batch(self._deliveries[:count], self._records[:count])
        left = list(zip(self._deliveries[count:], self._records[count:], strict=True))
        self._clear()
        for delivery, record in left:
            self.add(now_ms, delivery, record)
        return batch

    def _measure(self) -> None:
        """Put exact sizes in the place of bounds, and find out how many records fit into the payload."""
        for record in self._records[self._measured :]:
            size = 1 + record_bytes(record)
            if self._measured and self._bytes + size > PAYLOAD_BYTES_MAX:
                self._fitting = self._measured
                return
            self._bytes += size
            self._measured += 1
        self._bytes_at_most = self._bytes


def record_of(delivery: Received, *, queue_arn: str) -> dict[str, Any]:
    """The record that the function gets for a delivery (E20, E21, E22, S23)."""
    message, handle, receive_count = delivery
    return build_record(
        body=message.body,
        message_id=message.message_id,
        receipt_handle=handle,
        system_attributes=message.system_attributes(receive_count),
        message_attributes=message.message_attributes,
        queue_arn=queue_arn,
        md5_of_body=message.md5_of_body,
    )


def record_bytes(record: Mapping[str, Any]) -> int:
    """What a record takes of the payload: the UTF-8 bytes of its JSON, metadata included (E02)."""
    return len(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def _bytes_at_most(record: Mapping[str, Any]) -> int:
    """A bound that costs nothing: a character takes up to six bytes of JSON, and few batches come near the limit."""
    attributes = record["messageAttributes"]
    size = 6 * len(record["body"]) + _FRAME_BYTES_MAX
    return size + 6 * len(str(attributes)) if attributes else size
