"""Handlers see virtual time: ``time.time``, ``datetime.now``, ``time.monotonic``, ``time.sleep``, ``asyncio.sleep``."""

import selectors
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from unittest import mock

import time_machine

from redrive.simulator.driver import EPOCH_MS

from .handler_thread import handler_threads

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

# How long an event loop waits, in real time, for a thread that may be about to wake it.
_THREAD_S = 0.5


def _monotonic() -> float:
    # From where virtual time begins: counted from the epoch, a float has no room for the resolution of the clock, and
    # an event loop's timers never fall due.
    return (_clocks[-1][0]() - EPOCH_MS) / 1000 if _clocks else _real_monotonic()


def _monotonic_ns() -> int:
    return (_clocks[-1][0]() - EPOCH_MS) * 1_000_000 if _clocks else _real_monotonic_ns()


def _sleep(seconds: float) -> None:
    (_clocks[-1][1] if _clocks else _real_sleep)(seconds)


def _threads() -> int:
    return threading.active_count() - handler_threads()


_Signalled = Callable[[int, Any], Any] | int | None
_real_signal, _real_alarm, _real_setitimer = signal.signal, signal.alarm, signal.setitimer


def _signal(number: int, handler: _Signalled) -> _Signalled:
    """On Lambda a handler is in the main thread, which alone may ask for signals; here none would reach it."""
    if threading.current_thread() is threading.main_thread():
        return _real_signal(number, handler)
    return signal.getsignal(number)


def _alarm(seconds: int) -> int:
    return _real_alarm(seconds) if threading.current_thread() is threading.main_thread() else 0


def _setitimer(which: int, seconds: float, interval: float = 0.0) -> tuple[float, float]:
    if threading.current_thread() is threading.main_thread():
        return _real_setitimer(which, seconds, interval)
    return 0.0, 0.0


@contextmanager
def virtual_time(now_ms: Callable[[], int], sleep: Callable[[float], None]) -> Iterator[VirtualTime]:
    """Put the standard library's clock at ``now_ms()``; ``time.sleep`` calls ``sleep`` with its seconds.

    ``time.monotonic`` follows ``now_ms`` by itself; the calendar clock is moved by :meth:`VirtualTime.set`. Code that
    took ``sleep`` or ``monotonic`` out of :mod:`time` before this keeps the real ones. What a handler waits for with a
    lock, an event or a future has its timeout in real time, and the signals that it asks for do not come.
    """
    real_select = selectors.DefaultSelector.select
    threads = _threads()

    def select(selector: Any, timeout: float | None = None) -> Any:
        """What an event loop waits with: nothing real is on its way, so the time until its next timer just passes."""
        if timeout is None or timeout <= 0:
            return real_select(selector, timeout)
        ready = real_select(selector, _THREAD_S if _threads() > threads else 0)
        if not ready:
            # At least a millisecond, as virtual time has none shorter.
            sleep(max(timeout, 0.001))
        return ready

    with (
        mock.patch.object(selectors.DefaultSelector, "select", select),
        time_machine.travel(now_ms() / 1000, tick=False) as coordinates,
        mock.patch.object(time, "sleep", _sleep),
        mock.patch.object(time, "monotonic", _monotonic),
        mock.patch.object(time, "monotonic_ns", _monotonic_ns),
        mock.patch.object(signal, "signal", _signal),
        mock.patch.object(signal, "alarm", _alarm),
        mock.patch.object(signal, "setitimer", _setitimer),
    ):
        _clocks.append((now_ms, sleep))
        try:
            yield VirtualTime(coordinates)
        finally:
            _clocks.pop()
