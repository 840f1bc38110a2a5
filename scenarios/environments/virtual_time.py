"""Handlers see virtual time: ``time.time``, ``datetime.now``, ``time.monotonic`` and ``time.sleep``."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol
from unittest import mock

import time_machine

__all__ = ["VirtualTime", "virtual_time"]


class _Coordinates(Protocol):
    """What time-machine gives for a journey; the name of its class differs from version to version."""

    def move_to(self, destination: float, tick: bool | None = None) -> None: ...


class VirtualTime:
    """The clock of the standard library, set by hand."""

    def __init__(self, coordinates: _Coordinates) -> None:
        self._coordinates = coordinates

    def set(self, now_ms: int) -> None:
        """Make it ``now_ms`` milliseconds since the epoch."""
        self._coordinates.move_to(now_ms / 1000, tick=False)


# Modules that are first imported by a handler may take these for good, so they outlive the time that they were put in
# for: beyond it they are the real ones.
_real_monotonic, _real_monotonic_ns, _real_sleep = time.monotonic, time.monotonic_ns, time.sleep
_clocks: list[tuple[Callable[[], int], Callable[[float], None]]] = []


def _monotonic() -> float:
    return _clocks[-1][0]() / 1000 if _clocks else _real_monotonic()


def _monotonic_ns() -> int:
    return _clocks[-1][0]() * 1_000_000 if _clocks else _real_monotonic_ns()


def _sleep(seconds: float) -> None:
    (_clocks[-1][1] if _clocks else _real_sleep)(seconds)


@contextmanager
def virtual_time(now_ms: Callable[[], int], sleep: Callable[[float], None]) -> Iterator[VirtualTime]:
    """Put the standard library's clock at ``now_ms()``; ``time.sleep`` calls ``sleep`` with its seconds.

    ``time.monotonic`` follows ``now_ms`` by itself; the calendar clock is moved by :meth:`VirtualTime.set`. Code that
    took ``sleep`` or ``monotonic`` out of :mod:`time` before this keeps the real ones.
    """
    with (
        time_machine.travel(now_ms() / 1000, tick=False) as coordinates,
        mock.patch.object(time, "sleep", _sleep),
        mock.patch.object(time, "monotonic", _monotonic),
        mock.patch.object(time, "monotonic_ns", _monotonic_ns),
    ):
        _clocks.append((now_ms, sleep))
        try:
            yield VirtualTime(coordinates)
        finally:
            _clocks.pop()
