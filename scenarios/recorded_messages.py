"""Messages that somebody recorded: out of a dead-letter queue, an event, a log. Read into a plan of one run.

What is read is a JSON array or JSON lines of what ``ReceiveMessage`` gives (``Body``, ``Attributes``), the whole answer
(``{"Messages": …}``), the records of a Lambda event (``body``, ``attributes``), or whole events (``{"Records": …}``).
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from redrive.fixtures.event_builder import MessageAttribute

from .consumer import Consumer
from .errors import InputError
from .plan import Kind, Plan, PlannedMessage

__all__ = ["entries_in", "messages_of", "plan_of"]

_ID = re.compile(r"[0-9A-Za-z_.:-]{1,100}")


def entries_in(text: str, name: str) -> Any:
    """The JSON value in the text, or the list of those in its lines. Raises :class:`InputError`."""
    if not text.strip():
        raise InputError(f"{name!r} is empty")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise InputError(f"{name!r} is JSON that is too deep to be read") from error
    except ValueError as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) == 1 or not lines[0][1].rstrip().endswith("}"):
            raise InputError(f"{name!r} is not JSON: {error}") from error
    return [_line(line, number, name) for number, line in lines]


def _line(line: str, number: int, name: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "too deep to be read"
        raise InputError(f"{name!r} is not JSON, and not JSON lines either: line {number}: {reason}") from error


def messages_of(entries: Any, name: str) -> list[Mapping[str, Any]]:
    """The messages or records of what was read, each an object with a body.

    Raises :class:`InputError` where there are none, or one is no message.
    """
    found = list(_flat(entries))
    if not found:
        raise InputError(f"{name!r} holds no message")
    for number, entry in enumerate(found, 1):
        where = f"{name!r}, message {number}"
        if not isinstance(entry, dict):
            raise InputError(f"{where}: not a JSON object")
        body = _either(entry, "Body", "body")
        if not isinstance(body, str):
            raise InputError(f"{where}: neither 'Body' nor 'body' is a text")
    return found


def _flat(entries: Any) -> Iterator[Any]:
    for entry in entries if isinstance(entries, list) else [entries]:
        inner = _either(entry, "Messages", "Records") if isinstance(entry, dict) else None
        if isinstance(inner, list):
            yield from inner
        else:
            yield entry


def plan_of(messages: list[Mapping[str, Any]], consumer: Consumer, name: str) -> Plan:
    """One run of the messages, all sent at once, in their order, with nothing that goes wrong.

    Their business keys are not known: each goes by its message id. They are sent to a FIFO queue if they come from one
    (they have sequence numbers) or the consumer's is one. Raises :class:`InputError`.
    """
    fifo = consumer.queue.fifo or all("SequenceNumber" in _attributes(message) for message in messages)
    return Plan(
        messages=tuple(_planned(message, number, fifo, name) for number, message in enumerate(messages, 1)),
        fifo=fifo,
        batch_size=consumer.queue.batch_size,
    )


def _planned(message: Mapping[str, Any], number: int, fifo: bool, name: str) -> PlannedMessage:
    given = _either(message, "MessageId", "messageId")
    # Whatever else stands there is not to be shown: it may be meant for the terminal.
    key = given if isinstance(given, str) and _ID.fullmatch(given) else f"message-{number}"
    group = _attributes(message).get("MessageGroupId")
    try:
        attributes = tuple(_message_attributes(message))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{name!r}, message {number}: its message attributes are none") from error
    return PlannedMessage(
        key=key,
        body=_either(message, "Body", "body"),
        kind=Kind.EITHER,
        # A group of its own where none is known: order is then not asked of anybody.
        group=(group if isinstance(group, str) and group else f"group-{number}") if fifo else None,
        # By place and not as recorded: what a dead-letter queue holds was sent, and is to be sent, all of it.
        deduplication_id=f"{number}" if fifo else None,
        message_attributes=attributes,
    )


def _attributes(message: Mapping[str, Any]) -> Mapping[str, Any]:
    found = _either(message, "Attributes", "attributes")
    return found if isinstance(found, dict) else {}


def _message_attributes(message: Mapping[str, Any]) -> Iterator[tuple[str, MessageAttribute]]:
    for name, value in (_either(message, "MessageAttributes", "messageAttributes") or {}).items():
        data_type = _either(value, "DataType", "dataType")
        text = _either(value, "StringValue", "stringValue")
        binary = _either(value, "BinaryValue", "binaryValue")
        if data_type.startswith("Binary"):
            yield name, MessageAttribute(data_type=data_type, binary_value=base64.b64decode(binary, validate=True))
        else:
            yield name, MessageAttribute(data_type=data_type, string_value=text)


def _either(entry: Mapping[str, Any], one: str, other: str) -> Any:
    return entry[one] if one in entry else entry.get(other)
