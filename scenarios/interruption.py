"""Ctrl-C that is never lost: raised at once where that does no harm, else at the next safe point.

Python raises ``KeyboardInterrupt`` wherever the main thread happens to be. In a finaliser or a garbage collector's
callback it is lost; amid somebody's cleaning up another exception may hide it. So what was heard is remembered for as
long as one of the contexts here lasts, and comes again: from :func:`safe_point`, from :func:`recall`, or at the end.

In any other thread than the main one, which alone hears of signals, nothing here does anything but
:func:`held_back`.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType

__all__ = ["deferred", "held_back", "kept", "recall", "safe_point", "sleep"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Those of them that mean ``KeyboardInterrupt`` are taken over; SIGTERM does where somebody has said so."""

_SLICE_S = 0.05

_Handler = Callable[[int, FrameType | None], object]


@dataclass(slots=True)
class _Heard:
    """What the main thread has heard; there is one, as there is one table of signal handlers."""

    contexts: int = 0
    deferring: int = 0
    remembered: bool = False
    waiting: bool = False

    def forget(self) -> None:
        self.remembered = self.waiting = False


_heard = _Heard()


@contextmanager
def kept() -> Iterator[None]:
    """Ctrl-C raises as ever; one that something hid or swallowed is raised once more at the end of this, at the latest.

    What is raised by then is dealt with: an outer context does not raise it again.
    """
    with _listening(forgets=True):
        yield


@contextmanager
def deferred() -> Iterator[None]:
    """Ctrl-C is raised by the next safe point or at the end of this; a second one before that is raised at once.

    One that was hidden before this is raised by its beginning.
    """
    with _listening(forgets=False):
        recall()
        if _is_main_thread():
            with _deferring():
                yield
        else:
            yield


@contextmanager
def held_back() -> Iterator[None]:
    """Ctrl-C reaches this thread at the end of this. Processes that are started within inherit that it waits, for good:
    it goes to every process of a terminal, and they are ended by whoever has started them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def safe_point() -> None:
    """Raise ``KeyboardInterrupt`` if one waits for that: once for each."""
    if _heard.waiting and _is_main_thread():
        _heard.waiting = False
        raise KeyboardInterrupt


def sleep(duration_s: float) -> None:
    """Wait so long, in real time, where Ctrl-C is deferred: all of it is a safe point."""
    end_s = time.monotonic() + duration_s
    while (left_s := end_s - time.monotonic()) > 0:
        safe_point()
        time.sleep(min(left_s, _SLICE_S))


def recall() -> None:
    """Raise ``KeyboardInterrupt`` if one was heard: whatever met it did not let it through."""
    if _heard.remembered and _is_main_thread():
        _heard.waiting = False
        raise KeyboardInterrupt


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _hear(_number: int, _frame: FrameType | None) -> None:
    """The handler of the signals."""
    is_second = _heard.waiting
    _heard.remembered = True
    _heard.waiting = _heard.deferring > 0 and not is_second
    if not _heard.waiting:
        raise KeyboardInterrupt


@contextmanager
def _listening(*, forgets: bool) -> Iterator[None]:
    if not _is_main_thread():
        yield
        return
    is_outermost = _heard.contexts == 0
    if is_outermost:
        # An interruption amid the end of an earlier one may have kept it from putting all back.
        _heard.deferring = 0
        _heard.forget()
    _heard.contexts += 1
    hook = sys.unraisablehook
    try:
        if is_outermost:
            sys.unraisablehook = partial(_unraisable, hook)
            _change(signal.default_int_handler, _hear)
        yield
        recall()
    except Exception as error:
        if _heard.remembered:
            raise KeyboardInterrupt from error
        raise
    finally:
        # What can be interrupted comes last.
        _heard.contexts -= 1
        if forgets or is_outermost:
            _heard.forget()
        if is_outermost:
            sys.unraisablehook = hook
            _change(_hear, signal.default_int_handler)


def _change(before: _Handler, after: _Handler) -> None:
    """Let ``after`` hear the signals that ``before`` does."""
    for number in _SIGNALS:
        if signal.getsignal(number) is before:
            signal.signal(number, after)


@contextmanager
def _deferring() -> Iterator[None]:
    _heard.deferring += 1
    try:
        yield
    finally:
        _heard.deferring -= 1


def _unraisable(before: "Callable[[sys.UnraisableHookArgs], object]", unraisable: "sys.UnraisableHookArgs") -> None:
    """An interruption that met a finaliser is remembered, and is no error to be told of."""
    if unraisable.exc_type is not KeyboardInterrupt:
        before(unraisable)
