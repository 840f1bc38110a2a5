"""The simulated environment: the simulator's queue and mapping, the handler in this process, moto for its AWS calls."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from redrive.fixtures.stacks import Aws, fake_environment, moto_aws, reset_moto
from redrive.simulator.errors import SqsError
from redrive.simulator.mapping_config import validate_mapping

from ..consumer import Consumer
from ..errors import TargetError, one_line
from ..history import History
from ..plan import Plan
from ..target import HandlerOf, check_handler
from .aws_calls import install
from .simulated_queue import mapping_config, queue_config
from .simulated_run import SimulatedRun

__all__ = ["SimulatedEnvironment"]

CALL_MS = 5
"""How long an AWS call takes in virtual time."""

# Reads cannot have an effect, so there is no need to look for one after them.
_READS = ("Get", "List", "Describe", "Head", "Scan", "Query", "BatchGet")


class SimulatedEnvironment:
    """Runs plans against one consumer after another. Keep it: its start costs more than many runs."""

    name = "simulated"

    def __init__(self) -> None:
        install()
        self._aws: Aws

    @contextmanager
    def running(self) -> Iterator["SimulatedEnvironment"]:
        """Take this process's AWS calls over for as long as it lasts."""
        with moto_aws() as self._aws:
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
            check_handler(consumer)

    @contextmanager
    def _variables(self, consumer: Consumer) -> Iterator[None]:
        with tempfile.TemporaryDirectory(prefix="redrive-") as directory:
            variables = {name: value.replace("{tmp}", directory) for name, value in consumer.environment.items()}
            with fake_environment(variables):
                yield

    def run(self, plan: Plan, consumer: Consumer, handler: HandlerOf, *, seed: int) -> History:
        """One run from an empty world until nothing is left to happen, in virtual time."""
        reset_moto()
        with self._variables(consumer), _seeded(seed):
            return SimulatedRun(plan, consumer, handler, self._aws, seed=seed).history()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed what everybody draws from: the SDK waits for a random time before it tries again, and that shows."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
