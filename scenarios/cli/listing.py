"""``redrive scenarios``: the catalogue."""

import click
from rich.console import Console
from rich.table import Table

from ..catalogue import CATALOGUE

__all__ = ["scenarios"]


@click.command()
def scenarios() -> None:
    """List the scenarios: what each does, what it asserts, and where it can run."""
    console = Console()
    if not console.is_terminal:
        for scenario in CATALOGUE.values():
            fields = (scenario.name, scenario.summary, ",".join(scenario.invariants), ",".join(scenario.environments))
            click.echo("\t".join(fields))
        return
    table = Table(show_lines=True)
    for heading in ("scenario", "what it does", "invariants", "environments"):
        table.add_column(heading, no_wrap=heading == "scenario")
    for scenario in CATALOGUE.values():
        table.add_row(scenario.name, scenario.summary, ", ".join(scenario.invariants), ", ".join(scenario.environments))
    console.print(table)
