"""The operators of event patterns, each a function from an operand to a test for a value (E12).

An operand that Lambda refuses raises ValueError. A value is a string, a number, a boolean or None. Numbers may be
compared within ±5,000,000,000 and with six decimal places (EventBridge guide, "Numeric matching"); beyond that a number
equals only itself, and ``numeric`` does not match it.
"""

import operator
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from types import MappingProxyType
from typing import Any, Final

__all__ = ["OPERATORS", "Test", "equals"]

Test = Callable[[Any], bool]

NUMBER_MAX = 5_000_000_000
_SMALLEST_STEP = Decimal("0.000001")
_CONTEXT = Context(prec=40, traps=[])
_COMPARE: Final = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_LOWER, _UPPER = (">", ">="), ("<", "<=")


def equals(wanted: Any) -> Test:
    """Equal and of the same kind: ``1`` is neither ``true`` nor ``"1"``, but it is ``1.0``."""
    if wanted is None or isinstance(wanted, bool):
        return lambda value: value is wanted
    if isinstance(wanted, str):
        return lambda value: isinstance(value, str) and value == wanted
    return lambda value: _is_number(value) and value == wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, Decimal | int) and not isinstance(value, bool)


def _is_comparable(value: Any) -> bool:
    if not _is_number(value):
        return False
    number = Decimal(value)
    return (
        number.is_finite()
        and -NUMBER_MAX <= number <= NUMBER_MAX
        and number == _CONTEXT.quantize(number, _SMALLEST_STEP)
    )


def _prefix(start: Any) -> Test:
    _needs_string(start)
    return lambda value: isinstance(value, str) and value.startswith(start)


def _suffix(end: Any) -> Test:
    _needs_string(end)
    return lambda value: isinstance(value, str) and value.endswith(end)


def _equals_ignore_case(wanted: Any) -> Test:
    _needs_string(wanted)
    folded = wanted.lower()
    return lambda value: isinstance(value, str) and value.lower() == folded


def _needs_string(operand: Any) -> None:
    if not isinstance(operand, str):
        raise ValueError("is not a string")


def _anything_but(unwanted: Any) -> Test:
    listed = unwanted if isinstance(unwanted, list) else [unwanted]
    if not listed:
        raise ValueError("an empty array")
    if all(_is_number(one) for one in listed):
        _needs_comparable(listed)
    elif not all(isinstance(one, str) for one in listed):
        raise ValueError("is neither a string, a number, an array of strings nor an array of numbers")
    tests = [equals(one) for one in listed]
    return lambda value: not any(test(value) for test in tests)


def _numeric(terms: Any) -> Test:
    if not isinstance(terms, list) or len(terms) not in (2, 4):
        raise ValueError("is not an array of one or two comparisons, each an operator and a number")
    words, numbers = terms[::2], terms[1::2]
    if any(not isinstance(word, str) or word not in _COMPARE for word in words):
        raise ValueError(f"an operator is none of {' '.join(_COMPARE)}")
    if not all(_is_number(number) for number in numbers):
        raise ValueError("an operand is not a number")
    _needs_comparable(numbers)
    if len(words) == 2:
        if words[0] not in _LOWER or words[1] not in _UPPER:
            raise ValueError("a range is a lower end with > or >=, then an upper end with < or <=")
        if not numbers[0] < numbers[1]:
            raise ValueError("the lower end is not less than the upper end")
    comparisons = [(_COMPARE[word], number) for word, number in zip(words, numbers, strict=True)]
    return lambda value: _is_comparable(value) and all(compare(value, number) for compare, number in comparisons)


def _needs_comparable(numbers: list[Any]) -> None:
    if not all(_is_comparable(number) for number in numbers):
        raise ValueError(f"a number is not from -{NUMBER_MAX} to {NUMBER_MAX}, with at most 6 decimal places")


def _exists(is_there: Any) -> Test:
    # That there is nothing is no test for a value; whoever reads the pattern takes care of it.
    if is_there is not True:
        raise ValueError("is neither true nor false")
    return lambda _: True


def _cidr(block: Any) -> Test:
    _needs_string(block)
    _, _, bits = block.partition("/")
    if not bits.isascii() or not bits.isdigit():
        raise ValueError("is not an address, a slash and a number of bits")
    network = ip_network(block, strict=False)
    return lambda value: (address := _address(value)) is not None and address in network


def _address(value: Any) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None


OPERATORS: Final[Mapping[str, Callable[[Any], Test]]] = MappingProxyType(
    {
        "anything-but": _anything_but,
        "cidr": _cidr,
        "equals-ignore-case": _equals_ignore_case,
        "exists": _exists,
        "numeric": _numeric,
        "prefix": _prefix,
        "suffix": _suffix,
    }
)
