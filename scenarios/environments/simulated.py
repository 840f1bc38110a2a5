"""The simulated environment: the simulator's queue and mapping, any runtime for the handler, moto for its AWS calls."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from redrive.fixtures.stacks import Aws, moto_aws, reset_moto

from ..consumer import Consumer
from ..handler_runtime import IN_PROCESS, HandlerRuntime, RuntimeKind
from ..history import History
from ..interruption import deferred
from ..plan import Plan
from ..real_time import shortened
from ..target import HandlerOf
from .aws_calls import install
from .environment import check_consumer, check_queue, with_variables
from .handlers import Handlers, InsideHandlers
from .outside import OutsideHandlers, aws_over_http
from .simulated_run import SimulatedRun

__all__ = ["SimulatedEnvironment"]


class SimulatedEnvironment:
    """Runs plans against one consumer after another. Keep it: its start costs more than many runs."""

    name = "simulated"

    def __init__(self, runtime: HandlerRuntime = IN_PROCESS) -> None:
        install()
        self._runtime = runtime
        self._endpoint_url = ""
        self._aws: Aws

    @contextmanager
    def running(self) -> Iterator["SimulatedEnvironment"]:
        """Take this process's AWS calls over for as long as it lasts."""
        with moto_aws() as self._aws, ExitStack() as stack:
            if self._runtime.kind is not RuntimeKind.IN_PROCESS:
                self._endpoint_url = stack.enter_context(aws_over_http())
            yield self

    def check(self, consumer: Consumer) -> None:
        """As every environment does."""
        check_queue(consumer)
        reset_moto()
        with with_variables(consumer):
            check_consumer(consumer, self._aws, self._runtime)

    def run(self, plan: Plan, consumer: Consumer, handler: HandlerOf, *, seed: int) -> History:
        """One run from an empty world until nothing is left to happen.

        In virtual time, unless the runtime's is real: the consumer is then one that the runtime has shaped. Ctrl-C
        ends it between two turns of handlers, so that nothing is left half done (:mod:`~..interruption`).
        """
        with deferred():
            reset_moto()
            if self._runtime.has_own_clock:
                plan = shortened(plan)
            with with_variables(consumer) as variables, _seeded(seed):
                handlers: Handlers
                if self._runtime.kind is RuntimeKind.IN_PROCESS:
                    handlers = InsideHandlers(handler)
                else:
                    handlers = OutsideHandlers(
                        runtime=self._runtime, consumer=consumer, variables=variables, endpoint_url=self._endpoint_url
                    )
                return SimulatedRun(plan, consumer, handlers, self._aws, seed=seed).history()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed what everybody draws from: the SDK waits for a random time before it tries again, and that shows."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
