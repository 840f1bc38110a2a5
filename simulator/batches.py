"""Batch requests: up to ten sends, deletions or changes of visibility, each of which can fail by itself (S02)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from redrive.fixtures.event_builder import MessageAttribute

from .deduplication import NO_DEDUPLICATION_ID
from .errors import SqsError
from .message_limits import size_bytes
from .messages import Sent
from .queue import Queue

__all__ = [
    "BatchAnswer",
    "DeleteEntry",
    "FailedEntry",
    "SendEntry",
    "VisibilityEntry",
    "change_visibility_batch",
    "delete_batch",
    "send_batch",
]

ENTRIES_MAX: Final = 10
BATCH_BYTES_MAX: Final = 1_048_576

_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEntry:
    """One message of a batch send; the fields are :meth:`Queue.send`'s."""

    id: str
    body: str
    message_attributes: Mapping[str, MessageAttribute] | None = None
    delay_s: int | None = None
    group: str | None = None
    deduplication_id: str | None = None
    trace_header: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteEntry:
    """One deletion of a batch."""

    id: str
    receipt_handle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibilityEntry:
    """One change of visibility of a batch."""

    id: str
    receipt_handle: str
    timeout_s: int


class FailedEntry(NamedTuple):
    """An entry that failed, as the API's ``Failed`` lists it; ``code`` is :attr:`SqsError.query_code`."""

    id: str
    code: str
    message: str
    sender_fault: bool


_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswer(Generic[_Answer]):
    """What became of the entries, by their ids and in their order."""

    successful: Mapping[str, _Answer]
    failed: tuple[FailedEntry, ...]


def send_batch(queue: Queue, now_ms: int, entries: Sequence[SendEntry]) -> BatchAnswer[Sent]:
    """Send up to ten messages, in their order.

    The total is limited to 1,048,576 bytes whatever the queue's maximum message size; a message over that fails by
    itself. On a FIFO queue a message without group or deduplication id refuses the whole request (recording).

    Raises :class:`SqsError` for the request as a whole: ``EmptyBatchRequest``, ``TooManyEntriesInBatchRequest``,
    ``InvalidBatchEntryId``, ``BatchEntryIdsNotDistinct``, ``BatchRequestTooLong``, ``InvalidParameterValue``.
    """
    _check_entries("SendMessageBatchRequestEntry", entries)
    if queue.is_fifo:
        _check_fifo_entries(entries, content_based=queue.config.content_based_deduplication)
    total_bytes = sum(size_bytes(entry.body, entry.message_attributes) for entry in entries)
    if total_bytes > BATCH_BYTES_MAX:
        raise SqsError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {BATCH_BYTES_MAX} bytes. You have sent {total_bytes} bytes.",
        )
    return _each(
        entries,
        lambda entry: queue.send(
            now_ms,
            entry.body,
            message_attributes=entry.message_attributes,
            delay_s=entry.delay_s,
            group=entry.group,
            deduplication_id=entry.deduplication_id,
            trace_header=entry.trace_header,
        ),
    )


def delete_batch(queue: Queue, now_ms: int, entries: Sequence[DeleteEntry]) -> BatchAnswer[None]:
    """Delete up to ten messages by receipt handle.

    Raises :class:`SqsError` for the request as a whole: ``EmptyBatchRequest``, ``TooManyEntriesInBatchRequest``,
    ``InvalidBatchEntryId``, ``BatchEntryIdsNotDistinct``.
    """
    _check_entries("DeleteMessageBatchRequestEntry", entries)
    return _each(entries, lambda entry: queue.delete(now_ms, entry.receipt_handle))


def change_visibility_batch(queue: Queue, now_ms: int, entries: Sequence[VisibilityEntry]) -> BatchAnswer[None]:
    """Change the visibility of up to ten messages by receipt handle. Raises as :func:`delete_batch` does."""
    _check_entries("ChangeMessageVisibilityBatchRequestEntry", entries)
    return _each(entries, lambda entry: queue.change_visibility(now_ms, entry.receipt_handle, entry.timeout_s))


class _Entry(Protocol):
    @property
    def id(self) -> str: ...


_E = TypeVar("_E", bound=_Entry)


def _each(entries: Sequence[_E], do: Callable[[_E], _Answer]) -> BatchAnswer[_Answer]:
    successful: dict[str, _Answer] = {}
    failed: list[FailedEntry] = []
    for entry in entries:
        try:
            successful[entry.id] = do(entry)
        except SqsError as error:
            failed.append(FailedEntry(entry.id, error.query_code, error.message, error.http_status < 500))
    return BatchAnswer(successful=successful, failed=tuple(failed))


def _check_entries(kind: str, entries: Sequence[_Entry]) -> None:
    if not entries:
        raise SqsError("EmptyBatchRequest", f"There should be at least one {kind} in the request.")
    if len(entries) > ENTRIES_MAX:
        message = f"Maximum number of entries per request are {ENTRIES_MAX}. You have sent {len(entries)}."
        raise SqsError("TooManyEntriesInBatchRequest", message)
    seen: set[str] = set()
    for entry in entries:
        if _ENTRY_ID.fullmatch(entry.id) is None:
            raise SqsError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most "
                "80 letters long.",
            )
        if entry.id in seen:
            raise SqsError("BatchEntryIdsNotDistinct", f"Id {entry.id} repeated.")
        seen.add(entry.id)


def _check_fifo_entries(entries: Sequence[SendEntry], *, content_based: bool) -> None:
    if not all(entry.group for entry in entries):
        raise SqsError("InvalidParameterValue", "The request must contain the parameter MessageGroupId.")
    if not content_based and any(entry.deduplication_id is None for entry in entries):
        raise SqsError("InvalidParameterValue", NO_DEDUPLICATION_ID)
