"""A local environment in the foreground: queue, DLQ and table on moto's server, and a handler behind them."""

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from redrive.fixtures.moto_server import MotoServer, MotoServerError
from redrive.fixtures.stacks import Aws, Stack, create_stack, fake_environment
from redrive.simulator.errors import SqsError
from redrive.simulator.mapping_config import MappingConfig, validate_mapping

from .consumer import Consumer, QueueSpec
from .errors import EnvironmentFailed, TargetError, one_line
from .in_process_function import InProcessFunction
from .poller import Counts, Poller
from .reference import HANDLER
from .target import check_handler, handler_of, load_target

__all__ = ["QUEUE", "Ended", "Ready", "run_on_moto"]

QUEUE: Final = QueueSpec(visibility_timeout_s=30, function_timeout_s=30)
"""The queue of the reference handler here: retries are to be seen while somebody watches."""

_NAME: Final = "redrive-local"
# moto looks for messages that have become visible again once a second, however long a receive waits.
_WAIT_S: Final = 1
# The server is a process of ours: what does not answer now has gone.
_PAUSES_S: Final = (0.1, 0.4, 1.6)
_STOP_WITHIN_S: Final = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a program needs to use the environment.

    ``table_name`` is None where the handler is the user's own, and ``function_name`` where there is no function.
    """

    environment: str
    endpoint_url: str
    region: str
    access_key_id: str
    queue_url: str
    dlq_url: str
    table_name: str | None
    function_name: str | None = None
    fifo: bool
    visibility_timeout_s: int
    max_receive_count: int
    pid: int

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it ended. ``abandoned`` where a handler was still running and was not waited for any longer."""

    counts: Counts
    abandoned: bool


def run_on_moto(
    target: str | None,
    overrides: Mapping[str, Any],
    *,
    stop: threading.Event,
    on_ready: Callable[[Ready], object],
    port: int = 0,
) -> Ended:
    """Start everything, call ``on_ready``, poll until ``stop`` is set, and end all that was started.

    ``target`` is a handler or a :class:`Consumer`, by default the reference handler; ``overrides`` are fields of
    :class:`QueueSpec` to take instead of the target's.

    One batch is with the handler at a time. Asked from two sides at once, moto's queues deliver messages twice and
    bring back deleted ones; and it would not be faster, as moto is one process (300 messages on two cores: 24 a second
    with one batch at a time, 20 with two).

    ``port`` 0 stands for a free one. Raises :class:`UsageError` if the target or the environment cannot be had, or the
    server goes away.
    """
    with ExitStack() as running:
        directory = running.enter_context(tempfile.TemporaryDirectory(prefix="redrive-"))
        # Before the server starts: moto looks at the variables, too. What is added later goes with them.
        running.enter_context(fake_environment(_variables()))
        server = _start_server(port)
        running.callback(server.stop)
        os.environ["AWS_ENDPOINT_URL"] = server.endpoint_url
        consumer = load_target(HANDLER if target is None else target).consumer
        queue = replace(QUEUE if target is None else consumer.queue, **overrides)
        mapping = _mapping(queue)
        stack = _create(Aws(endpoint_url=server.endpoint_url), queue)
        os.environ.update({name: value.replace("{tmp}", directory) for name, value in consumer.environment.items()})
        _set_up(consumer, stack)
        check_handler(consumer)
        function = InProcessFunction(handler_of(consumer))
        poller = Poller(
            stack.client("sqs"),
            queue_url=stack.queue_url,
            queue_arn=stack.queue_arn,
            mapping=mapping,
            call=function,
            stop=stop,
            wait_s=_WAIT_S,
            pauses_s=_PAUSES_S,
            on_discard=function.discard,
        )
        on_ready(_ready(server, stack, queue))
        return _poll(poller, stop)


def _set_up(consumer: Consumer, stack: Stack) -> None:
    if consumer.setup is not None:
        try:
            consumer.setup(stack)
        except Exception as error:
            raise TargetError(f"the consumer's setup failed with {one_line(error)}") from error


def _poll(poller: Poller, stop: threading.Event) -> Ended:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            poller.run()
        except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, name="poller", daemon=True)
    thread.start()
    stop.wait()
    thread.join(_STOP_WITHIN_S)
    if errors:
        raise errors[0]
    return Ended(counts=poller.counts, abandoned=thread.is_alive())


def _start_server(port: int) -> MotoServer:
    if port and not _is_free(port):
        raise EnvironmentFailed(f"port {port} of 127.0.0.1 is taken, or not for you")
    # Ctrl-C goes to every process of the terminal. The server inherits that it is held back, and ends when we end it.
    with _held_back(signal.SIGINT):
        try:
            return MotoServer(port=port)
        except MotoServerError as error:
            raise EnvironmentFailed(str(error)) from error


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@contextmanager
def _held_back(number: signal.Signals) -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _variables() -> dict[str, str]:
    """The handler's environment, made so that whatever else is configured on the machine leads nowhere else."""
    no_proxy = ",".join(filter(None, ("127.0.0.1", os.environ.get("no_proxy") or os.environ.get("NO_PROXY"))))
    return {
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "REDRIVE_SINK": "dynamodb",
        "REDRIVE_LEDGER": "dynamodb",
        "REDRIVE_TABLE": _NAME,
    }


def _mapping(queue: QueueSpec) -> MappingConfig:
    mapping = MappingConfig(
        batch_size=queue.batch_size,
        batching_window_s=queue.batching_window_s,
        report_batch_item_failures=queue.report_batch_item_failures,
        # moto's queues deliver twice to two consumers at once, and reorder message groups.
        concurrent_batches=1,
        function_timeout_s=min(queue.function_timeout_s, queue.visibility_timeout_s),
    )
    try:
        validate_mapping(mapping, fifo=queue.fifo, visibility_timeout_s=queue.visibility_timeout_s)
    except SqsError as error:
        raise EnvironmentFailed(error.message) from error
    return mapping


def _create(aws: Aws, queue: QueueSpec) -> Stack:
    if queue.max_receive_count is None:
        raise EnvironmentFailed("the target's queue has no DLQ, and a local one has: give --max-receive-count")
    return create_stack(
        aws,
        _NAME,
        fifo=queue.fifo,
        visibility_timeout_s=queue.visibility_timeout_s,
        max_receive_count=queue.max_receive_count,
    )


def _ready(server: MotoServer, stack: Stack, queue: QueueSpec) -> Ready:
    assert queue.max_receive_count is not None
    return Ready(
        environment="moto",
        endpoint_url=server.endpoint_url,
        region=stack.region,
        access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        queue_url=stack.queue_url,
        dlq_url=stack.dlq_url,
        table_name=stack.table_name,
        fifo=queue.fifo,
        visibility_timeout_s=queue.visibility_timeout_s,
        max_receive_count=queue.max_receive_count,
        pid=os.getpid(),
    )
