"""The event of an SQS event source mapping (E20, E21), read with suspicion.

    EventError           the event as a whole cannot be answered: the invocation fails, the batch comes back
    MalformedRecord      one record cannot be processed: it fails alone, and ends in the DLQ

Unknown fields are ignored: AWS may add some any day.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .reasons import shown

__all__ = [
    "EventError",
    "Malformed",
    "MalformedRecord",
    "MessageAttribute",
    "Pointer",
    "Received",
    "Record",
    "parse_event",
]

_COUNT = re.compile(r"[0-9]{1,9}")


class EventError(ValueError):
    """Not an event that can be answered with batch item failures."""


class MalformedRecord(ValueError):
    """A record that cannot be processed. The message names fields, never their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAttribute:
    """A message attribute with its binary values decoded. The type may bear a custom label (`Number.price`)."""

    data_type: str
    string_value: str | None = None
    binary_value: bytes | None = None
    string_list_values: tuple[str, ...] = ()
    binary_list_values: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Where a body is that its message does not have (E25)."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record whose every text encodes as UTF-8. `attributes` are the system attributes (S23).

    `pointer` says where the body was, if it was not in the message.
    """

    message_id: str
    body: str
    receipt_handle: str | None = None
    md5_of_body: str | None = None
    md5_of_message_attributes: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    message_attributes: Mapping[str, MessageAttribute] = field(default_factory=dict)
    queue_arn: str | None = None
    aws_region: str | None = None
    pointer: Pointer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """What stands in for a record that could not be read."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One place in the batch: what is known of any record, and the record itself if it could be read.

    `order_group` is the message group whose order must be kept, None on a standard queue, where a message group
    (fair queues, S21) orders nothing.
    """

    message_id: str
    content: Record | Malformed
    message_group: str | None = None
    order_group: str | None = None
    receive_count: int | None = None


def parse_event(event: Any) -> list[Received]:
    """Read an event. Raises EventError if it is none, or if a record lacks the message id to report it by."""
    if not isinstance(event, dict):
        raise EventError(f"the event is not an object but {type(event).__name__}")
    if event.get("Records") is None:
        raise EventError("the event has no Records: it does not come from an SQS event source mapping")
    raws = event["Records"]
    if not isinstance(raws, list):
        raise EventError(f"Records is not a list but {type(raws).__name__}")
    for index, raw in enumerate(raws):
        if not isinstance(raw, dict):
            raise EventError(f"Records[{index}] is not an object but {type(raw).__name__}")
        message_id = raw.get("messageId")
        if not isinstance(message_id, str) or not message_id:
            raise EventError(f"Records[{index}] has no messageId, so its failure could not be reported")
    return [
        Received(
            message_id=raw["messageId"],
            content=_content(raw),
            message_group=_system_attribute(raw, "MessageGroupId"),
            order_group=order_group,
            receive_count=_receive_count(raw),
        )
        for raw, order_group in zip(raws, _order_groups(raws), strict=True)
    ]


def _order_groups(raws: Sequence[dict[str, Any]]) -> list[str | None]:
    if not any(_is_fifo(raw) for raw in raws):
        return [None] * len(raws)
    groups = [_system_attribute(raw, "MessageGroupId") for raw in raws]
    # A record that does not say its group could be of any: then the whole batch keeps its order.
    return list(groups) if None not in groups else [""] * len(raws)


def _is_fifo(raw: dict[str, Any]) -> bool:
    arn = raw.get("eventSourceARN")
    if isinstance(arn, str) and arn.endswith(".fifo"):
        return True
    # On a standard queue a message may have a group, and never has a sequence number (S20, S21).
    return all(_system_attribute(raw, name) for name in ("MessageGroupId", "SequenceNumber"))


def _system_attribute(raw: dict[str, Any], name: str) -> str | None:
    attributes = raw.get("attributes")
    value = attributes.get(name) if isinstance(attributes, dict) else None
    return value if isinstance(value, str) and value else None


def _receive_count(raw: dict[str, Any]) -> int | None:
    text = _system_attribute(raw, "ApproximateReceiveCount") or ""
    return int(text) if _COUNT.fullmatch(text) else None


def _content(raw: dict[str, Any]) -> Record | Malformed:
    try:
        return _record(raw)
    except MalformedRecord as error:
        return Malformed(reason=str(error))


def _record(raw: dict[str, Any]) -> Record:
    _optional_text(raw, "eventSource")
    return Record(
        message_id=_text(raw["messageId"], "messageId"),
        body=_text(raw.get("body"), "body"),
        receipt_handle=_optional_text(raw, "receiptHandle"),
        md5_of_body=_optional_text(raw, "md5OfBody"),
        md5_of_message_attributes=_optional_text(raw, "md5OfMessageAttributes"),
        attributes={
            _text(name, "the name of a system attribute"): _text(value, f"system attribute {shown(name)}")
            for name, value in _object(raw, "attributes").items()
        },
        message_attributes={
            _text(name, "the name of a message attribute"): _message_attribute(name, value)
            for name, value in _object(raw, "messageAttributes").items()
        },
        queue_arn=_optional_text(raw, "eventSourceARN"),
        aws_region=_optional_text(raw, "awsRegion"),
    )


def _message_attribute(name: Any, raw: Any) -> MessageAttribute:
    what = f"message attribute {shown(name)}"
    if not isinstance(raw, dict):
        raise MalformedRecord(f"{what} is not an object")
    string_value, binary_value = raw.get("stringValue"), raw.get("binaryValue")
    attribute = MessageAttribute(
        data_type=_text(raw.get("dataType"), f"dataType of {what}"),
        string_value=None if string_value is None else _text(string_value, f"stringValue of {what}"),
        binary_value=None if binary_value is None else _binary(binary_value, f"binaryValue of {what}"),
        string_list_values=tuple(
            _text(value, f"a string list value of {what}") for value in _list(raw, "stringListValues", what)
        ),
        binary_list_values=tuple(
            _binary(value, f"a binary list value of {what}") for value in _list(raw, "binaryListValues", what)
        ),
    )
    match attribute.data_type.partition(".")[0]:  # behind the dot stands a custom label (S04)
        case "String" | "Number":
            has_value = attribute.string_value is not None or bool(attribute.string_list_values)
        case "Binary":
            has_value = attribute.binary_value is not None or bool(attribute.binary_list_values)
        case _:
            raise MalformedRecord(f"dataType of {what} is none of String, Number and Binary")
    if not has_value:
        raise MalformedRecord(f"{what} has no value of its dataType")
    return attribute


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise MalformedRecord(f"{what} is missing" if value is None else f"{what} is not a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise MalformedRecord(f"{what} has a lone surrogate") from None
    return value


def _optional_text(raw: dict[str, Any], name: str) -> str | None:
    value = raw.get(name)
    return None if value is None else _text(value, name)


def _binary(value: Any, what: str) -> bytes:
    text = _text(value, what)
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise MalformedRecord(f"{what} is not base64") from None


def _object(raw: dict[str, Any], name: str) -> dict[Any, Any]:
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedRecord(f"{name} is not an object")
    return value


def _list(raw: dict[str, Any], name: str, what: str) -> list[Any]:
    value = raw.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise MalformedRecord(f"{name} of {what} is not a list")
    return value
