"""``redrive scenarios``: the catalogue."""

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..catalogue import CATALOGUE
from ..scenario import Scenario

__all__ = ["scenarios"]

_HEADINGS = ("scenario", "family", "what it does", "invariants", "needs")


@click.command()
def scenarios() -> None:
    """List the scenarios: what each does, what it asserts, and what it needs to be asked.

    Where the output is no terminal, that is a line each with tabs between.
    """
    console = Console()
    if not console.is_terminal:
        for scenario in CATALOGUE.values():
            click.echo("\t".join(_fields(scenario)))
        return
    table = Table(show_lines=True)
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=heading == "scenario")
    for scenario in CATALOGUE.values():
        table.add_row(*map(Text, _fields(scenario)))
    console.print(table)


def _fields(scenario: Scenario) -> tuple[str, ...]:
    needs = _needs(scenario)
    return (
        scenario.name,
        scenario.family,
        scenario.summary,
        ", ".join(scenario.invariants),
        ", ".join(needs) or "nothing",
    )


def _needs(scenario: Scenario) -> list[str]:
    """What a consumer must say, and what runtime and environment must be able to do, for it not to be skipped."""
    claims = [f"claim {claim}" for claim in sorted(scenario.needs)]
    poison = ["poison"] if scenario.poison else []
    return [*claims, *poison, *sorted(scenario.required), *(f"on {name}" for name in scenario.environments)]
