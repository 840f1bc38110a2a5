"""A plan as JSON and back: what a finding carries so that it can be run again, elsewhere.

Written over what the dataclasses say of themselves: a value has the shape of its annotation, and where that leaves a
choice of dataclasses, as between faults, the name of the class stands beside the fields as ``type``. Bytes are an
object with their base64.
"""

import base64
import dataclasses
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from .errors import InputError
from .plan import Plan

__all__ = ["plan_as_json", "plan_from_json"]

_TYPE = "type"
_BASE64 = "base64"


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """The plan as what :func:`json.dumps` takes."""
    written: dict[str, Any] = _write(plan, Plan)
    return written


def plan_from_json(written: Any) -> Plan:
    """The plan that this was written of. Raises :class:`InputError`, which says where it is none."""
    plan: Plan = _read(written, Plan, "plan")
    return plan


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _choices(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _dataclasses(hint: Any) -> dict[str, type]:
    found = [choice for choice in _choices(hint) if isinstance(choice, type) and dataclasses.is_dataclass(choice)]
    return {kind.__name__: kind for kind in found}


def _write(value: Any, hint: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case str():
            return value
        case bytes():
            return {_BASE64: base64.b64encode(value).decode("ascii")}
        case Mapping():
            (hint_of_value,) = _arguments(hint, Mapping)[1:] or (Any,)
            return {key: _write(each, hint_of_value) for key, each in value.items()}
        case tuple() | list():
            hints = _hints_of_items(hint, len(value))
            return [_write(each, each_hint) for each, each_hint in zip(value, hints, strict=True)]
        case frozenset() | set():
            (each_hint,) = _arguments(hint, frozenset) or (Any,)
            return sorted(_write(each, each_hint) for each in value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            hints_by_name = _hints(type(value))
            written = {
                field.name: _write(getattr(value, field.name), hints_by_name[field.name])
                for field in dataclasses.fields(value)
            }
            tag = {_TYPE: type(value).__name__} if len(_dataclasses(hint)) > 1 else {}
            return {**tag, **written}
    raise TypeError(f"a plan holds {type(value).__name__}, which has no JSON here")


def _arguments(hint: Any, origin: type) -> tuple[Any, ...]:
    """The type arguments of that among the choices which is such a container."""
    for choice in _choices(hint):
        found = get_origin(choice)
        if isinstance(found, type) and issubclass(found, origin):
            return get_args(choice)
    return ()


def _hints_of_items(hint: Any, length: int) -> tuple[Any, ...]:
    arguments = _arguments(hint, Sequence)
    if len(arguments) == 1 or arguments[1:] == (Ellipsis,):
        return (arguments[0],) * length
    return arguments if len(arguments) == length else (Any,) * length


class _OtherType(Exception):
    """What is written is not of the type that was tried."""


def _read(written: Any, hint: Any, where: str) -> Any:
    """The value of this type. Raises :class:`InputError`."""
    tagged = _dataclasses(hint)
    if len(tagged) > 1 and isinstance(written, dict):
        name = written.get(_TYPE)
        if not isinstance(name, str) or name not in tagged:
            raise InputError(f"{where}: there is no type {name!r} here; there are: {', '.join(sorted(tagged))}")
        rest = {key: value for key, value in written.items() if key != _TYPE}
        return _read_dataclass(rest, tagged[name], where)
    for choice in _choices(hint):
        try:
            return _read_one(written, choice, where)
        except _OtherType:
            continue
    raise InputError(f"{where}: {_shown(written)} does not belong here")


def _read_one(written: Any, hint: Any, where: str) -> Any:
    origin = get_origin(hint)
    if dataclasses.is_dataclass(hint) and isinstance(written, dict):
        assert isinstance(hint, type)
        return _read_dataclass(written, hint, where)
    if isinstance(origin, type):
        return _read_container(written, hint, origin, where)
    if isinstance(hint, type) and issubclass(hint, Enum) and isinstance(written, str | int):
        try:
            return hint(written)
        except ValueError as error:
            raise _OtherType from error
    if hint is bytes and isinstance(written, dict) and set(written) == {_BASE64}:
        return _bytes(written[_BASE64], where)
    if hint is Any or _is_plain(written, hint):
        return written
    raise _OtherType


def _is_plain(written: Any, hint: Any) -> bool:
    # What JSON has one number type for: a whole number may stand for a float, and true for no number.
    if hint is float:
        return isinstance(written, int | float) and not isinstance(written, bool)
    return hint in (str, int, bool, types.NoneType) and type(written) is hint


def _read_container(written: Any, hint: Any, origin: type, where: str) -> Any:
    if issubclass(origin, Mapping) and isinstance(written, dict):
        hint_of_value = get_args(hint)[1]
        return {key: _read(each, hint_of_value, f"{where}.{key}") for key, each in written.items()}
    if not isinstance(written, list):
        raise _OtherType
    if issubclass(origin, frozenset):
        return frozenset(_items(written, get_args(hint) * len(written), where))
    hints = _hints_of_items(hint, len(written))
    items = _items(written, hints, where)
    return items if issubclass(origin, tuple) else list(items)


def _items(written: list[Any], hints: Sequence[Any], where: str) -> tuple[Any, ...]:
    pairs = zip(written, hints, strict=True)
    return tuple(_read(each, hint, f"{where}[{number}]") for number, (each, hint) in enumerate(pairs))


def _read_dataclass(written: dict[str, Any], kind: type, where: str) -> Any:
    hints = _hints(kind)
    names = {field.name for field in dataclasses.fields(kind) if field.init}
    unknown = sorted(set(written) - names)
    if unknown:
        raise InputError(f"{where}: {kind.__name__} has no {unknown[0]!r}; it is of another version of redrive")
    values = {name: _read(value, hints[name], f"{where}.{name}") for name, value in written.items()}
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from error


def _bytes(written: Any, where: str) -> bytes:
    try:
        return base64.b64decode(written, validate=True)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: not base64") from error


def _shown(written: Any) -> str:
    """What stands there, but for its contents: a body is nobody's business."""
    return {dict: "an object", list: "a list", str: "a text", type(None): "null"}.get(type(written), repr(written))
