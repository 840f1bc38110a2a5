"""A load run from start to end: local environment, Locust, draining, figures, account.

Exit status: 0 the account balances, 1 it does not, 2 the run could not be made.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from botocore.exceptions import BotoCoreError, ClientError

from redrive.fixtures.stacks import Aws

from .account import Account
from .observers import done_keys, queue_depth, wait_until_drained
from .processes import LoadError, child, last_line, local_environment, locust_command, only_local
from .progress import Progress
from .settings import BATCH_SIZE_MAX

__all__ = ["RunPlan", "RunResult", "main", "run"]

# Poison is in the DLQ after the second of these: soon enough for somebody who waits for it.
VISIBILITY_TIMEOUT_S: Final = 5
MAX_RECEIVE_COUNT: Final = 2

# Beyond the time that it was given: to start, to end, and to write down what it counted.
_LOCUST_EXTRA_S: Final = 90
_LOOK_EVERY_S: Final = 2.0
_LOCUST_STATUSES: Final = (0, 1)  # 1: requests failed


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What to run: `batches_per_second` is for each user; `drain_s` is how long the consumer may take afterwards."""

    seconds: int = 20
    users: int = 2
    batch_size: int = BATCH_SIZE_MAX
    batches_per_second: float = 1.0
    poison_rate: float = 0.02
    drain_s: int = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What came of it. `sending` is Locust's summary; `drained_s` is None where the deadline came first."""

    sending: dict[str, Any]
    drained_s: float | None
    account: Account

    def as_json(self) -> dict[str, Any]:
        """All figures by name."""
        return {"sending": self.sending, "drained_s": self.drained_s, "account": self.account.as_json()}


def run(plan: RunPlan, *, say: Callable[[str], object]) -> RunResult:
    """Run the plan, telling what goes on, and end everything that was started. Raises LoadError."""
    with tempfile.TemporaryDirectory(prefix="redrive-load-") as name:
        folder = Path(name)
        say("starting moto's server and the reference handler")
        options = [f"--visibility-timeout={VISIBILITY_TIMEOUT_S}", f"--max-receive-count={MAX_RECEIVE_COUNT}"]
        with local_environment(options, folder=folder) as ready:
            aws = Aws(endpoint_url=ready["endpoint_url"], region=ready["region"])
            say(f"sending for {plan.seconds} s to {ready['queue_url']}")
            try:
                sending = _send(plan, ready, aws, folder=folder, say=say)
                return _settle(plan, ready, sending, aws, say)
            except (ClientError, BotoCoreError) as error:
                why = f"{' '.join(str(error).split())}; {last_line(folder / 'local.log')}"
                raise LoadError(f"the local environment does not answer any more: {why}") from error


def _send(
    plan: RunPlan, ready: dict[str, Any], aws: Aws, *, folder: Path, say: Callable[[str], object]
) -> dict[str, Any]:
    """Run Locust and return its summary."""
    summary_path, log_path = folder / "summary.json", folder / "locust.log"
    command = locust_command(
        ready,
        users=plan.users,
        seconds=plan.seconds,
        batch_size=plan.batch_size,
        batches_per_second=plan.batches_per_second,
        poison_rate=plan.poison_rate,
        summary_path=summary_path,
    )
    with child(command, log_path=log_path) as process:
        deadline_s = time.monotonic() + plan.seconds + _LOCUST_EXTRA_S
        while (status := _wait(process)) is None:
            if time.monotonic() > deadline_s:
                raise LoadError(f"Locust did not end {_LOCUST_EXTRA_S} s after its time: {last_line(log_path)}")
            seen = queue_depth(aws.client("sqs"), ready["queue_url"])
            say(f"sending: {seen.visible} waiting, {seen.in_flight} in flight")
    if status not in _LOCUST_STATUSES or not summary_path.exists():
        raise LoadError(f"Locust ended with status {status}: {last_line(log_path)}")
    summary: dict[str, Any] = json.loads(summary_path.read_text(encoding="utf-8"))
    return summary


def _wait(process: subprocess.Popen[str]) -> int | None:
    try:
        return process.wait(_LOOK_EVERY_S)
    except subprocess.TimeoutExpired:
        return None


