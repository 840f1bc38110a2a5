"""An environment: where plans are run. And what all of them need of a consumer before it runs."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType
from typing import Protocol

from redrive.fixtures.stacks import fake_environment
from redrive.simulator.errors import SqsError
from redrive.simulator.mapping_config import validate_mapping

from ..consumer import Aws, Consumer
from ..errors import TargetError, one_line
from ..handler_runtime import HandlerRuntime, RuntimeKind
from ..history import History
from ..plan import Plan
from ..target import HandlerOf, check_handler
from .simulated_queue import mapping_config, queue_config

__all__ = [
    "Environment",
    "check_consumer",
    "check_queue",
    "endpoint_variables",
    "no_other_endpoint",
    "set_up",
    "with_variables",
]

_NONE: Mapping[str, str] = MappingProxyType({})


class Environment(Protocol):
    """Runs plans against one consumer after another. Keep it: its start costs more than a run."""

    def running(self) -> AbstractContextManager["Environment"]:
        """Take this process's AWS calls over for as long as it lasts. Raises :class:`EnvironmentFailed`."""

    def check(self, consumer: Consumer) -> None:
        """Set the consumer up and import its handler once, for a clear word if that fails.

        Raises :class:`TargetError`, also for a queue or mapping that AWS would refuse.
        """

    def run(self, plan: Plan, consumer: Consumer, handler: HandlerOf, *, seed: int) -> History:
        """One run from an empty world until nothing is left to happen.

        Where time is real, the consumer is one that has been shaped for it (:mod:`~..real_time`).
        """


@contextmanager
def with_variables(consumer: Consumer, extra: Mapping[str, str] = _NONE) -> Iterator[dict[str, str]]:
    """Have the consumer's environment variables set, ``{tmp}`` being a new folder, and fake credentials."""
    with tempfile.TemporaryDirectory(prefix="redrive-") as directory:
        variables = {name: value.replace("{tmp}", directory) for name, value in consumer.environment.items()}
        with fake_environment({**extra, **variables}):
            yield variables


def no_other_endpoint() -> dict[str, str]:
    """The variables that let AWS_ENDPOINT_URL, on this machine, have its way, whatever else is configured there."""
    no_proxy = ",".join(filter(None, ("127.0.0.1", os.environ.get("no_proxy") or os.environ.get("NO_PROXY"))))
    return {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false", "NO_PROXY": no_proxy, "no_proxy": no_proxy}


def endpoint_variables(endpoint_url: str) -> dict[str, str]:
    """The variables that lead every client of a process to this endpoint of this machine."""
    return {"AWS_ENDPOINT_URL": endpoint_url, **no_other_endpoint()}


def check_queue(consumer: Consumer) -> None:
    """Raise :class:`TargetError` for a queue or mapping that AWS would refuse."""
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


def set_up(consumer: Consumer, aws: Aws) -> None:
    """Have the consumer make what it needs. Raises :class:`TargetError`, whatever its ``setup`` raises."""
    if consumer.setup is not None:
        try:
            consumer.setup(aws)
        except Exception as error:
            raise TargetError(f"the consumer's setup failed with {one_line(error)}") from error


def check_consumer(consumer: Consumer, aws: Aws, runtime: HandlerRuntime) -> None:
    """Set it up, and look for its handler. Raises :class:`TargetError`."""
    set_up(consumer, aws)
    if runtime.kind is RuntimeKind.IN_PROCESS:
        check_handler(consumer)
    elif runtime.kind in {RuntimeKind.PROCESS, RuntimeKind.NATIVE}:
        runtime.command_for(consumer)
