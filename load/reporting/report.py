"""The report of a run: a folder with a page for people, the record for programs, and tables for spreadsheets."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

from ..observing.account import Basis
from . import wording
from .advice import Kind, advice
from .figures import (
    LATENCIES,
    PERCENTILES,
    distribution,
    largest_backlog,
    oldest_age_s,
    processed_per_s,
    queue_name,
    sent_per_s,
)
from .record import RECORD_FILE, RunRecord, Sample
from .report_page import emulator_note, page
from .run_cost import run_cost

__all__ = ["table", "write_report"]

_CSV_PERCENTILES: Final = (0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""With which a spreadsheet begins a formula."""


def write_report(record: RunRecord, folder: Path) -> None:
    """Write `report.html`, `report.json`, `samples.csv`, `latencies.csv` and `errors.csv` into a folder that may exist.

    The record comes first: whatever becomes of the page, the figures are kept. Raises OSError, and ValueError if a
    histogram cannot be decoded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = json.dumps(record.as_json(), indent=2, default=str)
    (folder / RECORD_FILE).write_text(f"{written}\n", encoding="utf-8")
    names = [field.name for field in fields(Sample)]
    _write_csv(folder / "samples.csv", names, ([*asdict(sample).values()] for sample in record.samples))
    _write_csv(folder / "latencies.csv", ["what", "percentile", "milliseconds"], _latencies(record))
    errors = ([error.request, error.error, error.count] for error in record.errors)
    _write_csv(folder / "errors.csv", ["request", "error", "count"], errors)
    (folder / "report.html").write_text(page(record), encoding="utf-8")


def _latencies(record: RunRecord) -> Iterable[Sequence[Any]]:
    for name in LATENCIES:
        of = distribution(record, name)
        for percent in _CSV_PERCENTILES if of is not None else ():
            assert of is not None
            yield name, f"{percent:g}", f"{of.percentile(percent):.6g}"


def _write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([_plain(cell) for cell in row] for row in rows)


def _plain(cell: Any) -> Any:
    """A text that a spreadsheet does not run: what a queue answered is in these files."""
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return cell


def table(record: RunRecord) -> list[str]:
    """The run in a few lines, for the terminal. Raises ValueError if a histogram cannot be decoded."""
    account, where = record.account, ", ".join(filter(None, (record.environment, record.region)))
    age_s = oldest_age_s(record)
    lines = [
        _line("queue", f"{queue_name(record)} ({where}), observed by {record.observer}"),
        _line("sent", f"{wording.rate(sent_per_s(record))}: {_sent(record)}"),
        _line(
            "processed",
            f"{wording.rate(processed_per_s(record))}: {wording.count(account.processed)} messages, "
            f"{wording.count(account.dead_lettered)} in the DLQ",
        ),
        _line(
            "backlog",
            f"at most {wording.count(largest_backlog(record))}"
            + ("" if age_s is None else f", the oldest {wording.duration(age_s * 1_000)} old")
            + "; "
            + (
                "not drained in time"
                if record.drained_s is None
                else f"drained {wording.duration(record.drained_s * 1_000)} after the last send"
            ),
        ),
        *_latency_lines(record),
        _line("account", str(account)),
        _line("cost", _cost_line(record)),
        *_advice_lines(record),
        *(_line("not known", line) for line in record.not_known),
    ]
    note = emulator_note(record)
    if note is not None:
        lines.append(_line("note", note))
    if account.problem is not None:
        return [*lines, _line("FAILED", account.problem)]
    return [*lines, "balanced by subtraction, not checked" if account.basis == Basis.NOT_SEEN else "balanced"]


def _line(name: str, text: str) -> str:
    """A name and what is said, on one line."""
    return f"{name:<10}{wording.plain(text)}"


def _sent(record: RunRecord) -> str:
    counts = record.counts
    refused = f", {wording.count(counts.failed)} refused" if counts.failed else ""
    return (
        f"{wording.count(record.account.sent)} messages in {wording.count(record.batches_sent)} batches in "
        f"{wording.duration(record.seconds * 1_000)}{refused}"
    )


def _latency_lines(record: RunRecord) -> list[str]:
    rows = [["latency", "", *(f"p{percent:g}" for percent in PERCENTILES), "max"]]
    for name, words in LATENCIES.items():
        of = distribution(record, name)
        if of is not None:
            shown = [*(of.percentile(percent) for percent in PERCENTILES), of.max]
            rows.append(["", words, *map(wording.duration, shown)])
    if len(rows) == 1:
        return [_line("latency", "not measured")]
    return [f"{row[0]:<10}{line}" for row, line in zip(rows, wording.aligned([row[1:] for row in rows]), strict=True)]


def _cost_line(record: RunRecord) -> str:
    found = run_cost(record)
    month = found.months.get("at the run's rate")
    at_rate = "" if month is None else f"; a month at this rate {wording.dollars(month.usd())}"
    return f"{wording.dollars(found.per_million.usd())} for a million messages a month{at_rate}, at AWS's prices"


def _advice_lines(record: RunRecord) -> list[str]:
    """What to change; what to keep is in the report."""
    return [
        _line("advice" if not index else "", f"{piece.about}: {piece.what} ({piece.figure})")
        for index, piece in enumerate(piece for piece in advice(record) if piece.kind is Kind.CHANGE)
    ]
