"""What happened, as values, in the order in which it happened. Times are milliseconds since the epoch."""

from typing import NamedTuple

from .event_source import BatchVerdict
from .function import Ending

__all__ = [
    "Began",
    "DeadLettered",
    "DeleteLost",
    "DeleteRefused",
    "Deleted",
    "Delivered",
    "Ended",
    "Event",
    "Reappeared",
    "Sent",
]


class Sent(NamedTuple):
    """The producer sent its message number ``message``; ``enqueued`` is False where deduplication swallowed it."""

    at_ms: int
    message: int
    message_id: str
    enqueued: bool


class Began(NamedTuple):
    """An invocation began with a batch of ``size`` messages."""

    at_ms: int
    invocation: int
    environment: int
    cold: bool
    size: int


class Delivered(NamedTuple):
    """A message was in the batch of an invocation; ``receive_count`` is what the record says."""

    at_ms: int
    invocation: int
    message_id: str
    receive_count: int
    md5_of_body: str


class Ended(NamedTuple):
    """An invocation ended, and how the mapping read it."""

    at_ms: int
    invocation: int
    ending: Ending
    payload: str | None
    verdict: BatchVerdict
    failed: frozenset[str]
    problem: str | None


class Deleted(NamedTuple):
    """The mapping deleted a message: it is acknowledged."""

    at_ms: int
    invocation: int
    message_id: str


class DeleteLost(NamedTuple):
    """The mapping meant to delete a message, and the request was lost."""

    at_ms: int
    invocation: int
    message_id: str


class DeleteRefused(NamedTuple):
    """The queue refused the deletion, as a FIFO queue does once the receipt handle has expired (S08)."""

    at_ms: int
    invocation: int
    message_id: str
    code: str


class Reappeared(NamedTuple):
    """A message that was in flight or deleted became visible once more (S17)."""

    at_ms: int
    message_id: str


class DeadLettered(NamedTuple):
    """A message was moved to the dead-letter queue after ``receive_count`` deliveries."""

    at_ms: int
    message_id: str
    receive_count: int


Event = Sent | Began | Delivered | Ended | Deleted | DeleteLost | DeleteRefused | Reappeared | DeadLettered
