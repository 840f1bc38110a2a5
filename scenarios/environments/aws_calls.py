"""The AWS calls of a handler that runs in this process: seen before they are sent, and after they took effect.

Hooks into botocore's public events. They stand before moto's own hook, which answers the calls, so what is raised
before a call is sent keeps it from taking effect.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import boto3
import botocore.handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.handlers import REGISTER_LAST

from redrive.fixtures.faults import Answer
from redrive.fixtures.runtimes.aws_requests import error_answer, identify
from redrive.fixtures.runtimes.error_answers import error_code

from ..evidence import NOTHING_KNOWN, AwsCall, Evidence, read_call
from ..mentions import Records

__all__ = ["CallObserver", "current", "evidence_about", "install", "observed"]


class CallObserver(Protocol):
    """Whoever watches the calls of one invocation. Either method may raise to end the invocation there."""

    def heir(self) -> "CallObserver | None":
        """Itself, for as long as the invocation lasts; then the next one in the same process, if there is one."""

    def before_call(self, service: str, operation: str) -> Answer | None:
        """The call is about to be sent; returns what is answered instead, if it is not to be."""

    def after_call(self, service: str, operation: str, answer: str) -> None:
        """The call took effect; ``answer`` is ``ok``, or the error code."""


# A thread belongs to the invocation that started it, whichever else is in progress when the thread makes its call.
_by_thread: WeakKeyDictionary[threading.Thread, CallObserver] = WeakKeyDictionary()
_start_thread = threading.Thread.start

# The call that a thread is making. In botocore's context for a request, from where its parameters are read on.
_call_of = threading.local()
_NOWHERE = "https://answered.invalid/"
_GIVEN, _CALL = "redrive.given", "redrive.call"

# The names of the key attributes of the tables that were made here.
_keys_of_tables: dict[str, tuple[str, ...]] = {}


def install() -> None:
    """Hook into all botocore sessions that are made from now on. Doing it again changes nothing.

    Must run before the handler's module is imported: a client made earlier is not seen.
    """
    specs = (
        ("before-send", _before_send),
        ("response-received", _response_received),
        ("provide-client-params", _note_given),
        # After all that the SDK makes of the parameters, and before they are written for the wire.
        ("before-parameter-build", _read_parameters, REGISTER_LAST),
        ("request-created", _take_up, REGISTER_LAST),
    )
    if specs[0] not in botocore.handlers.BUILTIN_HANDLERS:
        botocore.handlers.BUILTIN_HANDLERS[:0] = specs
        boto3.DEFAULT_SESSION = None
        threading.Thread.start = _start  # type: ignore[method-assign,assignment]


def current() -> CallObserver | None:
    """Whose code is running in this thread, if it is a handler's."""
    mine = _by_thread.get(threading.current_thread())
    # A pool that outlived its invocation works for the next one.
    return None if mine is None else mine.heir()


def evidence_about(records: Records) -> Evidence:
    """What to keep of the AWS call that this thread is making for a handler that was given these records.

    To be asked within :meth:`CallObserver.before_call` and :meth:`CallObserver.after_call`, in their thread.
    """
    call: AwsCall | None = getattr(_call_of, "thread", None)
    return NOTHING_KNOWN if call is None else call.evidence(records)


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


def _note_given(params: dict[str, Any], context: dict[str, Any], **_rest: Any) -> None:
    context[_GIVEN] = frozenset(params)


def _read_parameters(params: dict[str, Any], model: Any, context: dict[str, Any], **_rest: Any) -> None:
    """Read the call from its parameters, but for the tokens that the SDK makes up."""
    if model.name == "CreateTable" and "TableName" in params:
        # Whoever makes it, be it redrive.
        _keys_of_tables[params["TableName"]] = tuple(key["AttributeName"] for key in params.get("KeySchema", ()))
    if current() is None:
        return
    made_up = set(model.idempotent_members) - context.get(_GIVEN, frozenset())
    context[_CALL] = read_call(
        model.service_model.service_id.hyphenize(),
        model.name,
        {name: value for name, value in params.items() if name not in made_up},
        method=model.http.get("method", "") if model.service_model.resolved_protocol.startswith("rest") else "",
        keys_of_tables=_keys_of_tables,
    )


def _take_up(request: Any, **_rest: Any) -> None:
    _call_of.thread = getattr(request, "context", {}).get(_CALL)


def _before_send(event_name: str, request: AWSPreparedRequest, **_rest: Any) -> AWSResponse | None:
    observer = current()
    if observer is None:
        return None
    _, service, operation = event_name.split(".", 2)
    answer = observer.before_call(service, operation)
    if answer is None:
        return None
    headers = {name: _text(value) for name, value in request.headers.items()}
    call = identify(request.method, request.url, HeadersDict(headers), _bytes(request.body))
    status, code = error_code(answer, call.service)
    body, answered = error_answer(call, status, code, f"{answer}, as the schedule of faults has it")
    response = AWSResponse(request.url, status, answered, _Raw(body))  # type: ignore[arg-type]
    # The first answer counts, and the other hooks are called all the same: here is nothing for moto to do.
    request.url = _NOWHERE
    return response


class _Raw(BytesIO):
    """A body as botocore reads it from urllib3."""

    def stream(self, **_rest: Any) -> Iterator[bytes]:
        yield self.getvalue()


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _bytes(body: Any) -> bytes:
    """What tells the operation is never in a body that is a file."""
    return body.encode() if isinstance(body, str) else bytes(body) if isinstance(body, bytes | bytearray) else b""


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
