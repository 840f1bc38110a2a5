"""The business key of a record: the identity of its work, which outlives the message that brought it.

A redelivery keeps the message id; a message sent twice or redriven from the DLQ (S12) has a new one. Only a key
from the message itself recognises those.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .event import MalformedRecord, Record

__all__ = ["KEY_BYTES_MAX", "KeySource", "parse_pointer"]

KEY_BYTES_MAX = 2048
"""What DynamoDB takes as a partition key. The same for every ledger, so that a change of ledger loses no message."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where the business key is: a JSON pointer into the body, then a message attribute; with neither, the message id.

    Once a place is configured there is no fallback to the message id. It would look like idempotency and be none.
    """

    pointer: tuple[str, ...] | None = None
    attribute: str | None = None

    def key_of(self, record: Record) -> str:
        """The business key. Raises MalformedRecord where no configured place holds a string or an integer."""
        key = self._find(record)
        if key is None:
            raise MalformedRecord("no business key where the configuration says it is")
        try:
            size_bytes = len(key.encode())
        except UnicodeEncodeError:
            raise MalformedRecord("the business key has a lone surrogate") from None
        if size_bytes > KEY_BYTES_MAX:
            raise MalformedRecord(f"the business key is longer than {KEY_BYTES_MAX} bytes")
        return key

    def _find(self, record: Record) -> str | None:
        if self.pointer is None and self.attribute is None:
            return record.message_id
        key = None
        if self.pointer is not None:
            key = _key_in_body(record.body, self.pointer)
        if not key and self.attribute is not None:
            found = record.message_attributes.get(self.attribute)
            key = found.string_value if found is not None else None
        return key or None


def parse_pointer(text: str) -> tuple[str, ...]:
    """Split a JSON pointer (RFC 6901) into its reference tokens. Raises ValueError for anything else."""
    if not text.startswith("/") or re.search(r"~(?![01])", text):
        raise ValueError("not a JSON pointer")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in text[1:].split("/"))


class _Integer(str):
    """A JSON integer, kept as it was written: Python refuses to convert one of more than 4300 digits."""

    __slots__ = ()


class _Ambiguous(dict[str, Any]):
    """A JSON object in which a name occurs twice: parsers differ in which value they take."""

    __slots__ = ("doubled",)

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        times = Counter(name for name, _ in pairs)
        self.doubled = frozenset(name for name in self if times[name] > 1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else _Ambiguous(pairs)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _key_in_body(body: str, pointer: tuple[str, ...]) -> str | None:
    try:
        value: Any = json.loads(body, parse_int=_Integer, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except RecursionError:
        # How deep is too deep depends on the interpreter and on who calls. To go on to the attribute would be to
        # give one message two keys, depending on where it runs.
        raise MalformedRecord("the body is nested too deeply") from None
    except ValueError:
        return None
    for token in pointer:
        match value:
            case _Ambiguous() if token in value.doubled:
                return None
            case dict() if token in value:
                value = value[token]
            case list() if _INDEX.fullmatch(token) and int(token) < len(value):
                value = value[int(token)]
            case _:
                return None
    return _scalar(value)


def _scalar(value: Any) -> str | None:
    match value:
        case _Integer():
            return "0" if value == "-0" else str(value)  # JSON's one integer with two spellings
        case str():
            return value
        case _:  # a fraction has many spellings, the rest is no identity at all
            return None
