"""The environment ``moto``: moto's server in a process of its own, our poller, any runtime, in real time."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from redrive.fixtures.stacks import Aws, fake_environment

from ..consumer import Consumer
from ..errors import EnvironmentFailed
from ..handler_runtime import IN_PROCESS, HandlerRuntime, RuntimeKind
from ..history import History
from ..interruption import deferred
from ..plan import Plan
from ..real_time import with_short_faults
from ..target import HandlerOf
from .aws_calls import install
from .environment import check_consumer, check_queue, endpoint_variables, with_variables
from .handlers import Handlers, InsideHandlers
from .live_run import LiveRun
from .outside import OutsideHandlers
from .polling import PollerDeliverer
from .starting_moto import start_moto
from .steadiness import steady

__all__ = ["MotoEnvironment"]

_QUEUE = "redrive-run"
_RESET_WITHIN_S = 30


class MotoEnvironment:
    """An :class:`~.environment.Environment`. Its server is emptied before each run."""

    def __init__(self, runtime: HandlerRuntime = IN_PROCESS) -> None:
        install()
        self._runtime = runtime
        self._endpoint_url: str
        self._aws: Aws

    @contextmanager
    def running(self) -> Iterator["MotoEnvironment"]:
        """Start the server, and end it."""
        server = start_moto()
        try:
            self._endpoint_url = server.endpoint_url
            with fake_environment(endpoint_variables(self._endpoint_url)):
                self._aws = Aws(endpoint_url=server.endpoint_url)
                yield self
        finally:
            server.stop()

    def check(self, consumer: Consumer) -> None:
        """As every environment does."""
        check_queue(consumer)
        self._empty()
        with with_variables(consumer, endpoint_variables(self._endpoint_url)):
            check_consumer(consumer, self._aws, self._runtime)

    def run(self, plan: Plan, consumer: Consumer, handler: HandlerOf, *, seed: int) -> History:
        """One run, in real time, of which the seed decides nothing. Ctrl-C ends it between two steps.

        On a machine that is too busy for it, it is run again (:mod:`.steadiness`).
        """
        del seed
        with deferred():
            return steady(lambda: self._run(plan, consumer, handler))

    def _run(self, plan: Plan, consumer: Consumer, handler: HandlerOf) -> History:
        self._empty()
        here = endpoint_variables(self._endpoint_url)
        with with_variables(consumer, here) as variables:
            run = LiveRun(
                with_short_faults(plan),
                consumer,
                PollerDeliverer(self._handlers(consumer, handler, {**here, **variables})),
                self._aws,
                name=_QUEUE,
            )
            return run.history()

    def _handlers(self, consumer: Consumer, handler: HandlerOf, variables: dict[str, str]) -> Handlers:
        if self._runtime.kind is RuntimeKind.IN_PROCESS:
            return InsideHandlers(handler)
        return OutsideHandlers(
            runtime=self._runtime,
            consumer=consumer,
            variables=variables,
            endpoint_url=self._endpoint_url,
            is_real_time=True,
        )

    def _empty(self) -> None:
        request = urllib.request.Request(f"{self._endpoint_url}/moto-api/reset", method="POST")  # noqa: S310 - our own
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            direct.open(request, timeout=_RESET_WITHIN_S).close()
        except OSError as error:
            raise EnvironmentFailed(f"moto's server does not answer: {error}") from error
