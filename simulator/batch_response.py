"""How the mapping reads what an invocation came to (E05 to E09)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .function import Ending, Outcome

__all__ = ["BatchResult", "BatchVerdict", "read_batch_response", "read_outcome"]


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
