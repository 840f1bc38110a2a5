"""The shapes that a run can have, as they are written: `ramp:10-200/120s`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Final

from .capacity import CapacityPlan
from .schedule import Fill, Piece, PieceSchedule, Schedule, SteeredSchedule, constant, ramp, spike, step
from .trace_file import read_trace

__all__ = ["EXAMPLES", "Shape", "ShapeError", "ShapeKind", "read_shape", "shape_text"]

SOAK_S: Final = 3600


class ShapeKind(StrEnum):
    """The shapes by name."""

    CONSTANT = "constant"
    RAMP = "ramp"
    STEP = "step"
    SPIKE = "spike"
    SOAK = "soak"
    DRAIN = "drain"
    TRACE = "trace"
    CAPACITY = "capacity"


EXAMPLES: Final = {
    ShapeKind.CONSTANT: "constant:RATE or constant:RATE/TIME, as in constant:100/10m",
    ShapeKind.RAMP: "ramp:FROM-TO/TIME, as in ramp:10-200/120s",
    ShapeKind.STEP: "step:RATE,RATE,.../TIME of each, as in step:50,100,200/60s",
    ShapeKind.SPIKE: "spike:RATE+MORE@START/TIME, as in spike:50+500@30s/10s",
    ShapeKind.SOAK: "soak:RATE or soak:RATE/TIME, as in soak:100/4h (an hour without it)",
    ShapeKind.DRAIN: "drain:MESSAGES, as in drain:10000",
    ShapeKind.TRACE: "trace:FILE or trace:FILE*SPEED, as in trace:sent.csv*2",
    ShapeKind.CAPACITY: "capacity, capacity:START, capacity:START-MAX or with /PRECISION%, as in capacity:50-5000/10%",
}
"""How each is written."""


class ShapeError(ValueError):
    """A shape that is not written as it should be. Says on one line how it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A shape as it was read; one of the fields after `text` is given. A rate is messages per second in all."""

    kind: ShapeKind
    text: str
    pieces: tuple[Piece, ...] = ()
    trace: Path | None = None
    speed: float = 1.0
    messages: int | None = None
    capacity: CapacityPlan | None = None

    def schedule(self, *, batch_size: int) -> Schedule:
        """When its batches are due. Raises ValueError for a trace that cannot be read."""
        if self.trace is not None:
            return read_trace(self.trace, batch_size=batch_size, speed=self.speed)
        if self.messages is not None:
            return Fill(messages=self.messages, batch_size=batch_size)
        if self.capacity is not None:
            return SteeredSchedule(batch_size=batch_size)
        return PieceSchedule(self.pieces, batch_size=batch_size)


def read_shape(text: str | None, rate: float | None = None) -> Shape | None:
    """The shape that is written so; `rate` is for one that is written without. Raises ShapeError.

    A rate alone is a constant one, and nothing at all is no shape: users send at a rate of their own, each.
    """
    if not text:
        if rate is None:
            return None
        text = ShapeKind.CONSTANT.value
    name, _, rest = text.strip().partition(":")
    try:
        kind = ShapeKind(name.strip().lower())
    except ValueError as error:
        raise ShapeError(f"there is no shape {name!r}; there are: {', '.join(ShapeKind)}") from error
    if rate is not None:
        rest = _with_rate(kind, rest.strip(), rate)
    match = _GRAMMAR[kind].fullmatch("".join(rest.split()) if kind is not ShapeKind.TRACE else rest.strip())
    try:
        if match is None:
            raise ValueError
        return _READ[kind](text.strip(), match)
    except (ValueError, ZeroDivisionError) as error:
        why = f" ({error})" if str(error) else ""
        raise ShapeError(f"{text!r} is not a shape{why}: write {EXAMPLES[kind]}") from error


def shape_text(text: str) -> str:
    """The text, if a shape is written so, with a rate beside it if need be. Raises ShapeError."""
    name = text.strip().lower()
    read_shape(text, 1.0 if name in {ShapeKind.CONSTANT, ShapeKind.SOAK} or name.startswith(_RATELESS) else None)
    return text.strip()


_RATELESS: Final = (f"{ShapeKind.CONSTANT}:/", f"{ShapeKind.SOAK}:/")


def _with_rate(kind: ShapeKind, rest: str, rate: float) -> str:
    """A shape's text with the rate that was given beside it."""
    takes_it = kind in {ShapeKind.CONSTANT, ShapeKind.SOAK, ShapeKind.CAPACITY}
    if not takes_it or (rest and not rest.startswith("/")):
        raise ShapeError(f"the shape {kind} says its own rates: leave out --rate, or write {EXAMPLES[kind]}")
    return f"{rate!r}{rest}"


