"""The simulated environment: the simulator's queue and mapping, any runtime for the handler, moto for its AWS calls."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from redrive.fixtures.stacks import Aws, fake_environment, moto_aws, reset_moto
from redrive.simulator.errors import SqsError
from redrive.simulator.mapping_config import validate_mapping

from ..consumer import Consumer
from ..errors import TargetError, one_line
from ..handler_runtime import IN_PROCESS, HandlerRuntime, RuntimeKind
from ..history import History
from ..plan import Plan
from ..target import HandlerOf, check_handler
from .aws_calls import install
from .handlers import Handlers, InsideHandlers
from .outside import OutsideHandlers, aws_over_http
from .simulated_queue import mapping_config, queue_config
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
        """Set the consumer up and import its handler once, for a clear word if that fails.

        Raises :class:`TargetError`, also for a queue or mapping that AWS would refuse.
        """
        spec = consumer.queue
        try:
            queue_config(spec, fifo=spec.fifo)
            validate_mapping(
                mapping_config(spec, fifo=spec.fifo, batch_size=spec.batch_size),
                fifo=spec.fifo,
                visibility_timeout_s=spec.visibility_timeout_s,
            )
        except SqsError as error:
            raise TargetError(f"the consumer's queue is refused with {one_line(error)}") from error
        reset_moto()
        with self._variables(consumer):
            if consumer.setup is not None:
                try:
                    consumer.setup(self._aws)
                except Exception as error:
                    raise TargetError(f"the consumer's setup failed with {one_line(error)}") from error
            if self._runtime.kind is RuntimeKind.IN_PROCESS:
                check_handler(consumer)
            elif self._runtime.kind is RuntimeKind.PROCESS:
                self._runtime.command_for(consumer)

    @contextmanager
    def _variables(self, consumer: Consumer) -> Iterator[dict[str, str]]:
        with tempfile.TemporaryDirectory(prefix="redrive-") as directory:
            variables = {name: value.replace("{tmp}", directory) for name, value in consumer.environment.items()}
            with fake_environment(variables):
                yield variables

    def run(self, plan: Plan, consumer: Consumer, handler: HandlerOf, *, seed: int) -> History:
        """One run from an empty world until nothing is left to happen.

        In virtual time, unless the runtime's is real: the consumer is then one that the runtime has shaped.
        """
        reset_moto()
        with self._variables(consumer) as variables, _seeded(seed):
            handlers: Handlers
            if self._runtime.kind is RuntimeKind.IN_PROCESS:
                handlers = InsideHandlers(handler)
            else:
                handlers = OutsideHandlers(
                    runtime=self._runtime, consumer=consumer, variables=variables, endpoint_url=self._endpoint_url
                )
            return SimulatedRun(self._runtime.shortened(plan), consumer, handlers, self._aws, seed=seed).history()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed what everybody draws from: the SDK waits for a random time before it tries again, and that shows."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
