"""When messages are due: the schedules of an open model, which go on whether or not the consumer keeps up.

Rates are messages per second over all processes. A slot is one batch; slot n is due when message n * batch size is,
that is when the integral of the rate has come to so many messages. Each due time is computed from the whole history of
the rate, so that nothing adds up however long a run takes.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

__all__ = [
    "Fill",
    "Piece",
    "PieceSchedule",
    "Schedule",
    "SteeredSchedule",
    "TraceSchedule",
    "constant",
    "counted",
    "ramp",
    "spike",
    "step",
]

_Number = int | float | Fraction


class Schedule(Protocol):
    """Times are seconds from its start.

    `paced` is False where there are no due times, only as fast as it goes: then every slot is due at 0.
    """

    @property
    def paced(self) -> bool:
        """Whether slots have times of their own."""

    @property
    def seconds(self) -> float | None:
        """How long it takes; None if it does not end."""

    def due_s(self, n: int) -> float | None:
        """When slot n is due, from 0; None if the schedule ends before it, infinity if that is not known yet."""

    def due_slots(self, at_s: float) -> int:
        """How many slots are due by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of time in which the rate changes evenly. `seconds` is None for one that does not end: at one rate."""

    begin_rate: Fraction
    end_rate: Fraction
    seconds: Fraction | None

    def __post_init__(self) -> None:
        if self.begin_rate < 0 or self.end_rate < 0:
            raise ValueError("a rate cannot be negative")
        if self.seconds is None and self.begin_rate != self.end_rate:
            raise ValueError("a rate cannot change for ever")
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError("a rate takes more than no time")

    @property
    def messages(self) -> Fraction | None:
        """How many are due in it; None if it does not end."""
        return None if self.seconds is None else (self.begin_rate + self.end_rate) / 2 * self.seconds


def _exact(number: _Number) -> Fraction:
    # A float means the decimal that it is written as: 0.1 a second for 10 s is one message, not one and a bit.
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def constant(rate: _Number, seconds: _Number | None = None) -> tuple[Piece, ...]:
    """One rate."""
    exact = _exact(rate)
    return (Piece(begin_rate=exact, end_rate=exact, seconds=None if seconds is None else _exact(seconds)),)


def ramp(begin_rate: _Number, end_rate: _Number, seconds: _Number) -> tuple[Piece, ...]:
    """From one rate to another, evenly."""
    return (Piece(begin_rate=_exact(begin_rate), end_rate=_exact(end_rate), seconds=_exact(seconds)),)


def step(rates: Iterable[_Number], seconds: _Number) -> tuple[Piece, ...]:
    """Each rate for so long."""
    return tuple(piece for rate in rates for piece in constant(rate, seconds))


def spike(rate: _Number, more: _Number, *, at_s: _Number, seconds: _Number) -> tuple[Piece, ...]:
    """A rate, and `more` on top of it from `at_s` for `seconds`; then as long without it as before, to recover."""
    before = constant(rate, at_s)
    return (*before, *constant(_exact(rate) + _exact(more), seconds), *before)


class PieceSchedule:
    """The schedule of a rate that consists of pieces."""

    paced = True

    def __init__(self, pieces: Sequence[Piece], *, batch_size: int) -> None:
        if not pieces or any(piece.seconds is None for piece in pieces[:-1]):
            raise ValueError("a schedule has pieces, and only the last may go on for ever")
        self._batch_size = batch_size
        self._pieces: list[Piece] = []
        # Of each piece: its start, and the messages due before it. One more of each at the end, if there is one.
        self._starts_s = [Fraction(0)]
        self._counts = [Fraction(0)]
        for piece in pieces:
            self._append(piece)

    def _append(self, piece: Piece) -> None:
        self._pieces.append(piece)
        if piece.seconds is not None and piece.messages is not None:
            self._starts_s.append(self._starts_s[-1] + piece.seconds)
            self._counts.append(self._counts[-1] + piece.messages)

    @property
    def seconds(self) -> float | None:
        """How long it takes; None if it does not end."""
        return None if self._pieces[-1].seconds is None else float(self._starts_s[-1])

    def due_s(self, n: int) -> float | None:
        """When slot n is due."""
        message = n * self._batch_size
        index = bisect_right(self._counts, message) - 1
        if index == len(self._pieces):
            return None
        piece = self._pieces[index]
        within_s = _time_of(float(message - self._counts[index]), piece)
        if piece.seconds is not None:
            within_s = min(within_s, float(piece.seconds))
        return float(self._starts_s[index]) + within_s

    def due_slots(self, at_s: float) -> int:
        """How many slots are due by then."""
        if at_s < 0:
            return 0
        messages = self.messages(at_s)
        if self._pieces[-1].seconds is not None and messages >= self._counts[-1]:
            return math.ceil(self._counts[-1] / self._batch_size)
        return math.floor(messages / self._batch_size) + (1 if messages or self._pieces[0].begin_rate else 0)

    def messages(self, at_s: float) -> float:
        """The integral of the rate from the start until then."""
        index = min(bisect_right(self._starts_s, at_s) - 1, len(self._pieces) - 1)
        piece = self._pieces[index]
        within_s = float(at_s - self._starts_s[index])
        if piece.seconds is None:
            return float(self._counts[index]) + float(piece.begin_rate) * within_s
        within_s = min(within_s, float(piece.seconds))
        gain = float((piece.end_rate - piece.begin_rate) / piece.seconds)
        return float(self._counts[index]) + (float(piece.begin_rate) + gain * within_s / 2) * within_s


def _time_of(messages: float, piece: Piece) -> float:
    """When the integral of a piece's rate has come to so many messages, in seconds from its start."""
    begin = float(piece.begin_rate)
    if piece.begin_rate == piece.end_rate or piece.seconds is None:
        return messages / begin if begin else math.inf
    gain = float((piece.end_rate - piece.begin_rate) / piece.seconds)
    # The root of gain/2 t² + begin t = messages, in the form that loses no digits.
    divisor = begin + math.sqrt(max(0.0, begin * begin + 2 * gain * messages))
    return 2 * messages / divisor if divisor else 0.0


