"""What a verification shows on the terminal: progress while it runs, a table, and each finding with its history."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich import progress as rich_progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .judgement import Verdict
from .results import Finding, Report, ScenarioResult

__all__ = ["Progress", "print_report"]

_COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.VIOLATED: "bold red",
    Verdict.UNKNOWN: "yellow",
    Verdict.SKIPPED: "dim",
}


class Progress:
    """What is being run and what came of it: a bar on a terminal, a line for each that is done elsewhere.

    On standard error, so that output can be piped. ``title`` and ``notes`` are shown at the beginning.
    """

    def __init__(self, title: str, *, total: int, notes: Sequence[str] = (), console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._title = title
        self._total = total
        self._notes = notes
        self._running: list[str] = []
        self._done = 0
        self._bar: rich_progress.Progress | None = None

    def __enter__(self) -> Self:
        self._console.print(Text(self._title), soft_wrap=True)
        for note in self._notes:
            self._console.print(Text(f"  {note}"), soft_wrap=True)
        if self._console.is_terminal:
            self._bar = rich_progress.Progress(
                rich_progress.BarColumn(bar_width=20),
                rich_progress.MofNCompleteColumn(),
                rich_progress.TimeElapsedColumn(),
                # Last, so that what comes before it stays where it is. Names may have brackets, which are no markup.
                rich_progress.TextColumn("{task.description}", markup=False),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task("", total=self._total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def running(self) -> tuple[str, ...]:
        """What was begun and is not done."""
        return tuple(self._running)

    def started(self, name: str) -> None:
        """This one is begun."""
        self._running.append(name)
        self._show()

    def done(self, name: str, outcome: str) -> None:
        """This one is done."""
        self._done += 1
        if name in self._running:
            self._running.remove(name)
        if self._bar is not None:
            self._bar.advance(self._task)
            self._show()
        else:
            line = f"  {self._done:{len(str(self._total))}}/{self._total} {name}: {outcome}"
            self._console.print(Text(line), soft_wrap=True)

    def _show(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=", ".join(self._running))


def print_report(report: Report, console: Console | None = None) -> None:
    """The findings, then the table, then one line with the sum."""
    console = console or Console(highlight=False)
    for result in report.scenarios:
        for findings in _by_history(result):
            _print_findings(console, result, findings)
    if report.scenarios:
        _print_table(console, report)
    _print_reasons(console, report)
    _print_notes(console, report)
    _print_sum(console, report)


def _print_table(console: Console, report: Report) -> None:
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
            Text(", ".join(finding.invariant for finding in result.violations) or _points(result)),
        )
    console.print(table)


def _points(result: ScenarioResult) -> str:
    return f"{result.points} points" if result.points else ""


def _print_sum(console: Console, report: Report) -> None:
    totals = report.totals()
    counts = ", ".join(f"{totals[verdict]} {verdict}" for verdict in Verdict if totals[verdict])
    faults = "".join(f", {name}={rate}" for name, rate in report.faults.items())
    counts = counts or "nothing was run"
    console.print(f"\n{counts}; {totals['deliveries']} deliveries, seed {report.seed}{faults}", soft_wrap=True)
    if report.not_run:
        run = len(report.scenarios)
        text = f"interrupted: {run} of {run + len(report.not_run)} scenarios were run"
        console.print(Text(text, style="bold yellow"), soft_wrap=True)


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


def _print_notes(console: Console, report: Report) -> None:
    """What was seen and is held against nobody: each note once, with the scenarios in which it was seen."""
    names: dict[str, list[str]] = {}
    for result in report.scenarios:
        for note in result.notes:
            names.setdefault(note, []).append(result.name)
    if names:
        console.print()
    for note, scenarios in names.items():
        console.print(Text(f"note: {note} ({', '.join(scenarios)})"), soft_wrap=True)


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
