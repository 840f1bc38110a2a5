"""A handler in this process as the function behind a poller, on the wall clock."""

import sys
import threading
from collections.abc import Callable
from typing import TextIO

from redrive.fixtures.runtimes.context import LambdaContext, monotonic_ms
from redrive.simulator.driver import Invocation
from redrive.simulator.function import Ending, Outcome

from .handler_environments import HandlerEnvironments, outcome_of
from .target import HandlerOf

__all__ = ["InProcessFunction"]


class InProcessFunction:
    """Called with an :class:`Invocation`, it runs the handler in the execution environment that the poller chose.

    What a handler may change in its process (``sys.modules``, standard output) there is once, so invocations are made
    one at a time whatever the number of callers; only their receives and deletes overlap. The time limit counts from
    when the handler begins. A handler that returns after it has timed out: its answer is not used, and its execution
    environment is gone. Unlike on Lambda, it was not stopped at that moment.

    What the handler prints goes to ``output``, as it goes to the log on Lambda.
    """

    def __init__(
        self, handler: HandlerOf, *, now_ms: Callable[[], int] = monotonic_ms, output: TextIO | None = None
    ) -> None:
        self._environments = HandlerEnvironments(handler)
        self._now_ms = now_ms
        # Found now: while a handler runs, the standard streams are its own.
        self._output = sys.stderr if output is None else output
        self._one_at_a_time = threading.Lock()

    def __call__(self, invocation: Invocation) -> Outcome:
        """Run the handler and wait for it."""
        with self._one_at_a_time:
            environment = self._environments.get(invocation.environment)
            deadline_ms = self._now_ms() + invocation.deadline_ms - invocation.started_ms
            context = LambdaContext(now_ms=self._now_ms, deadline_ms=deadline_ms, aws_request_id=invocation.request_id)
            result = environment.invoke(invocation.event, context)
            self._output.write(result.output)
            self._output.flush()
            if self._now_ms() > deadline_ms:
                return Outcome(ending=Ending.TIMED_OUT)
            return outcome_of(result)

    def discard(self, environment: int) -> None:
        """Forget an execution environment that timed out or crashed (E24)."""
        self._environments.discard(environment)
