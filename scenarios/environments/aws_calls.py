"""The AWS calls of a handler that runs in this process: seen before they are sent, and after they took effect.

Hooks into botocore's public events. They stand before moto's own hook, which answers the calls, so what is raised
before a call is sent keeps it from taking effect.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import boto3
import botocore.handlers

__all__ = ["CallObserver", "current", "install", "observed"]


class CallObserver(Protocol):
    """Whoever watches the calls of one invocation. Either method may raise to end the invocation there."""

    def heir(self) -> "CallObserver | None":
        """Itself, for as long as the invocation lasts; then the next one in the same process, if there is one."""

    def before_call(self, service: str, operation: str) -> None:
        """The call is about to be sent."""

    def after_call(self, service: str, operation: str, answer: str) -> None:
        """The call took effect; ``answer`` is ``ok``, or the error code."""


# A thread belongs to the invocation that started it, whichever else is in progress when the thread makes its call.
_by_thread: WeakKeyDictionary[threading.Thread, CallObserver] = WeakKeyDictionary()
_start_thread = threading.Thread.start


def install() -> None:
    """Hook into all botocore sessions that are made from now on. Doing it again changes nothing.

    Must run before the handler's module is imported: a client made earlier is not seen.
    """
    specs = (("before-send", _before_send), ("response-received", _response_received))
    if specs[0] not in botocore.handlers.BUILTIN_HANDLERS:
        botocore.handlers.BUILTIN_HANDLERS[:0] = specs
        boto3.DEFAULT_SESSION = None
        threading.Thread.start = _start  # type: ignore[method-assign,assignment]


def current() -> CallObserver | None:
    """Whose code is running in this thread, if it is a handler's."""
    mine = _by_thread.get(threading.current_thread())
    # A pool that outlived its invocation works for the next one.
    return None if mine is None else mine.heir()


@contextmanager
def observed(observer: CallObserver) -> Iterator[None]:
    """Show the calls made within, in this thread and those that it starts, to ``observer``."""
    thread = threading.current_thread()
    before = _by_thread.get(thread)
    _by_thread[thread] = observer
    try:
        yield
    finally:
        if before is None:
            del _by_thread[thread]
        else:
            _by_thread[thread] = before


def _start(thread: threading.Thread) -> None:
    observer = current()
    if observer is not None:
        _by_thread[thread] = observer
    _start_thread(thread)


def _before_send(event_name: str, **_rest: Any) -> None:
    observer = current()
    if observer is not None:
        _, service, operation = event_name.split(".", 2)
        observer.before_call(service, operation)


def _response_received(parsed_response: Any, exception: Any, event_name: str, **_rest: Any) -> None:
    observer = current()
    if observer is not None:
        _, service, operation = event_name.split(".", 2)
        observer.after_call(service, operation, _answer(parsed_response, exception))


def _answer(parsed_response: Any, exception: Any) -> str:
    if exception is not None:
        return type(exception).__name__
    error = (parsed_response or {}).get("Error", {})
    return str(error.get("Code", "ok"))
