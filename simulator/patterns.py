"""Event patterns: what one filter asks of a record, compiled once, held against many (E12).

The syntax is that of the Lambda guide's "Filter rule syntax": null, empty, equals, ``equals-ignore-case``, several
values, ``$or``, ``anything-but``, ``numeric``, ``exists``, ``prefix``, ``suffix``. ``cidr`` is not in the guide's list,
but AWS's own sample for SQS deploys it. What event buses know beyond that (``wildcard``, ``anything-but`` or ``prefix``
with an operator inside) is refused.

What the guide leaves open is as EventBridge's published rules engine and recordings of EventBridge have it: an array in
a record stands for its elements; fields that are asked for together are in the same element; a dot in a name separates
names; numbers are compared as numbers, although both guides say that 300 and 300.0 differ.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from json import JSONDecoder
from math import prod
from typing import Any, NoReturn

from .errors import SqsError
from .pattern_operators import OPERATORS, Test, equals

__all__ = ["Place", "compile_pattern", "occurs", "places", "read_json"]

NESTING_MAX = 100  # of a pattern; AWS documents none
OR_COMBINATIONS_MAX = 1_000
PATTERN_CHARACTERS_MAX = 4_096

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True, kw_only=True)
class Place:
    """What a pattern asks of one place in a record. Complete once compiled; nothing changes it afterwards.

    ``tests`` are for the values there, of which one has to pass one; ``may_be_absent`` lets a record pass that has no
    value there. ``fields`` are for the objects there, of which one has to have them all, and of each of ``choices``
    one place (``$or``).
    """

    path: tuple[str, ...] = ()
    tests: tuple[Test, ...] = ()
    may_be_absent: bool = False
    fields: dict[str, "Place"] = field(default_factory=dict)
    choices: list[tuple["Place", ...]] = field(default_factory=list)

    def holds(self, found: Iterable[Any], absent: frozenset[tuple[str, ...]]) -> bool:
        """Whether what was found here is as asked; ``absent`` are the paths at which the record has no value."""
        values, objects = _sorted_out(found)
        asks_for_a_value = self.tests or self.may_be_absent
        if asks_for_a_value and not (self.may_be_absent and self.path in absent) and not self._one_passes(values):
            return False
        if not self.fields and not self.choices:
            return True
        return any(self.has_all(members, absent) for members in objects or [_NOTHING])

    def _one_passes(self, values: list[Any]) -> bool:
        return any(test(value) for test in self.tests for value in values)

    def has_all(self, members: Mapping[str, Any], absent: frozenset[tuple[str, ...]]) -> bool:
        """Whether one object has all the fields that are asked for."""
        for name, place in self.fields.items():
            if not place.holds(_named(members, name), absent):
                return False
        return all(any(place.has_all(members, absent) for place in choice) for choice in self.choices)


def _sorted_out(found: Iterable[Any]) -> tuple[list[Any], list[Mapping[str, Any]]]:
    """The values and the objects among what was found, arrays taken apart however deep they are."""
    values, objects = [], []
    rest = list(found)
    while rest:
        one = rest.pop()
        if isinstance(one, list):
            rest += one
        elif isinstance(one, Mapping):
            objects.append(one)
        else:
            values.append(one)
    return values, objects


def _named(members: Mapping[str, Any], name: str) -> list[Any]:
    """What an object has under a name: ``a`` is there in ``{"a": …}`` and in ``{"a.b": …}``."""
    found = [members[name]] if name in members else []
    start = name + "."
    dotted = {key[len(start) :]: value for key, value in members.items() if key.startswith(start)}
    if not dotted:
        return found
    if not found or not isinstance(found[0], Mapping):
        return [*found, dotted]
    plain = found[0]
    both = {key: [plain[key], dotted[key]] for key in plain.keys() & dotted.keys()}
    return [{**plain, **dotted, **both}]


def occurs(record: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Whether a record has a value at a path. Objects and empty arrays are no values: ``exists`` is about leaves."""
    found: list[Any] = [record]
    for name in path:
        _, objects = _sorted_out(found)
        found = list(chain.from_iterable(_named(members, name) for members in objects))
    values, _ = _sorted_out(found)
    return bool(values)


def places(root: Place) -> Iterator[Place]:
    """All places of a pattern."""
    rest = [root]
    while rest:
        place = rest.pop()
        yield place
        rest += [*place.fields.values(), *chain.from_iterable(place.choices)]


def _refuse(where: str, why: str) -> NoReturn:
    """Raise what Lambda answers to a pattern it does not take, with the place in it."""
    raise SqsError("InvalidParameterValueException", f"Invalid filter pattern definition. {where}: {why}")


