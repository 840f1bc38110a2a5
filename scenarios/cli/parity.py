"""``redrive parity``: measure environments against what AWS does, rule by rule."""

import datetime as dt
import json
import shlex
import threading
from importlib.metadata import version
from pathlib import Path

import click
from rich.console import Console

from ..errors import InputError
from ..probes import PROBES
from ..probes.environments import check_names, opened
from ..probes.measuring import Measured, measure
from ..probes.probe import Answer, Probe
from ..probes.report import document, lines, print_parity
from ..probes.result import Parity, chosen_rules
from ..report import Progress
from ..written_files import check_writable, write_whole
from .rules import find

__all__ = ["parity"]

_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option(
    "--on",
    "environments",
    default="simulated,moto",
    show_default=True,
    metavar="NAME|URL,...",
    help="What to measure: simulated, moto, localstack, or the URL of anything that speaks the SQS API.",
)
@click.option("--output", type=_PATH, help="Write the results here as a document.")
@click.option("--json", "json_path", type=_PATH, help="Write the results here, as JSON.")
@click.option(
    "--date",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The date that the results bear. [default: today]",
)
def parity(
    ids: tuple[str, ...],
    environments: str,
    output: Path | None,
    json_path: Path | None,
    date: dt.datetime | None,
) -> None:
    """Measure how environments keep the rules of AWS.

    Puts every question that can be put to an endpoint through its public API to each environment: with IDs (S10 E07)
    only those about these rules. Queues and functions that are made for it are deleted again.

    Exit status: 0 when it ran, whatever differs; 2 for an environment that cannot be started or does not answer; 130
    if it was interrupted.
    """
    names = tuple(name.strip() for name in environments.split(",") if name.strip())
    check_names(names)
    if not names:
        raise InputError("--on names nothing to measure")
    if output is not None and ids:
        raise InputError("--output writes about all rules: leave the ids out")
    rules = chosen_rules([find(rule_id).id for rule_id in ids])
    for path in (output, json_path):
        if path is not None:
            check_writable(path)
    asked = [probe for probe in PROBES if probe.rule_id in {rule.id for rule in rules}]
    result = Parity(
        redrive=version("redrive"),
        date=f"{date or dt.datetime.now(dt.UTC):%Y-%m-%d}",
        rules=rules,
        environments=tuple(_measured(name, asked) for name in names),
    )
    if json_path is not None:
        write_whole(json_path, json.dumps(result.as_json(), indent=2, ensure_ascii=False) + "\n")
    if output is not None:
        words = shlex.join(["redrive", "parity", "--on", ",".join(names), "--output", str(output)])
        write_whole(output, document(result, command=words))
    console = Console(highlight=False)
    if console.is_terminal:
        print_parity(result, console)
        return
    for line in lines(result):
        click.echo(line)


def _measured(name: str, asked: list[Probe]) -> Measured:
    stop = threading.Event()
    try:
        with (
            opened(name, stop=stop, progress=lambda line: click.echo(f"  {line}", err=True)) as endpoint,
            Progress(f"asking {name} {len(asked)} questions", total=len(asked)) as progress,
        ):

            def answered(probe: Probe, answer: Answer) -> None:
                progress.done(probe.id, answer.word)

            return measure(endpoint, asked, stop=stop, on_answer=answered)
    finally:
        stop.set()