class SteeredSchedule(PieceSchedule):
    """A rate that is decided as time passes. It begins with nothing, and does not end."""

    def __init__(self, *, batch_size: int) -> None:
        super().__init__(constant(0), batch_size=batch_size)

    def change(self, at_s: float, rate: float) -> None:
        """From then on this rate. Slots due before stay as they are; `at_s` never goes back."""
        since_s = self._starts_s[-1]
        lasted_s = Fraction(at_s) - since_s
        if lasted_s < 0:
            raise ValueError(f"the rate was changed at {float(since_s)} s already: {at_s} s is before that")
        last = self._pieces.pop()
        if lasted_s:
            self._append(Piece(begin_rate=last.begin_rate, end_rate=last.end_rate, seconds=lasted_s))
        self._append(*constant(rate))


class TraceSchedule:
    """The messages of a recorded trace, each at its own time; the first of them is due at 0."""

    paced = True

    def __init__(self, times_s: Sequence[float], *, batch_size: int, speed: float = 1.0) -> None:
        if not times_s:
            raise ValueError("a trace has at least one message")
        self._batch_size = batch_size
        ordered = sorted(times_s)
        self._times_s = array("d", ((at_s - ordered[0]) / speed for at_s in ordered))

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return self._times_s[-1]

    def due_s(self, n: int) -> float | None:
        """When slot n is due: with the first of its messages."""
        message = n * self._batch_size
        return self._times_s[message] if message < len(self._times_s) else None

    def due_slots(self, at_s: float) -> int:
        """How many slots are due by then."""
        return math.ceil(bisect_right(self._times_s, at_s) / self._batch_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """So many messages as fast as it goes, rounded up to whole batches."""

    messages: int
    batch_size: int
    paced: bool = False
    seconds: float = 0.0

    def due_s(self, n: int) -> float | None:
        """Everything is due at once."""
        return 0.0 if n * self.batch_size < self.messages else None

    def due_slots(self, at_s: float) -> int:
        """All of them, from the start."""
        return math.ceil(self.messages / self.batch_size) if at_s >= 0 else 0


def counted(
    rows: Sequence[tuple[float, float]], *, until_s: float | None = None, speed: float = 1.0
) -> tuple[Piece, ...]:
    """Pieces from rows of (time in seconds, messages from then until the next row's time).

    The last row's messages take until `until_s`; without it as long as those of the row before, or a second.
    """
    merged: dict[Fraction, Fraction] = {}
    for at_s, messages in sorted(rows):
        merged[Fraction(at_s)] = merged.get(Fraction(at_s), Fraction(0)) + Fraction(messages)
    times_s = list(merged)
    lengths_s = [later - earlier for earlier, later in pairwise(times_s)]
    if until_s is not None:
        lengths_s.append(Fraction(until_s) - times_s[-1])
    else:
        lengths_s.append(lengths_s[-1] if lengths_s else Fraction(1))
    faster = Fraction(speed)
    return tuple(
        piece
        for length_s, messages in zip(lengths_s, merged.values(), strict=True)
        for piece in constant(messages / length_s * faster, length_s / faster)
    )