def read_json(text: str, *, nesting_max: int) -> Any:
    """Read JSON, numbers as decimals. Raises ValueError for what is none, RecursionError for what is nested deeper."""
    if text.count("[") + text.count("{") > nesting_max and _nesting(text) > nesting_max:
        raise RecursionError(f"nested deeper than {nesting_max}")
    return _JSON.decode(text)


def _nesting(text: str) -> int:
    depth = deepest = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match[0] in ("[", "{"):
            depth += 1
            deepest = max(deepest, depth)
        elif match[0] in ("]", "}"):
            depth -= 1
    return deepest


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:  # an exponent of more digits than a decimal has
        return Decimal("NaN")


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


# No integer of Python's own: reading one takes time with the square of its digits, or is refused.
_JSON = JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=_not_json)


def compile_pattern(pattern: str, where: str) -> Place:
    """Read a pattern.

    Raises :class:`SqsError` ``InvalidParameterValueException`` with the place in it, as a path that begins with
    ``where``, for a pattern that Lambda refuses.
    """
    if not isinstance(pattern, str):
        _refuse(where, "is not a string")
    if len(pattern) > PATTERN_CHARACTERS_MAX:
        _refuse(where, f"has {len(pattern)} characters, {PATTERN_CHARACTERS_MAX} are the most")
    try:
        asked = read_json(pattern, nesting_max=NESTING_MAX)
    except RecursionError:
        _refuse(where, f"is nested deeper than {NESTING_MAX}")
    except ValueError as problem:
        _refuse(where, f"is not JSON ({problem})")
    if not isinstance(asked, dict):
        _refuse(where, "is not an object")
    root = Place()
    _read_object(root, asked, where)
    if _combinations(root) > OR_COMBINATIONS_MAX:
        _refuse(where, f"$or makes {_combinations(root)} combinations, {OR_COMBINATIONS_MAX} are the most")
    return root


def _read_object(place: Place, asked: dict[str, Any], where: str, *, in_or: bool = False) -> None:
    if not asked:
        _refuse(where, "an object has no fields")
    for name, what in asked.items():
        here = f"{where}.{name if name.isprintable() else ascii(name)}"
        if name == "$or":
            place.choices.append(_read_or(place, what, here))
            continue
        if in_or and name in OPERATORS:
            _refuse(here, f"{name} is an operator, in $or there are fields")
        field_place = _place_of(place, name, here)
        if isinstance(what, dict):
            _read_object(field_place, what, here, in_or=in_or)
        elif isinstance(what, list):
            _read_values(field_place, what, here)
        else:
            _refuse(here, "is neither an array nor an object")


def _place_of(place: Place, name: str, where: str) -> Place:
    for step in name.split("."):
        place = place.fields.setdefault(step, Place(path=(*place.path, step)))
    if len(place.path) > NESTING_MAX:
        _refuse(where, f"is nested deeper than {NESTING_MAX}")
    return place


def _read_or(place: Place, choices: Any, where: str) -> tuple[Place, ...]:
    if not isinstance(choices, list) or len(choices) < 2:
        _refuse(where, "is not an array of at least two objects")
    read = []
    for position, asked in enumerate(choices):
        here = f"{where}[{position}]"
        if not isinstance(asked, dict):
            _refuse(here, "is not an object")
        choice = Place(path=place.path)
        _read_object(choice, asked, here, in_or=True)
        read.append(choice)
    return tuple(read)


def _combinations(place: Place) -> int:
    """How many patterns without ``$or`` would say the same."""
    inside = prod(_combinations(inner) for inner in place.fields.values())
    return inside * prod(sum(_combinations(choice) for choice in choices) for choices in place.choices)


def _read_values(place: Place, asked: list[Any], where: str) -> None:
    if not asked:
        _refuse(where, "an empty array")
    tests: list[Test] = []
    place.may_be_absent = False
    for position, what in enumerate(asked):
        here = f"{where}[{position}]"
        if isinstance(what, list):
            _refuse(here, "is not a string, a number, true, false, null or an operator")
        if not isinstance(what, dict):
            tests.append(equals(what))
        elif len(what) == 1 and what.get("exists") is False:
            place.may_be_absent = True
        else:
            tests.append(_read_operator(what, here))
    place.tests = tuple(tests)


def _read_operator(asked: dict[str, Any], where: str) -> Test:
    if len(asked) != 1:
        _refuse(where, f"has {len(asked)} operators, not one")
    ((name, operand),) = asked.items()
    if name not in OPERATORS:
        _refuse(where, f"{name if name.isprintable() else ascii(name)} is not an operator of filter criteria")
    read: Callable[[Any], Test] = OPERATORS[name]
    try:
        return read(operand)
    except ValueError as problem:
        _refuse(f"{where}.{name}", str(problem))