def _settle(
    plan: RunPlan, ready: dict[str, Any], sending: dict[str, Any], aws: Aws, say: Callable[[str], object]
) -> RunResult:
    sqs, dynamodb = aws.client("sqs"), aws.client("dynamodb")
    depth = partial(queue_depth, sqs, ready["queue_url"])
    began_s = time.monotonic()
    drained = wait_until_drained(
        depth,
        within_s=plan.drain_s,
        on_look=lambda seen: say(f"draining: {seen.visible} waiting, {seen.in_flight} in flight"),
    )
    took_s = time.monotonic() - began_s
    done = done_keys(dynamodb, ready["table_name"])
    account = Account(
        sent=sending["messages"]["accepted"],
        unknown=sending["messages"]["unknown"],
        processed=done.keys,
        dead_lettered=queue_depth(sqs, ready["dlq_url"]).total,
        left=depth().total,
        written_twice=done.written_twice,
    )
    return RunResult(sending=sending, drained_s=took_s if drained else None, account=account)


def figures(plan: RunPlan, result: RunResult) -> list[str]:
    """The lines that are printed at the end."""
    sending, messages, latency = result.sending, result.sending["messages"], result.sending["latency_ms"]
    seconds = sending["seconds"] or float(plan.seconds)
    drained = f"after {result.drained_s:.1f} s" if result.drained_s is not None else f"not within {plan.drain_s} s"
    rates = f"{sending['batches'] / seconds:.1f} batches/s, {messages['accepted'] / seconds:.1f} messages/s"
    sent = f"{sending['batches']} batches, {messages['accepted']} messages ({messages['poison']} poison)"
    percentiles = ", ".join(f"{name} {latency[name]:.0f} ms" for name in ("p50", "p95", "p99", "max"))
    return [
        f"sent      {rates}: {sent} in {seconds:.1f} s",
        f"refused   {messages['failed']} messages, {sending['failed_batches']} whole batches",
        f"latency   {percentiles} for a batch",
        f"drained   {drained}",
        f"account   {result.account}",
    ]


_DEFAULT: Final = RunPlan()


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--seconds", type=click.IntRange(1), default=_DEFAULT.seconds, help="How long to send.")
@click.option("--users", type=click.IntRange(1), default=_DEFAULT.users, help="Locust users.")
@click.option(
    "--batches-per-second",
    type=click.FloatRange(0),
    default=_DEFAULT.batches_per_second,
    help="Of each user; 0 is as fast as the queue answers.",
)
@click.option("--batch-size", type=click.IntRange(1, BATCH_SIZE_MAX), default=_DEFAULT.batch_size, help="Messages.")
@click.option("--poison-rate", type=click.FloatRange(0, 1), default=_DEFAULT.poison_rate, help="Unreadable messages.")
@click.option("--drain", "drain_s", type=click.IntRange(0), default=_DEFAULT.drain_s, help="Seconds to drain within.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures here.")
def _command(json_path: Path | None, **options: Any) -> int:
    """Send messages to a local queue with the reference handler behind it, and account for every one of them."""
    plan = RunPlan(**options)
    if importlib.util.find_spec("locust") is None:
        raise LoadError("Locust is not installed: pip install 'redrive[load]'")
    with Progress() as progress:
        result = run(plan, say=progress.say)
    for line in figures(plan, result):
        click.echo(line)
    if json_path is not None:
        json_path.write_text(f"{json.dumps(result.as_json(), indent=2)}\n", encoding="utf-8")
    if result.account.problem is not None:
        click.echo(f"FAILED    {result.account.problem}")
        return 1
    click.echo("balanced")
    return 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit."""
    # From here on this process and those that it starts know no AWS but the local one.
    environment = only_local(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        status = _command.main(args=arguments, prog_name="python -m redrive.load", standalone_mode=False)
    except click.ClickException as error:
        _end(2, error.format_message())
    except (click.Abort, KeyboardInterrupt):
        _end(130, "stopped")
    except LoadError as error:
        _end(2, str(error))
    sys.exit(status)


def _end(status: int, message: str) -> NoReturn:
    click.echo(f"redrive.load: {' '.join(message.split())}", err=True)
    sys.exit(status)
