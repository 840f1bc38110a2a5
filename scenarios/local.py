"""A local environment in the foreground: queue, DLQ and table on moto's server, and a handler behind them."""

import os
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from redrive.fixtures.moto_server import MotoServer
from redrive.fixtures.stacks import Aws, create_stack, fake_environment

from .environments.environment import no_other_endpoint, set_up
from .environments.starting_moto import start_moto
from .errors import EnvironmentFailed
from .in_process_function import InProcessFunction
from .local_queue import NAME, Ready, create_reply_queue, local_queue, ready
from .poller import Counts, Poller
from .reference import HANDLER
from .target import check_handler, handler_of, load_target

__all__ = ["Ended", "run_on_moto"]

# moto looks for messages that have become visible again once a second, however long a receive waits.
_WAIT_S: Final = 1
# The server is a process of ours: what does not answer now has gone.
_PAUSES_S: Final = (0.1, 0.4, 1.6)
_STOP_WITHIN_S: Final = 6.0


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
    reply_queue: bool = False,
) -> Ended:
    """Start everything, call ``on_ready``, poll until ``stop`` is set, and end all that was started.

    ``target`` is a handler or a :class:`Consumer`, by default the reference handler; ``overrides`` are fields of
    :class:`QueueSpec` to take instead of the target's.

    One batch is with the handler at a time. Asked from two sides at once, moto's queues deliver messages twice and
    bring back deleted ones; and it would not be faster, as moto is one process (300 messages on two cores: 24 a second
    with one batch at a time, 20 with two).

    ``port`` 0 stands for a free one. With ``reply_queue`` there is one, and the handler's variables name it.

    Raises :class:`UsageError` if the target or the environment cannot be had, or the server goes away.
    """
    with ExitStack() as running:
        directory = running.enter_context(tempfile.TemporaryDirectory(prefix="redrive-"))
        # Before the server starts: moto looks at the variables, too. What is added later goes with them.
        running.enter_context(fake_environment(_variables()))
        server = _start_server(port)
        running.callback(server.stop)
        os.environ["AWS_ENDPOINT_URL"] = server.endpoint_url
        consumer = load_target(HANDLER if target is None else target).consumer
        queue = local_queue(None if target is None else consumer, overrides)
        stack = create_stack(
            Aws(endpoint_url=server.endpoint_url),
            NAME,
            fifo=queue.spec.fifo,
            visibility_timeout_s=queue.spec.visibility_timeout_s,
            max_receive_count=queue.max_receive_count,
        )
        os.environ.update({name: value.replace("{tmp}", directory) for name, value in consumer.environment.items()})
        reply_queue_url = create_reply_queue(stack, NAME) if reply_queue else None
        if reply_queue_url is not None:
            os.environ["REDRIVE_REPLY_QUEUE_URL"] = reply_queue_url
        set_up(consumer, stack)
        check_handler(consumer)
        function = InProcessFunction(handler_of(consumer))
        poller = Poller(
            stack.client("sqs"),
            queue_url=stack.queue_url,
            queue_arn=stack.queue_arn,
            mapping=queue.mapping,
            call=function,
            stop=stop,
            wait_s=_WAIT_S,
            pauses_s=_PAUSES_S,
            on_discard=function.discard,
        )
        on_ready(
            ready(
                stack,
                queue,
                environment="moto",
                endpoint_url=server.endpoint_url,
                access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
                reply_queue_url=reply_queue_url,
            )
        )
        return _poll(poller, stop)


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
    return start_moto(port)


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _variables() -> dict[str, str]:
    """The handler's environment, made so that whatever else is configured on the machine leads nowhere else."""
    return {
        **no_other_endpoint(),
        "REDRIVE_SINK": "dynamodb",
        "REDRIVE_LEDGER": "dynamodb",
        "REDRIVE_TABLE": NAME,
    }
