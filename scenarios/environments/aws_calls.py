"""The AWS calls of a handler that runs in this process: seen before they are sent, and after they took effect.

Hooks into botocore's public events. They stand before moto's own hook, which answers the calls, so what is raised
before a call is sent keeps it from taking effect.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import boto3
import botocore.handlers

__all__ = ["CallObserver", "install", "observed", "unobserved"]


class CallObserver(Protocol):
    """Whoever watches the calls. Either method may raise to end the invocation there."""

    def before_call(self, service: str, operation: str) -> None:
        """The call is about to be sent."""

    def after_call(self, service: str, operation: str, answer: str) -> None:
        """The call took effect; ``answer`` is ``ok``, or the error code."""


_observers: list[CallObserver | None] = []
_lock = threading.RLock()


def install() -> None:
    """Hook into all botocore sessions that are made from now on. Doing it again changes nothing.

    Must run before the handler's module is imported: a client made earlier is not seen.
    """
    specs = (("before-send", _before_send), ("response-received", _response_received))
    if specs[0] not in botocore.handlers.BUILTIN_HANDLERS:
        botocore.handlers.BUILTIN_HANDLERS[:0] = specs
        boto3.DEFAULT_SESSION = None


@contextmanager
def observed(observer: CallObserver) -> Iterator[None]:
    """Show the calls made within to ``observer``. An inner one takes the place of an outer one."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.pop()


@contextmanager
def unobserved() -> Iterator[None]:
    """Calls made within are redrive's own, and nobody's business."""
    _observers.append(None)
    try:
        yield
    finally:
        _observers.pop()


def _before_send(event_name: str, **_rest: Any) -> None:
    observer = _observers[-1] if _observers else None
    if observer is not None:
        _, service, operation = event_name.split(".", 2)
        # One call at a time, also from a handler with threads of its own.
        with _lock:
            observer.before_call(service, operation)


def _response_received(parsed_response: Any, exception: Any, event_name: str, **_rest: Any) -> None:
    observer = _observers[-1] if _observers else None
    if observer is not None:
        _, service, operation = event_name.split(".", 2)
        with _lock:
            observer.after_call(service, operation, _answer(parsed_response, exception))


def _answer(parsed_response: Any, exception: Any) -> str:
    if exception is not None:
        return type(exception).__name__
    error = (parsed_response or {}).get("Error", {})
    return str(error.get("Code", "ok"))
