"""`redrive load compare A B`: two runs beside each other, and whether they differ by more than noise."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .reporting.record import read_record

__all__ = ["compare_command"]


@click.command("compare")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare_command(a: Path, b: Path, as_json: bool) -> int:
    """Compare two load runs: how B differs from A, and whether another run of the same would differ as much.

    A and B are the folders of their reports. Exit status 0 whatever they say: which change is good is not ours to know.
    """
    try:
        from .reporting.compare import compare  # histograms come with the extra `load`
    except ModuleNotFoundError as error:
        raise click.UsageError(f"{error.name} is not installed: pip install 'redrive[load]'") from error
    try:
        found = compare(read_record(a), read_record(b))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps({"a": str(a), "b": str(b), **found.as_json()}, indent=2))
        return 0
    click.echo(f"A  {a}\nB  {b}\n")
    for line in found.lines():
        click.echo(line)
    more = found.more_than_noise
    names = ", ".join(f"{difference.name} {difference.verdict}" for difference in more)
    click.echo(f"\n{f'more than noise: {names}' if more else 'nothing differs by more than noise'}")
    return 0
