"""``redrive rogues``: the handlers with one bug each, and whether the harness catches them."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..environment_kinds import KINDS, SIMULATED
from ..errors import InputError
from ..handler_runtime import IN_PROCESS, NATIVE
from ..place import Place
from ..report import Progress
from ..rogue_matrix import Matrix, honest_targets, run_matrix, summary_of
from ..rogues import ROGUES
from ..verification import DEFAULT_EXAMPLES, DEFAULT_SEED
from ..workers import cores
from ..written_files import check_writable, write_whole
from .verify import INTERRUPTED

__all__ = ["rogues"]

_HEADINGS = ("rogue", "family", "what is wrong", "caught by", "scenario")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--on",
    "environment",
    type=click.Choice(list(KINDS)),
    default=SIMULATED.name,
    show_default=True,
    help="Where to run. Where time is real, each rogue is asked the scenario that shows its bug best, and no other.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="PATH|-",
    help="Ask every scenario of every rogue, or of those named, and write what came of it here.",
)
@click.option(
    "--honest",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="With --json: also of the consumers or handlers in honest_*.py of this folder, which ought to pass.",
)
@click.option("--only", multiple=True, metavar="NAME", help="With --json: only this one; may be given again.")
@click.option("--seed", type=click.IntRange(0), default=DEFAULT_SEED, show_default=True, help="As of redrive verify.")
@click.option("--examples", type=click.IntRange(1), help="As of redrive verify.")
@click.option("--jobs", "processes", type=click.IntRange(1), help="Processes to run at once. [default: the cores]")
def rogues(
    names: tuple[str, ...],
    environment: str,
    json_path: Path | None,
    honest: Path | None,
    only: tuple[str, ...],
    seed: int,
    examples: int | None,
    processes: int | None,
) -> int:
    """List the rogues, handlers with exactly one bug each; or verify that those named are caught, or all with --json.

    A rogue is caught if the invariant that it is named with is violated in the scenario that it is named with. Exit
    status of a run: 0 if every rogue is caught and every honest handler is clean, 1 if not, 130 if interrupted.
    """
    kind = KINDS[environment]
    if json_path is None and not names:
        if kind != SIMULATED:
            raise InputError("--on is for a run: name rogues, or give --json too, with a path or - for the output")
        if honest is not None or only:
            raise InputError("--honest and --only are for a run: give --json too, with a path or - for the output")
        _list()
        return 0
    to_output = str(json_path) == "-"
    if json_path is not None and not to_output:
        check_writable(json_path)
    targets = {} if honest is None else honest_targets(honest)
    place = Place(kind=kind, runtime=NATIVE if kind.is_native else IN_PROCESS)
    matrix = _run(
        targets,
        (*names, *only),
        place=place,
        seed=seed,
        examples=examples or place.examples(DEFAULT_EXAMPLES),
        processes=processes or place.processes(cores()),
    )
    text = json.dumps(matrix.as_json(), indent=2, ensure_ascii=False) + "\n"
    if to_output:
        click.echo(text, nl=False)
    elif json_path is not None:
        write_whole(json_path, text)
    totals = matrix.totals()
    said = f"{totals['caught']} of {totals['rogues']} rogues are caught"
    if targets:
        said += f", {totals['clean']} of {totals['honest']} honest handlers are clean"
    click.echo(said, err=to_output)
    if matrix.not_run:
        click.echo(f"interrupted: {len(matrix.not_run)} were not run", err=to_output)
        return INTERRUPTED
    return 0 if matrix.passed else 1


def _run(
    targets: dict[str, str], only: Sequence[str], *, place: Place, seed: int, examples: int, processes: int
) -> Matrix:
    total = len(set(only)) or len(ROGUES) + len(targets)
    title = f"{'its own scenario' if place.is_real_time else 'every scenario'} of {total} handlers"
    with Progress(title, total=total) as progress:
        return run_matrix(
            only=only,
            honest=targets,
            seed=seed,
            examples=examples,
            processes=min(processes, total),
            place=place,
            on_start=progress.started,
            on_row=progress.done,
        )


def _list() -> None:
    rows = [(rogue.name, rogue.family, summary_of(rogue), rogue.caught_by, rogue.scenario) for rogue in ROGUES.values()]
    console = Console()
    if not console.is_terminal:
        for row in rows:
            click.echo("\t".join(row))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=heading == "rogue")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