_RATE: Final = r"(\d+(?:\.\d+)?(?:e[+-]?\d{1,2})?)"
# Digits without a unit stand at the end alone: where they may stand anywhere, finding no match takes for ever.
_TIME: Final = r"((?:\d+(?:\.\d+)?[smhd])+(?:\d+(?:\.\d+)?)?|\d+(?:\.\d+)?)"
_GRAMMAR: Final = {
    ShapeKind.CONSTANT: re.compile(rf"{_RATE}(?:/{_TIME})?"),
    ShapeKind.RAMP: re.compile(rf"{_RATE}-{_RATE}/{_TIME}"),
    ShapeKind.STEP: re.compile(rf"({_RATE}(?:,{_RATE})*)/{_TIME}"),
    ShapeKind.SPIKE: re.compile(rf"{_RATE}\+{_RATE}@{_TIME}/{_TIME}"),
    ShapeKind.SOAK: re.compile(rf"{_RATE}(?:/{_TIME})?"),
    ShapeKind.DRAIN: re.compile(r"(\d+)"),
    ShapeKind.TRACE: re.compile(r"(.+?)(?:\*(\d+(?:\.\d+)?))?"),
    ShapeKind.CAPACITY: re.compile(rf"(?:{_RATE}(?:-{_RATE})?)?(?:/(\d+(?:\.\d+)?)%)?"),
}
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "": 1}


def _rate(text: str) -> Fraction:
    rate = Fraction(text)
    if rate > 10**9:
        raise ValueError("a rate is at most 10^9 messages per second")
    return rate


def _above_zero(text: str) -> Fraction:
    rate = _rate(text)
    if not rate:
        raise ValueError("the rate is 0")
    return rate


def _seconds(text: str) -> Fraction:
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if len(parts) > 1 and any(not unit for _, unit in parts):
        raise ValueError(f"{text!r} is no time")
    seconds = sum((Fraction(number) * _UNITS_S[unit] for number, unit in parts), Fraction(0))
    if not seconds:
        raise ValueError("it takes no time")
    return seconds


def _constant(text: str, match: re.Match[str]) -> Shape:
    rate, time = match.groups()
    pieces = constant(_above_zero(rate), _seconds(time) if time else None)
    return Shape(kind=ShapeKind.CONSTANT, text=text, pieces=pieces)


def _soak(text: str, match: re.Match[str]) -> Shape:
    rate, time = match.groups()
    pieces = constant(_above_zero(rate), _seconds(time) if time else SOAK_S)
    return Shape(kind=ShapeKind.SOAK, text=text, pieces=pieces)


def _ramp(text: str, match: re.Match[str]) -> Shape:
    begin, end, time = match.groups()
    begin_rate, end_rate = _rate(begin), _rate(end)
    if not begin_rate and not end_rate:
        raise ValueError("the rates are 0")
    return Shape(kind=ShapeKind.RAMP, text=text, pieces=ramp(begin_rate, end_rate, _seconds(time)))


def _step(text: str, match: re.Match[str]) -> Shape:
    rates = [_rate(rate) for rate in match[1].split(",")]
    if not any(rates):
        raise ValueError("the rates are 0")
    return Shape(kind=ShapeKind.STEP, text=text, pieces=step(rates, _seconds(match.groups()[-1])))


def _spike(text: str, match: re.Match[str]) -> Shape:
    rate, more, at, time = match.groups()
    pieces = spike(_rate(rate), _above_zero(more), at_s=_seconds(at), seconds=_seconds(time))
    return Shape(kind=ShapeKind.SPIKE, text=text, pieces=pieces)


def _drain(text: str, match: re.Match[str]) -> Shape:
    if not int(match[1]):
        raise ValueError("there is nothing to drain")
    return Shape(kind=ShapeKind.DRAIN, text=text, messages=int(match[1]))


def _trace(text: str, match: re.Match[str]) -> Shape:
    path, speed = match.groups()
    if speed and not float(speed):
        raise ValueError("the speed is 0")
    return Shape(kind=ShapeKind.TRACE, text=text, trace=Path(path).expanduser(), speed=float(speed or 1))


def _capacity(text: str, match: re.Match[str]) -> Shape:
    start, most, percent = match.groups()
    plan = CapacityPlan()
    plan = CapacityPlan(
        start_rate=float(_above_zero(start)) if start else plan.start_rate,
        most_rate=float(_above_zero(most)) if most else None,
        precision=float(percent) / 100 if percent else plan.precision,
    )
    return Shape(kind=ShapeKind.CAPACITY, text=text, capacity=plan)


_READ: Final[dict[ShapeKind, Callable[[str, re.Match[str]], Shape]]] = {
    ShapeKind.CONSTANT: _constant,
    ShapeKind.RAMP: _ramp,
    ShapeKind.STEP: _step,
    ShapeKind.SPIKE: _spike,
    ShapeKind.SOAK: _soak,
    ShapeKind.DRAIN: _drain,
    ShapeKind.TRACE: _trace,
    ShapeKind.CAPACITY: _capacity,
}
