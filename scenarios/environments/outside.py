"""Handlers outside this process: one process or URL for each execution environment, with a proxy for its AWS calls.

The handler's side of an invocation is a thread here that waits for its answer, and the connections of the proxy are the
threads that its calls come from. So whatever can happen to a handler in this process can happen to these.
"""

import copy
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import EndpointConnectionError

from redrive.fixtures.runtimes.call_proxy import CallProxy, Decision, ErrorAnswer, Forward, Kill, Refuse
from redrive.fixtures.runtimes.error_answers import error_code
from redrive.fixtures.runtimes.http import HttpFunction
from redrive.fixtures.runtimes.in_process import Killed
from redrive.fixtures.runtimes.process import INIT_TIMEOUT_S, Function, ProcessEnvironment
from redrive.fixtures.runtimes.runtime import Runtime
from redrive.simulator.driver import EPOCH_MS
from redrive.simulator.function import Ending, Outcome

from ..consumer import Consumer
from ..handler_environments import outcome_of
from ..handler_runtime import HandlerRuntime, RuntimeKind
from ..interruption import sleep
from .in_progress import InProgress

__all__ = ["Judge", "OutsideHandlers", "aws_over_http"]

_MARGIN_S = 30.0
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_TIMESTAMPS = frozenset({"SentTimestamp", "ApproximateFirstReceiveTimestamp"})


class OutsideHandler:
    """One execution environment outside this process, in the shape of one within."""

    def __init__(
        self, make: Callable[["Judge"], tuple[Runtime, CallProxy | None]], *, timeout_s: int, later_ms: int
    ) -> None:
        self._judge = Judge()
        self._runtime, self._proxy = make(self._judge)
        self._timeout_s = timeout_s
        self._later_ms = later_ms

    def begin(self, mine: InProgress) -> None:
        """From now on what it calls is this invocation's."""
        self._judge.mine = mine

    def prepare(self) -> None:
        """Start its process."""
        if isinstance(self._runtime, ProcessEnvironment):
            self._runtime.prepare()

    def invoke(self, event: Mapping[str, Any], context: Any) -> Outcome:
        """Run the handler, in real time."""
        result = self._runtime.invoke(
            _with_real_times(event, self._later_ms), request_id=context.aws_request_id, timeout_s=self._timeout_s
        )
        return Outcome(ending=Ending.TIMED_OUT) if result.timed_out else outcome_of(result)

    def enter(self) -> None:
        """Nothing of this process is its own."""

    def leave(self) -> None:
        """As there was nothing to enter, nothing is left."""

    def close(self) -> None:
        """End it."""
        self._runtime.close()
        if self._proxy is not None:
            self._proxy.close()


def _wait(from_ms: int, to_ms: int) -> None:
    """The handler's clock cannot be set, so what the queue waits is waited for."""
    sleep((to_ms - from_ms) / 1000)


def _with_real_times(event: Mapping[str, Any], later_ms: int) -> dict[str, Any]:
    """The event with timestamps for a handler whose clock is the wall's."""
    moved = copy.deepcopy(dict(event))
    for record in moved["Records"]:
        for name in _TIMESTAMPS & record["attributes"].keys():
            record["attributes"][name] = str(int(record["attributes"][name]) + later_ms)
    return moved


@dataclass(slots=True)
class Judge:
    """Hands what the proxy sees to the invocation in progress, and what becomes of it back."""

    mine: InProgress | None = None

    def before_call(self, number: int, service: str, operation: str) -> Decision:
        """The handler has sent a call."""
        del number  # the invocation counts for itself
        if self.mine is None:
            return Forward()
        try:
            answer = self.mine.before_call(service, operation)
            if answer is None:
                return Forward()
            error = error_code(answer, service)
            self.mine.after_call(service, operation, error.code)
        except Killed:
            return Kill()
        except EndpointConnectionError:
            return Refuse()
        return ErrorAnswer(status=error.status, code=error.code)

    def after_call(self, number: int, service: str, operation: str, status: int) -> Decision:
        """The call took effect, if its status says so."""
        del number
        if self.mine is None:
            return Forward()
        try:
            self.mine.after_call(service, operation, "ok" if status < 400 else f"HTTP {status}")
        except Killed:
            return Kill()
        return Forward()


@dataclass(slots=True, kw_only=True)
class OutsideHandlers:
    """The handler's execution environments, made when they are first asked for."""

    runtime: HandlerRuntime
    consumer: Consumer
    variables: Mapping[str, str]
    endpoint_url: str
    is_real_time: bool = False
    """Whether what the queue says of time is the wall's already."""
    passes: Callable[[int, int], None] | None = _wait
    busy_s: float | None = field(init=False)
    _made: dict[int, OutsideHandler] = field(init=False, default_factory=dict)
    _later_ms: int = field(init=False)

    def __post_init__(self) -> None:
        # It is silent while it starts, and when it hangs.
        self.busy_s = 2 * INIT_TIMEOUT_S + self.consumer.queue.function_timeout_s + _MARGIN_S
        self._later_ms = 0 if self.is_real_time else time.time_ns() // 1_000_000 - EPOCH_MS

    def get(self, number: int) -> OutsideHandler:
        """The environment of this number."""
        if number not in self._made:
            self._made[number] = OutsideHandler(
                self._make, timeout_s=self.consumer.queue.function_timeout_s, later_ms=self._later_ms
            )
        return self._made[number]

    def discard(self, number: int) -> None:
        """End an environment that timed out or crashed (E24)."""
        made = self._made.pop(number, None)
        if made is not None:
            made.close()

    def close(self) -> None:
        """End all that are left."""
        for number in tuple(self._made):
            self.discard(number)

    @contextmanager
    def clock(self, now_ms: Callable[[], int], sleep: Callable[[float], None]) -> Iterator[Callable[[int], None]]:
        """They have clocks of their own."""
        del now_ms, sleep
        yield lambda _: None

    def _make(self, judge: Judge) -> tuple[Runtime, CallProxy | None]:
        if self.runtime.kind is RuntimeKind.HTTP:
            assert self.runtime.url is not None, "the command line sees to it"
            return HttpFunction(self.runtime.url), None
        killing: list[Callable[[], None]] = []
        proxy = CallProxy(self.endpoint_url, judge, kill=lambda: killing[0]())
        # Those of this process are fake as long as the environment runs.
        credentials = {name: os.environ[name] for name in _CREDENTIALS if name in os.environ}
        variables = {
            **credentials,
            **self.variables,
            "AWS_ENDPOINT_URL": proxy.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        runtime = ProcessEnvironment(self.runtime.command_for(self.consumer), Function(variables=variables))
        killing.append(runtime.kill)
        return runtime, proxy


@contextmanager
def aws_over_http() -> Iterator[str]:
    """Serve what moto holds in this process to other processes; the URL of the endpoint."""
    from moto.server import ThreadedMotoServer

    # It would say so for each call.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
