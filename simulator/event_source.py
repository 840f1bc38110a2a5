"""The rules of the event source mapping, as pure functions: what it accepts, and how it reads a response.

One implementation serves the virtual driver and every poller that runs on the wall clock.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redrive.fixtures.event_builder import build_event, build_record

from .errors import SqsError
from .function import Ending, Outcome
from .queue import Received

__all__ = [
    "BatchResult",
    "BatchVerdict",
    "MappingConfig",
    "batch_event",
    "batch_is_due_ms",
    "polls",
    "read_batch_response",
    "read_outcome",
    "validate_mapping",
]

BATCH_SIZE_MAX_FIFO = 10
BATCH_SIZE_MAX_STANDARD = 10_000
BATCH_SIZE_MAX_WITHOUT_WINDOW = 10
BATCHING_WINDOW_S_MAX = 300
FUNCTION_TIMEOUT_S_MAX = 900
RECEIVE_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingConfig:
    """The event source mapping and, of its function, the timeout.

    ``concurrent_batches`` is how many batches may be with the function at once.
    """

    batch_size: int = 10
    batching_window_s: int = 0
    report_batch_item_failures: bool = True
    function_timeout_s: int = 60
    concurrent_batches: int = 1


def validate_mapping(mapping: MappingConfig, *, fifo: bool, visibility_timeout_s: int) -> None:
    """Raise :class:`SqsError` ``InvalidParameterValueException`` for a mapping that Lambda refuses (E01, E02, E04)."""
    most = BATCH_SIZE_MAX_FIFO if fifo else BATCH_SIZE_MAX_STANDARD
    if not 1 <= mapping.batch_size <= most:
        _refuse(f"BatchSize {mapping.batch_size} is not from 1 to {most}")
    if not 0 <= mapping.batching_window_s <= BATCHING_WINDOW_S_MAX:
        _refuse(f"MaximumBatchingWindowInSeconds {mapping.batching_window_s} is not from 0 to {BATCHING_WINDOW_S_MAX}")
    if fifo and mapping.batching_window_s:
        _refuse("Batching window is not supported for FIFO queues")
    if mapping.batch_size > BATCH_SIZE_MAX_WITHOUT_WINDOW and mapping.batching_window_s < 1:
        _refuse("MaximumBatchingWindowInSeconds is at least 1 for a BatchSize above 10")
    if not 1 <= mapping.function_timeout_s <= FUNCTION_TIMEOUT_S_MAX:
        _refuse(f"Timeout {mapping.function_timeout_s} is not from 1 to {FUNCTION_TIMEOUT_S_MAX}")
    if mapping.concurrent_batches < 1:
        _refuse(f"{mapping.concurrent_batches} concurrent batches are not at least 1")
    if mapping.function_timeout_s > visibility_timeout_s:
        _refuse(
            f"Queue visibility timeout: {visibility_timeout_s} seconds is less than "
            f"Function timeout: {mapping.function_timeout_s} seconds"
        )


def _refuse(message: str) -> None:
    raise SqsError("InvalidParameterValueException", message)


def polls(mapping: MappingConfig, collected: int) -> int:
    """How many messages to ask the queue for next, with ``collected`` in the open batch already (S16, E02)."""
    return min(RECEIVE_MAX, mapping.batch_size - collected)


def batch_is_due_ms(mapping: MappingConfig, *, collected: int, opened_ms: int) -> int:
    """When an open batch is to be handed to the function: at once if it is full, else when the window ends (E02)."""
    if collected >= mapping.batch_size:
        return opened_ms
    return opened_ms + mapping.batching_window_s * 1000


def batch_event(batch: Sequence[Received], *, queue_arn: str) -> dict[str, Any]:
    """The event that the function gets for a batch (E20, E21, E22, S23)."""
    return build_event(
        build_record(
            body=message.body,
            message_id=message.message_id,
            receipt_handle=handle,
            system_attributes=message.system_attributes(receive_count),
            message_attributes=message.message_attributes,
            queue_arn=queue_arn,
            md5_of_body=message.md5_of_body,
        )
        for message, handle, receive_count in batch
    )


class BatchVerdict(StrEnum):
    """What the mapping makes of a response."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """How the mapping reads a response.

    ``failed`` holds the message ids that come back; all of them for a failed batch. ``problem`` says what is wrong with
    the response where something is, even where AWS happens to forgive it.
    """

    verdict: BatchVerdict
    failed: frozenset[str]
    problem: str | None = None


def read_batch_response(
    payload: str | None, message_ids: Iterable[str], *, report_batch_item_failures: bool = True
) -> BatchResult:
    """Read a function's response to a batch (E05 to E09).

    ``payload`` is the response's JSON text, None or empty where the function answered nothing. Without
    ``report_batch_item_failures`` any normal return is success (E08).
    """
    sent = frozenset(message_ids)
    if not report_batch_item_failures:
        return _success()
    if payload is None or not payload.strip():
        return _success()
    try:
        response = _JSON.decode(payload)
    except (ValueError, RecursionError):
        return _failure(sent, "the response is not JSON")
    if response is None:
        return _success()
    if not isinstance(response, dict):
        # Documented nowhere; the choice that is hardest on the consumer.
        return _failure(sent, f"the response is {_kind(response)}, not an object")
    if "batchItemFailures" not in response:
        return _success("the response is an object without batchItemFailures" if response else None)
    return _read_items(response["batchItemFailures"], sent)


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


# Python's own reader takes NaN and Infinity, and its writer makes them.
_JSON = json.JSONDecoder(parse_constant=_not_json)


def read_outcome(
    outcome: Outcome, message_ids: Iterable[str], *, report_batch_item_failures: bool = True
) -> BatchResult:
    """Read what an invocation came to: its response if it returned, else failure of the whole batch (E06)."""
    if outcome.ending is Ending.RETURNED:
        return read_batch_response(outcome.payload, message_ids, report_batch_item_failures=report_batch_item_failures)
    return BatchResult(verdict=BatchVerdict.FAILURE, failed=frozenset(message_ids))


def _read_items(items: Any, sent: frozenset[str]) -> BatchResult:
    if items is None:
        return _success()
    if not isinstance(items, list):
        return _failure(sent, f"batchItemFailures is {_kind(items)}, not a list")
    failed = set()
    for position, item in enumerate(items):
        where = f"batchItemFailures[{position}]"
        if not isinstance(item, dict) or "itemIdentifier" not in item:
            return _failure(sent, f"{where} has no itemIdentifier")
        identifier = item["itemIdentifier"]
        if not isinstance(identifier, str) or not identifier:
            return _failure(sent, f"{where} has an itemIdentifier that is {_kind(identifier)}")
        if identifier not in sent:
            return _failure(sent, f"{where} has an itemIdentifier that is not in the batch")
        failed.add(identifier)
    if not failed:
        return _success()
    return BatchResult(verdict=BatchVerdict.PARTIAL, failed=frozenset(failed))


def _success(problem: str | None = None) -> BatchResult:
    return BatchResult(verdict=BatchVerdict.SUCCESS, failed=frozenset(), problem=problem)


def _failure(sent: frozenset[str], problem: str) -> BatchResult:
    return BatchResult(verdict=BatchVerdict.FAILURE, failed=sent, problem=problem)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case "":
            return "empty"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"
