"""The filter criteria of an event source mapping (E12).

A message that no filter lets through is deleted, and the function never sees it. Source: the Lambda guide, "Control
which events Lambda sends to your function" and "Using event filtering with an Amazon SQS event source".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .errors import SqsError
from .patterns import Place, compile_pattern, occurs, places, read_json

__all__ = ["FilterCriteria"]

FILTERS_MAX = 5
FILTERS_MAX_WITH_RAISED_QUOTA = 10
BODY_NESTING_MAX = 500  # what Python's reader takes at any depth of the stack

_BODY = ("body",)


class _BodyForm(StrEnum):
    """What a body is, and what a pattern takes it for."""

    TEXT = "text"
    OBJECT = "object"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filter:
    root: Place
    may_be_absent: tuple[tuple[str, ...], ...]
    body_forms: frozenset[_BodyForm]

    def lets_through(self, record: Mapping[str, Any], body_form: _BodyForm | None) -> bool:
        if self.body_forms and self.body_forms != {body_form}:
            return False
        absent = frozenset(path for path in self.may_be_absent if not occurs(record, path))
        return self.root.holds([record], absent)


@dataclass(frozen=True, slots=True)
class FilterCriteria:
    """The filters of a mapping, each a pattern in JSON text; a record passes that any of them lets through (E12).

    Raises :class:`SqsError` ``InvalidParameterValueException`` for what Lambda refuses: more than ``filters_max``
    filters (5; a raised quota allows up to 10), a pattern over 4,096 characters, a pattern that is not one. The
    message names the place, as in ``Filters[0].body.total[0].numeric``.

    Body and pattern have to agree on what the body is, else the message is dropped. With an object for ``body``, a
    pattern is for bodies that are JSON; with an array, for bodies that are not; without ``body``, for any. The guide
    does not say what the JSON bodies ``123``, ``"text"``, ``[1]`` and ``null`` are. Here no pattern on ``body``
    matches them, which is hardest on the consumer, and likewise none matches a body nested deeper than 500. A pattern
    that has both, in ``$or``, agrees with no body.

    The guide contradicts itself on the other keys of a record (``messageAttributes``, ``attributes``, …): its table
    filters by them, a note says that SQS supports ``body`` only. Here they are filtered by.
    """

    patterns: Sequence[str]
    filters_max: int = field(default=FILTERS_MAX, kw_only=True)
    _filters: tuple[_Filter, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        most = min(self.filters_max, FILTERS_MAX_WITH_RAISED_QUOTA)
        if len(self.patterns) > most:
            message = f"Invalid filter criteria. {len(self.patterns)} filters, {most} are the most"
            raise SqsError("InvalidParameterValueException", message)
        object.__setattr__(self, "patterns", tuple(self.patterns))
        filters = tuple(_compiled(pattern, f"Filters[{position}]") for position, pattern in enumerate(self.patterns))
        object.__setattr__(self, "_filters", filters)

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Whether the function is to see a record of an event; without filters it sees every one."""
        if not self._filters:
            return True
        body_form = None
        if any(one.body_forms for one in self._filters):
            body_form, body = _read_body(record["body"])
            record = {**record, "body": body}
        return any(one.lets_through(record, body_form) for one in self._filters)


def _compiled(pattern: str, where: str) -> _Filter:
    root = compile_pattern(pattern, where)
    may_be_absent, body_forms = set(), set()
    for place in places(root):
        if place.may_be_absent:
            may_be_absent.add(place.path)
        if place.path == _BODY and (place.tests or place.may_be_absent):
            body_forms.add(_BodyForm.TEXT)
        if place.path == _BODY and (place.fields or place.choices):
            body_forms.add(_BodyForm.OBJECT)
    return _Filter(root=root, may_be_absent=tuple(sorted(may_be_absent)), body_forms=frozenset(body_forms))


def _read_body(body: str) -> tuple[_BodyForm, Any]:
    try:
        read = read_json(body, nesting_max=BODY_NESTING_MAX)
    except RecursionError:
        return _BodyForm.OTHER, None
    except ValueError:
        return _BodyForm.TEXT, body
    return (_BodyForm.OBJECT if isinstance(read, dict) else _BodyForm.OTHER), read
