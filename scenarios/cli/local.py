"""``redrive local``: a queue, its DLQ, a table and a handler behind them, to try things out on."""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from ..errors import EnvironmentFailed, InputError
from ..local import Ended, run_on_moto
from ..local_queue import QUEUE, Ready
from ..local_state import recorded
from .local_running import detach, down, status

__all__ = ["local"]

_NAMES = {"moto": "moto", "localstack": "LocalStack"}
_HOW_TO_END = "Ctrl-C or redrive local down ends it."


@click.group()
def local() -> None:
    """A local environment with the reference handler, or another one, deployed."""


local.add_command(status)
local.add_command(down)


@local.command()
@click.argument("target", required=False)
@click.option(
    "--on", "environment", type=click.Choice(tuple(_NAMES)), default="moto", show_default=True, help="Where to run."
)
@click.option("--fifo", is_flag=True, help="FIFO queues.")
@click.option(
    "--visibility-timeout",
    "visibility_timeout_s",
    type=click.IntRange(1, 43_200),
    metavar="SECONDS",
    help=f"[default: {QUEUE.visibility_timeout_s}, or the target's]",
)
@click.option(
    "--max-receive-count",
    type=click.IntRange(1, 1_000),
    metavar="N",
    help=f"Deliveries before the DLQ. [default: {QUEUE.max_receive_count}, or the target's]",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1, 10),
    metavar="N",
    help=f"[default: {QUEUE.batch_size}, or the target's]",
)
@click.option("--reply-queue", is_flag=True, help="A queue for the reference handler to say what became of each batch.")
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    metavar="PORT",
    help="Where to listen on 127.0.0.1, whatever endpoint is there already. [default: a free port]",
)
@click.option("--detach", "detached", is_flag=True, help="Leave it running, and return when it is ready.")
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to have what a program needs to know, as JSON, for as long as everything runs.",
)
@click.option(
    "--until-stdin-closes",
    is_flag=True,
    help="End when standard input does, as it does when the program that started this one is gone.",
)
def up(
    target: str | None,
    environment: str,
    fifo: bool,
    reply_queue: bool,
    port: int | None,
    detached: bool,
    ready_file: Path | None,
    until_stdin_closes: bool,
    **numbers: Any,
) -> int:
    """Run TARGET, by default the reference handler, behind a local queue until Ctrl-C; then end everything.

    TARGET is a handler or a Consumer: package.module:attribute or path/to/file.py:attribute. On moto our own poller
    invokes it in this process, and what it prints goes to standard error. On LocalStack it is a function behind
    LocalStack's own event source mapping; LOCALSTACK_ENDPOINT or AWS_ENDPOINT_URL name one that is there already.
    """
    if detached:
        if until_stdin_closes:
            raise click.UsageError("--detach and --until-stdin-closes exclude each other")
        return detach(_words(target, environment, fifo, reply_queue, port, ready_file, numbers))
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="redrive: %(message)s")
    overrides = {name: value for name, value in numbers.items() if value is not None}
    if fifo:
        overrides["fifo"] = True
    stop, is_ready = threading.Event(), threading.Event()
    _stop_on_signals(stop, is_ready)
    if until_stdin_closes:
        threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    with ExitStack() as while_it_runs:
        while_it_runs.enter_context(_there_while_it_runs(ready_file))

        def announce(ready: Ready) -> None:
            is_ready.set()
            _record(ready, while_it_runs)
            if ready_file is not None:
                _write(ready_file, json.dumps(ready.as_json()))
            click.echo(_how_to_use(ready))
            click.echo(json.dumps(ready.as_json()))
            sys.stdout.flush()

        if environment == "localstack":
            # Only here: it is not needed for moto, and needs more.
            from ..local_on_localstack import run_on_localstack

            run_on_localstack(
                target, overrides, stop=stop, on_ready=announce, progress=_say, port=port, reply_queue=reply_queue
            )
            click.echo("stopped")
            return 0
        ended = run_on_moto(target, overrides, stop=stop, on_ready=announce, port=port or 0, reply_queue=reply_queue)
    click.echo(_summary(ended))
    if ended.abandoned:
        # Its threads would keep the interpreter from ending.
        sys.stdout.flush()
        os._exit(0)
    return 0


def _words(
    target: str | None,
    environment: str,
    fifo: bool,
    reply_queue: bool,
    port: int | None,
    ready_file: Path | None,
    numbers: dict[str, Any],
) -> list[str]:
    """The words of the same command, but for ``--detach``."""
    options = {name.removesuffix("_s"): value for name, value in numbers.items()}
    options |= {"on": environment, "port": port, "ready_file": ready_file}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value is not None]
    flags = [name for name, given in (("--fifo", fifo), ("--reply-queue", reply_queue)) if given]
    return [*words, *flags, *([] if target is None else ["--", target])]


def _say(line: str) -> None:
    click.echo(line, err=True)


def _record(ready: Ready, while_it_runs: ExitStack) -> None:
    try:
        while_it_runs.enter_context(
            recorded(
                environment=ready.environment,
                endpoint_url=ready.endpoint_url,
                queue_url=ready.queue_url,
                dlq_url=ready.dlq_url,
                table_name=ready.table_name,
            )
        )
    except EnvironmentFailed as error:
        _say(f"{error}: redrive local status will not list this")


def _stop_on_signals(stop: threading.Event, is_ready: threading.Event) -> None:
    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        if not is_ready.is_set():
            # What is being started, or even installed, is not waited for.
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)


def _stop_at_end_of_input() -> None:
    while os.read(0, 65_536):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _there_while_it_runs(path: Path | None) -> Iterator[None]:
    """No file of an earlier run is taken for this one's, nor this one's for a later one's."""
    if path is None:
        yield
        return
    path.unlink(missing_ok=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """All or nothing: who waits for the file may read it as soon as it is there."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(f"{text}\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error


def _how_to_use(ready: Ready) -> str:
    group = " --message-group-id A" if ready.fifo else ""
    lines = [
        f"{_NAMES[ready.environment]} listens at {ready.endpoint_url}; {_HOW_TO_END}",
        "",
        f"  export AWS_ENDPOINT_URL={ready.endpoint_url} AWS_REGION={ready.region}",
        f"  export AWS_ACCESS_KEY_ID={ready.access_key_id} AWS_SECRET_ACCESS_KEY=testing",
        "",
        f'  aws sqs send-message --queue-url {ready.queue_url} --message-body \'{{"id": "A-1"}}\'{group}',
        f"  aws sqs get-queue-attributes --attribute-names All --queue-url {ready.dlq_url}",
    ]
    if ready.table_name is not None:
        lines.append(f"  aws dynamodb scan --table-name {ready.table_name}")
    if ready.function_name is not None:
        lines.append(f"  aws logs tail /aws/lambda/{ready.function_name}")
    return "\n".join([*lines, ""])


def _summary(ended: Ended) -> str:
    counts = ended.counts
    return (
        f"stopped after {counts.deliveries} deliveries in {counts.invocations} invocations: "
        f"{counts.acknowledged} acknowledged, {counts.failed} failed, {counts.delete_failures} could not be deleted"
    )
