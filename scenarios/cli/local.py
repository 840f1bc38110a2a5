"""``redrive local``: a queue, its DLQ, a table and a handler behind them, to try things out on."""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from ..errors import InputError
from ..local import QUEUE, Ended, Ready, run_on_moto

__all__ = ["local"]

_ENVIRONMENTS = ("moto",)


@click.group()
def local() -> None:
    """A local environment with the reference handler, or another one, deployed."""


@local.command()
@click.argument("target", required=False)
@click.option(
    "--on", "environment", type=click.Choice(_ENVIRONMENTS), default="moto", show_default=True, help="Where to run."
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
    target: str | None, environment: str, fifo: bool, ready_file: Path | None, until_stdin_closes: bool, **numbers: Any
) -> int:
    """Run TARGET, by default the reference handler, behind a local queue until Ctrl-C; then end everything.

    TARGET is a handler or a Consumer: package.module:attribute or path/to/file.py:attribute. What the handler prints
    goes to standard error.
    """
    del environment  # one choice so far, checked by click
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="redrive: %(message)s")
    overrides = {name: value for name, value in numbers.items() if value is not None}
    if fifo:
        overrides["fifo"] = True
    stop = threading.Event()
    _stop_on_signals(stop)
    if until_stdin_closes:
        threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()

    def announce(ready: Ready) -> None:
        if ready_file is not None:
            _write(ready_file, json.dumps(ready.as_json()))
        click.echo(_how_to_use(ready))
        click.echo(json.dumps(ready.as_json()))

    with _there_while_it_runs(ready_file):
        ended = run_on_moto(target, overrides, stop=stop, on_ready=announce)
    click.echo(_summary(ended))
    if ended.abandoned:
        # Its threads would keep the interpreter from ending.
        sys.stdout.flush()
        os._exit(0)
    return 0


def _stop_on_signals(stop: threading.Event) -> None:
    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)


def _stop_at_end_of_input(stop: threading.Event) -> None:
    while os.read(0, 65_536):
        pass
    stop.set()


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
    return f"""\
moto listens at {ready.endpoint_url}; Ctrl-C ends it.

  export AWS_ENDPOINT_URL={ready.endpoint_url} AWS_REGION={ready.region}
  export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing

  aws sqs send-message --queue-url {ready.queue_url} --message-body '{{"id": "A-1"}}'{group}
  aws dynamodb scan --table-name {ready.table_name}
  aws sqs get-queue-attributes --attribute-names All --queue-url {ready.dlq_url}
"""


def _summary(ended: Ended) -> str:
    counts = ended.counts
    return (
        f"stopped after {counts.deliveries} deliveries in {counts.invocations} invocations: "
        f"{counts.acknowledged} acknowledged, {counts.failed} failed, {counts.delete_failures} could not be deleted"
    )
