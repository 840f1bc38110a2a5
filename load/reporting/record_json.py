"""Reading a value of plain dataclasses back from JSON: each field is checked against its annotation."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Final, get_args, get_origin, get_type_hints

__all__ = ["read_value"]

_LARGEST: Final = 2**63
_NAMES: Final = {int: "a whole number", float: "a number", str: "text", bool: "true or false", dict: "an object"}


def read_value(kind: Any, value: Any, where: str = "") -> Any:
    """The value of type `kind` (a dataclass, int, float, str, bool, `X | None`, tuple[X, ...] or dict[str, X]).

    Names in an object that the dataclass does not have are left out. Raises ValueError, on one line, which says where.
    """
    if kind is Any:
        return value
    origin = get_origin(kind)
    if origin is types.UnionType:
        (present,) = (part for part in get_args(kind) if part is not types.NoneType)
        return None if value is None else read_value(present, value, where)
    if is_dataclass(kind):
        return _read_object(kind, value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where}: not a list")
        return tuple(read_value(get_args(kind)[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        _check(dict, value, where)
        return {str(name): read_value(get_args(kind)[1], item, f"{where}.{name}") for name, item in value.items()}
    return _check(kind, value, where)


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _read_object(kind: Any, value: Any, where: str) -> Any:
    _check(dict, value, where or "the record")
    hints = _hints(kind)
    found = {}
    for field in fields(kind):
        name = f"{where}.{field.name}".removeprefix(".")
        if field.name in value:
            found[field.name] = read_value(hints[field.name], value[field.name], name)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{name}: missing")
    return kind(**found)


def _check(kind: type, value: Any, where: str) -> Any:
    """The value, if it is of this simple type. A whole number is a number; true and false are not."""
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError(f"{where}: not a number that can be")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{' '.join(where.split())[:80]}: not {_NAMES[kind]}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: not a finite number")
    return value
