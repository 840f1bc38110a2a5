"""``redrive replay``: recorded messages, or the history of a finding, through a handler."""

import json
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import click

from ..environments.simulated import SimulatedEnvironment
from ..errors import InputError
from ..history import Fate, History
from ..judgement import Verdict
from ..replay import (
    Became,
    became,
    findings_in,
    is_report,
    printable,
    read_recorded,
    replay_finding,
    replay_messages,
    timelines,
)
from ..target import REFERENCE, Target, load_target
from ..target_options import TargetOptions
from ..verification import DEFAULT_SEED
from .target_options import target_options, with_target_options

__all__ = ["replay"]


@click.command()
@click.argument("recorded", metavar="HISTORY|DLQ-DUMP", type=click.Path(path_type=Path))
@click.argument("target", required=False)
@click.option(
    "--finding", "number", type=click.IntRange(1), help="Which finding of a report, counted from 1. [default: 1]"
)
@click.option("-v", "--verbose", is_flag=True, help="What happened to each message, as a timeline.")
@click.option("--show-bodies", is_flag=True, help="Print bodies, and what errors say. They are whatever somebody sent.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=DEFAULT_SEED,
    show_default=True,
    help="For messages: the order of batches.",
)
@with_target_options
def replay(
    recorded: Path,
    target: str | None,
    number: int | None,
    verbose: bool,
    show_bodies: bool,
    seed: int,
    **shaped: Any,
) -> int:
    """Run recorded messages through TARGET in the simulated environment: once, and nothing goes wrong there.

    A DLQ-DUMP is a JSON array or JSON lines of messages as `aws sqs receive-message` gives them, of records of a Lambda
    event, or a whole event. Without TARGET they go to the reference handler. Exit status: 0 if all were acknowledged,
    1 if not, 2 if the file cannot be understood.

    A HISTORY is the report that `redrive verify --json` wrote: a finding of it is run again as it was found, faults
    included. TARGET and its options are those that it was found in, or a mended handler. Exit status: 0 if the
    invariant holds now, 1 if not.
    """
    options = target_options(**shaped)
    read = read_recorded(recorded)
    if is_report(read):
        return _finding(read, recorded, target, options, number or 1, verbose=verbose, show_bodies=show_bodies)
    if number is not None:
        raise InputError(f"--finding is for a report of redrive verify, and {str(recorded)!r} is none")
    environment = SimulatedEnvironment()
    with environment.running():
        loaded = _load(target or REFERENCE, options, environment)
        history = replay_messages(read, str(recorded), loaded, environment, seed=seed)
    _show(history, verbose=verbose, show_bodies=show_bodies)
    return 0 if all(fate.acknowledged for fate in history.fates) else 1


def _finding(
    report: dict[str, Any],
    path: Path,
    target: str | None,
    options: TargetOptions,
    number: int,
    *,
    verbose: bool,
    show_bodies: bool,
) -> int:
    findings = findings_in(report, str(path))
    if number > len(findings):
        raise InputError(f"--finding {number}: {str(path)!r} has {len(findings)}")
    if target is None:
        # Not taken from the file by itself: whoever wrote that would say what code is run here.
        raise InputError(f"say what to run it through; it was found in: {_command(report, path)}")
    finding = findings[number - 1]
    environment = SimulatedEnvironment()
    with environment.running():
        loaded = _load(target, options, environment)
        history, judgement = replay_finding(finding, loaded, environment)
    click.echo(printable(f"finding {number} of {len(findings)}: {finding.invariant} in {finding.scenario}"))
    _show(history, verbose=verbose, show_bodies=show_bodies)
    match judgement.verdict:
        case Verdict.HOLDS:
            click.echo(f"{finding.invariant} holds")
            return 0
        case Verdict.VIOLATED:
            said = "; ".join(violation.message for violation in judgement.violations)
            click.echo(printable(f"{finding.invariant} is violated: {said}"))
        case _:
            click.echo(printable(f"{finding.invariant} is {judgement.verdict}: {judgement.reason}"))
    _hint(report, options)
    return 1


def _command(report: dict[str, Any], path: Path) -> str:
    words = [report.get("target"), *(report.get("options") or ())]
    return printable(shlex.join(["redrive", "replay", str(path), *map(str, words)]))


def _hint(report: dict[str, Any], options: TargetOptions) -> None:
    """A handler that lacks what it had when the finding was made fails for another reason."""
    had = [str(word) for word in report.get("options") or ()]
    if had and had != options.words():
        click.echo(printable(f"note: it was found with {shlex.join(had)}"), err=True)


def _load(target: str, options: TargetOptions, environment: SimulatedEnvironment) -> Target:
    loaded = load_target(target, options)
    environment.check(loaded.consumer)
    return loaded


def _show(history: History, *, verbose: bool, show_bodies: bool) -> None:
    """A line for each message, more of it if asked, and the sum."""
    told = timelines(history, with_errors=show_bodies) if verbose else [[] for _ in history.fates]
    for fate, lines in zip(history.fates, told, strict=True):
        click.echo(printable(_line(fate)))
        if show_bodies:
            click.echo(f"  body: {printable(json.dumps(fate.message.body, ensure_ascii=False))}")
        for line in lines:
            click.echo(printable(line))
    counts = Counter(became(fate) for fate in history.fates)
    said = ", ".join(f"{counts[each]} {each}" for each in Became if counts[each])
    number = len(history.fates)
    click.echo(f"{number} {'message' if number == 1 else 'messages'}: {said}")


def _line(fate: Fate) -> str:
    deliveries = len(fate.deliveries)
    after = f" after {deliveries} {'delivery' if deliveries == 1 else 'deliveries'}" if fate.enqueued else ""
    return f"message {fate.number + 1}, {fate.message.key}: {became(fate)}{after}"
