"""What SQS accepts as a message: size, characters, message attributes, ids (S01, S03, S04, S20, S21)."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from redrive.fixtures.event_builder import MessageAttribute

from .errors import SqsError

__all__ = ["check_id", "check_message", "size_bytes"]

ATTRIBUTES_MAX: Final = 10
ATTRIBUTE_NAME_LENGTH_MAX: Final = 256
ATTRIBUTE_TYPE_LENGTH_MAX: Final = 256
NUMBER_DIGITS_MAX: Final = 38
NUMBER_LEAST: Final = Decimal("1e-128")
NUMBER_MOST: Final = Decimal("1e126")

# What remains is U+0009, U+000A, U+000D, U+0020-U+D7FF, U+E000-U+FFFD and U+10000-U+10FFFF.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ALLOWED = "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
_INVALID_CHARACTERS = f"Invalid characters found. Valid unicode characters are {_ALLOWED}"
# Letters, digits and punctuation of ASCII: all that is printed but the space.
_ID = re.compile(r"[!-~]{1,128}")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_ATTRIBUTE_TYPE = re.compile(r"(?:String|Number|Binary)(?:\..+)?", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def check_message(body: str, attributes: Mapping[str, MessageAttribute] | None, most_bytes: int) -> bytes:
    """The body's UTF-8 bytes, if SQS accepts the message (S01, S03, S04).

    Raises :class:`SqsError`: ``MissingParameter`` for an empty body, ``InvalidMessageContents`` for a character in it
    that is not allowed, halves of surrogate pairs among them, ``InvalidParameterValue`` for message attributes that SQS
    refuses and for a message over ``most_bytes``.
    """
    if not body:
        raise SqsError("MissingParameter", "The request must contain the parameter MessageBody.")
    if _FORBIDDEN.search(body) is not None:
        raise SqsError("InvalidMessageContents", _INVALID_CHARACTERS)
    content = body.encode()
    message_bytes = len(content)
    if attributes:
        _check_attributes(attributes)
        message_bytes += _attributes_bytes(attributes)
    if message_bytes > most_bytes:
        raise _invalid(f"One or more parameters are invalid. Reason: Message must be shorter than {most_bytes} bytes.")
    return content


def check_id(parameter: str, value: str) -> None:
    """Raise :class:`SqsError` ``InvalidParameterValue`` unless ``value`` may be such an id (S19, S20, S21, S24)."""
    if _ID.fullmatch(value) is None:
        reason = f"{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
        raise _invalid(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def size_bytes(body: str, attributes: Mapping[str, MessageAttribute] | None) -> int:
    """The size of a message that nobody has checked yet: what is no text has a size as well (S02)."""
    return len(_utf8(body)) + _attributes_bytes(attributes or {})


def _check_attributes(attributes: Mapping[str, MessageAttribute]) -> None:
    """S04. SQS is said to trim leading and trailing zeros of a number; the model delivers what was sent (choice)."""
    if len(attributes) > ATTRIBUTES_MAX:
        raise _invalid(f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [10].")
    for name, attribute in attributes.items():
        _check_name(name)
        _check_type(name, attribute.data_type)
        _check_value(name, attribute)


def _check_name(name: str) -> None:
    if not name:
        raise _invalid("The request must contain non-empty message (user) attribute names.")
    if len(name) > ATTRIBUTE_NAME_LENGTH_MAX:
        raise _invalid("Message (user) attribute name must be shorter than 256 bytes.")
    if _ATTRIBUTE_NAME.fullmatch(name) is None:
        raise _invalid(f"Message (user) attribute name '{name}' has other characters than A-Z, a-z, 0-9, _, - and .")
    if name.startswith(".") or name.endswith(".") or ".." in name:
        raise _invalid(f"Message (user) attribute name '{name}' begins or ends with '.', or has successive ones.")
    if name.lower().startswith(("aws.", "amazon.")):
        raise _invalid("Message attribute names beginning with 'AWS.' or 'Amazon.' are reserved for internal use.")


def _check_type(name: str, data_type: str) -> None:
    if len(data_type) > ATTRIBUTE_TYPE_LENGTH_MAX:
        raise _invalid("Message (user) attribute type must be shorter than 256 bytes.")
    if _ATTRIBUTE_TYPE.fullmatch(data_type) is None or _FORBIDDEN.search(data_type) is not None:
        prefixes = "You must use only the following supported type prefixes: Binary, Number, String."
        raise _invalid(f"The type of message (user) attribute '{name}' is invalid. {prefixes}")


def _check_value(name: str, attribute: MessageAttribute) -> None:
    kind = attribute.data_type.partition(".")[0]
    text = attribute.string_value
    if not text and not attribute.binary_value:
        raise _invalid(f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'.")
    if text is not None and _FORBIDDEN.search(text) is not None:
        # InvalidMessageContents is for bodies only (recording).
        raise _invalid(_INVALID_CHARACTERS)
    if kind == "Number" and not _is_number(text or ""):
        raise _invalid(f"Can't cast the value of message (user) attribute '{name}' to a number.")


def _is_number(text: str) -> bool:
    if _NUMBER.fullmatch(text) is None:
        return False
    try:
        # Not abs(), which rounds.
        number = Decimal(text).copy_abs()
    except InvalidOperation:
        return False
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    return len(digits) <= NUMBER_DIGITS_MAX and (number == 0 or NUMBER_LEAST <= number <= NUMBER_MOST)


def _attributes_bytes(attributes: Mapping[str, MessageAttribute]) -> int:
    size = 0
    for name, attribute in attributes.items():
        value = attribute.binary_value if attribute.binary_value is not None else _utf8(attribute.string_value or "")
        size += len(_utf8(name)) + len(_utf8(attribute.data_type)) + len(value)
    return size


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _invalid(message: str) -> SqsError:
    return SqsError("InvalidParameterValue", message)
