"""What happened, as values, in the order in which it happened. Times are milliseconds since the epoch."""

from typing import NamedTuple

from .batch_response import BatchVerdict
from .faults import Fault
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
    "Expired",
    "Filtered",
    "LetGo",
    "Reappeared",
    "Redriven",
    "SendRefused",
    "Sent",
    "Struck",
    "Throttled",
]


class Sent(NamedTuple):
    """The producer sent its message number ``message``; ``enqueued`` is False where deduplication swallowed it."""

    at_ms: int
    message: int
    message_id: str
    enqueued: bool


class Filtered(NamedTuple):
    """A message matched no filter: the mapping deleted it without an invocation (E12)."""

    at_ms: int
    message_id: str


class Throttled(NamedTuple):
    """The function could not be invoked with a batch; the mapping tries again later (E17)."""

    at_ms: int
    invocation: int
    size: int


class LetGo(NamedTuple):
    """The mapping gave up on a throttled batch; the receive of its message counts all the same (E17)."""

    at_ms: int
    invocation: int
    message_id: str
    receive_count: int


class Began(NamedTuple):
    """An invocation began with a batch of ``size`` messages.

    Environments are counted from 1. A cold one was made for this invocation.
    """

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


class SendRefused(NamedTuple):
    """The queue refused a send (S01 to S04, S19 to S21): there is no such message."""

    at_ms: int
    message: int
    code: str


class DeleteRefused(NamedTuple):
    """The queue refused the deletion: of a FIFO queue, an expired receipt handle (S08); or it failed (E11)."""

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


class Redriven(NamedTuple):
    """A message was moved back from the dead-letter queue, and has a new message id (S12)."""

    at_ms: int
    message_id: str
    new_message_id: str


class Expired(NamedTuple):
    """The retention of a message was over: it is gone (S13)."""

    at_ms: int
    message_id: str


class Struck(NamedTuple):
    """A fault struck; ``invocation`` is the one that it struck, None for one that strikes a message."""

    at_ms: int
    invocation: int | None
    fault: Fault


Event = (
    Sent
    | SendRefused
    | Filtered
    | Throttled
    | LetGo
    | Began
    | Delivered
    | Ended
    | Deleted
    | DeleteLost
    | DeleteRefused
    | Reappeared
    | DeadLettered
    | Redriven
    | Expired
    | Struck
)
