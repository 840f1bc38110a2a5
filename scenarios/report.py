"""What a verification shows on the terminal: progress while it runs, a table, and each finding with its history."""

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich import progress as rich_progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .judgement import Verdict
from .results import Finding, Report, ScenarioResult
from .target import Target

__all__ = ["Progress", "print_report"]

_COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.VIOLATED: "bold red",
    Verdict.UNKNOWN: "yellow",
    Verdict.SKIPPED: "dim",
}


class Progress:
    """A bar on a terminal, a line for each scenario elsewhere; on standard error, so that output can be piped."""

    def __init__(self, target: Target, *, total: int, notes: Sequence[str] = ()) -> None:
        self._console = Console(stderr=True)
        self._target = target
        self._total = total
        self._notes = (*([] if target.note is None else [target.note]), *notes)
        self._done = 0
        self._bar: rich_progress.Progress | None = None

    def __enter__(self) -> Self:
        self._console.print(f"verifying {self._target.name}, {self._total} scenarios", highlight=False, soft_wrap=True)
        for note in self._notes:
            self._console.print(f"  {note}", highlight=False, soft_wrap=True)
        if self._console.is_terminal:
            self._bar = rich_progress.Progress(console=self._console, transient=True)
            self._task = self._bar.add_task("scenarios", total=self._total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def done(self, result: ScenarioResult) -> None:
        """A scenario has its verdict."""
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=result.name)
        else:
            print(f"  {self._done:2}/{self._total} {result.name}: {result.verdict}", file=sys.stderr, flush=True)


def print_report(report: Report, console: Console | None = None) -> None:
    """The findings, then the table, then one line with the sum."""
    console = console or Console(highlight=False)
    for result in report.scenarios:
        for findings in _by_history(result):
            _print_findings(console, result, findings)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("scenario", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("examples", justify="right", no_wrap=True)
    table.add_column("deliveries", justify="right", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for result in report.scenarios:
        table.add_row(
            Text(result.name),
            Text(result.verdict, style=_COLOURS[result.verdict]),
            str(result.examples),
            str(result.deliveries),
            f"{result.seconds:.2f}",
            Text(", ".join(finding.invariant for finding in result.violations)),
        )
    console.print(table)
    _print_reasons(console, report)
    totals = report.totals()
    counts = ", ".join(f"{totals[verdict]} {verdict}" for verdict in Verdict if totals[verdict])
    faults = "".join(f", {name}={rate}" for name, rate in report.faults.items())
    console.print(f"\n{counts}; {totals['deliveries']} deliveries, seed {report.seed}{faults}", soft_wrap=True)


def _print_reasons(console: Console, report: Report) -> None:
    """Why some scenarios have no verdict: each reason once, with the scenarios that it is about."""
    names: dict[tuple[Verdict, str], list[str]] = {}
    for result in report.scenarios:
        if result.reason is not None:
            names.setdefault((result.verdict, result.reason), []).append(result.name)
    if names:
        console.print()
    for (verdict, reason), scenarios in names.items():
        console.print(Text(f"{verdict}: {', '.join(scenarios)} ({reason})", style=_COLOURS[verdict]), soft_wrap=True)


def _by_history(result: ScenarioResult) -> list[list[Finding]]:
    """The findings that one history shows, together."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in result.violations:
        groups.setdefault(finding.timeline, []).append(finding)
    return list(groups.values())


def _print_findings(console: Console, result: ScenarioResult, findings: list[Finding]) -> None:
    """Findings with the same history: what each says, then the history once."""
    for finding in findings:
        console.print(Text(f"{finding.invariant} is violated in {result.name}", style="bold red"), soft_wrap=True)
        console.print(Text(f"  {finding.message}"), soft_wrap=True)
    for line in ("", *findings[0].timeline, "", f"replay: {findings[0].replay}", ""):
        console.print(Text(f"  {line}" if line else ""), soft_wrap=True)
