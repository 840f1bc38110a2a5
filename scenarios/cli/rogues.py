"""``redrive rogues``: the handlers with one bug each, and whether the harness catches them."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import InputError
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
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="PATH|-",
    help="Ask every scenario of every rogue, and write what came of it here.",
)
@click.option(
    "--honest",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="With --json: also of the consumers or handlers in honest_*.py of this folder, which ought to pass.",
)
@click.option("--only", multiple=True, metavar="NAME", help="With --json: only this one; may be given again.")
@click.option("--seed", type=click.IntRange(0), default=DEFAULT_SEED, show_default=True, help="As of redrive verify.")
@click.option(
    "--examples", type=click.IntRange(1), default=DEFAULT_EXAMPLES, show_default=True, help="As of redrive verify."
)
@click.option("--jobs", "processes", type=click.IntRange(1), help="Processes to run at once. [default: the cores]")
def rogues(
    json_path: Path | None,
    honest: Path | None,
    only: tuple[str, ...],
    seed: int,
    examples: int,
    processes: int | None,
) -> int:
    """List the rogues, handlers with exactly one bug each; or verify that each is caught.

    A rogue is caught if the invariant that it is named with is violated in the scenario that it is named with. Exit
    status with --json: 0 if every rogue is caught and every honest handler is clean, 1 if not, 130 if interrupted.
    """
    if json_path is None:
        if honest is not None or only:
            raise InputError("--honest and --only are for a run: give --json too, with a path or - for the output")
        _list()
        return 0
    to_output = str(json_path) == "-"
    if not to_output:
        check_writable(json_path)
    targets = {} if honest is None else honest_targets(honest)
    matrix = _run(targets, only, seed=seed, examples=examples, processes=processes or cores())
    text = json.dumps(matrix.as_json(), indent=2, ensure_ascii=False) + "\n"
    if to_output:
        click.echo(text, nl=False)
    else:
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


def _run(targets: dict[str, str], only: Sequence[str], *, seed: int, examples: int, processes: int) -> Matrix:
    total = len(set(only)) or len(ROGUES) + len(targets)
    title = f"every scenario of {total} handlers"
    with Progress(title, total=total) as progress:
        return run_matrix(
            only=only,
            honest=targets,
            seed=seed,
            examples=examples,
            processes=min(processes, total),
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
