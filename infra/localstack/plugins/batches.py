"""What the mapping does to the messages of one poll, where LocalStack's own does it otherwise than AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

__all__ = ["PAYLOAD_BYTES_MAX", "batches_by_size", "for_filters", "with_lists"]

PAYLOAD_BYTES_MAX: Final = 6 * 1024 * 1024
"""The largest event that the mapping gives to a function, records and all (E02)."""

_EVENT_BYTES: Final = len('{"Records":[]}')
_DIGITS_MAX: Final = 4_300


def batches_by_size(records: Sequence[dict[str, Any]], source: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
    """The records in their order, in as few events as fit into 6 MB each (E02).

    ``source`` is what the mapping adds to every record; it counts.
    """
    batch: list[dict[str, Any]] = []
    total_bytes = _EVENT_BYTES
    for record in records:
        size = 1 + _json_bytes({**record, **source})
        if batch and total_bytes + size - 1 > PAYLOAD_BYTES_MAX:
            yield batch
            batch, total_bytes = [], _EVENT_BYTES
        batch.append(record)
        total_bytes += size
    if batch:
        yield batch


def for_filters(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as filter patterns see it: a body that is JSON is data (E12). The record itself stays as it is."""
    try:
        body = json.loads(record["body"], parse_int=_number)
    except (ValueError, RecursionError):
        return dict(record)
    return {**record, "body": body}


def with_lists(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the two empty lists that each of its message attributes has (E21)."""
    lists: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    attributes = {name: {**lists, **value} for name, value in record.get("messageAttributes", {}).items()}
    return {**record, "messageAttributes": attributes}


def _number(text: str) -> int | float:
    """Python reads no longer integers than this; to a pattern the difference is none."""
    return int(text) if len(text) <= _DIGITS_MAX else float(text)


def _json_bytes(record: Mapping[str, Any]) -> int:
    return len(json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=_text_of_bytes).encode())


def _text_of_bytes(value: Any) -> str:
    """A binary attribute goes out as base64: four characters for each three bytes."""
    return "=" * (4 * -(-len(value) // 3))
