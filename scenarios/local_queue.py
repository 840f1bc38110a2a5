"""The queue of a local environment: which one a target gets, and what a program needs to use it once it is there."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Protocol

from redrive.fixtures.stacks import AwsClients
from redrive.simulator.errors import SqsError
from redrive.simulator.mapping_config import MappingConfig, validate_mapping

from .consumer import Consumer, QueueSpec
from .environments.simulated_queue import mapping_config
from .errors import EnvironmentFailed

__all__ = ["NAME", "QUEUE", "LocalQueue", "Ready", "create_reply_queue", "local_queue", "ready", "reply_queue_name"]

NAME: Final = "redrive-local"
"""Of the queue, and of what belongs to it."""

QUEUE: Final = QueueSpec(visibility_timeout_s=30, function_timeout_s=30)
"""The queue of the reference handler here: retries are to be seen while somebody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalQueue:
    """A queue that has a DLQ, and a mapping that AWS would take: one batch at a time."""

    spec: QueueSpec
    max_receive_count: int
    mapping: MappingConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a program needs to use the environment.

    ``table_name`` is None where the handler is the user's own, ``function_name`` where there is no function, and
    ``reply_queue_url`` where none was asked for.
    """

    environment: str
    endpoint_url: str
    region: str
    access_key_id: str
    queue_url: str
    dlq_url: str
    table_name: str | None
    function_name: str | None = None
    reply_queue_url: str | None = None
    fifo: bool
    visibility_timeout_s: int
    max_receive_count: int
    pid: int

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


class _Made(Protocol):
    """A stack or a deployment."""

    @property
    def region(self) -> str: ...

    @property
    def queue_url(self) -> str: ...

    @property
    def dlq_url(self) -> str: ...

    @property
    def table_name(self) -> str | None: ...


def local_queue(consumer: Consumer | None, overrides: Mapping[str, Any]) -> LocalQueue:
    """The consumer's queue, or :data:`QUEUE` for the reference handler, with ``overrides`` of its fields.

    The function's timeout is the visibility timeout at most. Raises :class:`EnvironmentFailed` for a queue without a
    DLQ, and for a mapping that AWS would refuse.
    """
    wanted = replace(QUEUE if consumer is None else consumer.queue, **overrides)
    if wanted.max_receive_count is None:
        raise EnvironmentFailed("the target's queue has no DLQ, and a local one has: give --max-receive-count")
    spec = replace(wanted, function_timeout_s=min(wanted.function_timeout_s, wanted.visibility_timeout_s))
    mapping = mapping_config(spec, fifo=spec.fifo, batch_size=spec.batch_size)
    try:
        validate_mapping(mapping, fifo=spec.fifo, visibility_timeout_s=spec.visibility_timeout_s)
    except SqsError as error:
        raise EnvironmentFailed(error.message) from error
    return LocalQueue(spec=spec, max_receive_count=wanted.max_receive_count, mapping=mapping)


def reply_queue_name(name: str) -> str:
    """Of the queue that the handler replies to, which stands beside the queue of this name."""
    return f"{name}-replies"


def create_reply_queue(aws: AwsClients, name: str) -> str:
    """Create that queue, a standard one, and return its URL."""
    url: str = aws.client("sqs").create_queue(QueueName=reply_queue_name(name))["QueueUrl"]
    return url


def ready(
    made: _Made,
    queue: LocalQueue,
    *,
    environment: str,
    endpoint_url: str,
    access_key_id: str,
    function_name: str | None = None,
    reply_queue_url: str | None = None,
) -> Ready:
    """What is to be told of what was ``made`` for the queue, in this process."""
    return Ready(
        environment=environment,
        endpoint_url=endpoint_url,
        region=made.region,
        access_key_id=access_key_id,
        queue_url=made.queue_url,
        dlq_url=made.dlq_url,
        table_name=made.table_name,
        function_name=function_name,
        reply_queue_url=reply_queue_url,
        fifo=queue.spec.fifo,
        visibility_timeout_s=queue.spec.visibility_timeout_s,
        max_receive_count=queue.max_receive_count,
        pid=os.getpid(),
    )
