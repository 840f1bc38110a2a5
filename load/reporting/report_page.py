"""The page of a report: what is said of a run, in the order in which somebody would ask, put into the template."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..observing.account import Account, Basis
from . import report_charts, wording
from .advice import advice
from .cost import prices_note, savings
from .figures import (
    LATENCIES,
    PERCENTILES,
    Distribution,
    distribution,
    largest_backlog,
    oldest_age_s,
    processed_per_s,
    queue_name,
    sent_per_s,
)
from .record import CapacityFound, RunRecord
from .run_cost import run_cost

__all__ = ["emulator_note", "page"]

_TEMPLATES: Final = Path(__file__).parents[1] / "templates"
_ERRORS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class _Tile:
    """A figure to be seen at first sight."""

    name: str
    value: str
    more: str = ""


def emulator_note(record: RunRecord) -> str | None:
    """That the figures are not AWS's, where they are not."""
    if record.environment == "aws":
        return None
    named = {"moto": "moto", "localstack": "LocalStack"}.get(record.environment, "whatever answers at the queue's URL")
    return f"The figures are the emulator's, not AWS's: this ran on {named}. They say nothing about AWS's capacity."


def page(record: RunRecord) -> str:
    """The whole page, with nothing to be loaded. Raises ValueError if a histogram cannot be decoded."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    latencies = {name: found for name in LATENCIES if (found := distribution(record, name)) is not None}
    batches = distribution(record, "batch_records")
    return environment.get_template("report.html").render(
        record=record,
        name=queue_name(record),
        emulator=emulator_note(record),
        tiles=_tiles(record, latencies),
        account=_account(record.account),
        state=_state(record.account),
        charts=report_charts.time_charts(record),
        latency_charts=_latency_charts(latencies),
        latency_rows=[_latency_row(LATENCIES[name], of) for name, of in latencies.items()],
        percentiles=[f"p{percent:g}" for percent in PERCENTILES],
        batch_chart=report_charts.batch_chart(batches, record.configuration.batch_size) if batches else None,
        errors=sorted(record.errors, key=lambda error: -error.count)[:_ERRORS_MAX],
        errors_left_out=max(0, len(record.errors) - _ERRORS_MAX),
        configuration=_configuration(record),
        settings=[(name, "" if value is None else str(value)) for name, value in sorted(record.settings.items())],
        cost=_cost(record),
        advice=advice(record),
    )


def _tiles(record: RunRecord, latencies: dict[str, Distribution]) -> list[_Tile]:
    account = record.account
    age_s = oldest_age_s(record)
    end_to_end, send = latencies.get("end_to_end"), latencies.get("send_batch")
    refused = f", {wording.count(record.counts.failed)} refused" if record.counts.failed else ""
    return [
        _Tile("sent", wording.rate(sent_per_s(record)), f"{wording.count(account.sent)} messages{refused}"),
        _Tile("processed", wording.rate(processed_per_s(record)), f"{wording.count(account.processed)} messages"),
        _Tile(
            "end to end p99",
            wording.duration(end_to_end.percentile(99) if end_to_end else None),
            f"p50 {wording.duration(end_to_end.percentile(50))}" if end_to_end else "not measured",
        ),
        _Tile(
            "send p99",
            wording.duration(send.percentile(99) if send else None),
            f"p50 {wording.duration(send.percentile(50))}, a batch" if send else "not measured",
        ),
        _Tile(
            "largest backlog",
            wording.count(largest_backlog(record)),
            "" if age_s is None else f"oldest {wording.duration(age_s * 1_000)}",
        ),
        _Tile(
            "drained",
            "not in time" if record.drained_s is None else wording.duration(record.drained_s * 1_000),
            "after the last send" if record.drained_s is not None else f"{wording.count(account.left)} left",
        ),
        *_capacity_tile(record.capacity),
    ]


def _capacity_tile(found: CapacityFound | None) -> list[_Tile]:
    if found is None:
        return []
    low = "?" if found.low is None else f"{found.low:.4g}"
    high = "?" if found.high is None else f"{found.high:.4g}"
    more = found.reasons or (
        () if found.measured is None else (f"{wording.rate(found.measured)} while it had too much",)
    )
    return [_Tile("capacity", f"{low} to {high}/s", "; ".join(more))]


def _state(account: Account) -> tuple[str, str]:
    """What is said beside the title, and whether it is good."""
    if account.problem is None:
        return ("balanced by subtraction, not checked" if account.basis == Basis.NOT_SEEN else "balanced"), "good"
    return ("no account" if account.not_seen is not None or account.sent_at_least else "does not balance"), "bad"


def _account(account: Account) -> list[dict[str, Any]]:
    """The parts of what was sent, with their shares; what is missing is one of them, where that can be said."""
    missing = 0 if account.not_seen is not None or account.sent_at_least else max(0, -account.difference)
    parts = [
        ("processed", account.processed, "c3"),
        ("repeating a key", account.repeats, "c4"),
        ("in the DLQ", account.dead_lettered, "c2"),
        ("left in the queue", account.left, "c1"),
        ("missing", missing, "bad"),
    ]
    whole = sum(count for _, count, _ in parts)
    return [
        {"name": name, "count": wording.count(count), "share": 100 * count / whole if whole else 0.0, "css": css}
        for name, count, css in parts
        if count or name != "repeating a key"
    ]


def _latency_charts(latencies: dict[str, Distribution]) -> list[Any]:
    if not latencies:
        return []
    titles = {"send_batch": "Sending a batch", "end_to_end": "End to end", "batch_duration": "Processing a batch"}
    histograms = [report_charts.histogram_chart(titles[name], of) for name, of in latencies.items()]
    return [report_charts.percentile_chart(latencies), *histograms]


def _latency_row(name: str, of: Distribution) -> dict[str, Any]:
    return {
        "name": name,
        "count": wording.count(of.count),
        "mean": wording.duration(of.mean),
        "percentiles": [wording.duration(of.percentile(percent)) for percent in PERCENTILES],
        "max": wording.duration(of.max),
    }


def _configuration(record: RunRecord) -> list[tuple[str, str]]:
    """What was read, with its unit out of the name."""
    rows = []
    for name, value in asdict(record.configuration).items():
        if name == "unread" or value is None:
            continue
        if isinstance(value, bool):
            text = "yes" if value else "no"
        elif name.endswith("_s"):
            text = wording.duration(value * 1_000)
        else:
            text = f"{value} MB" if name.endswith("_mb") else str(value)
        rows.append((name.removesuffix("_s").removesuffix("_mb").replace("_", " "), text))
    return rows


def _cost(record: RunRecord) -> dict[str, Any]:
    found = run_cost(record)
    table = found.per_million
    return {
        "lines": [
            (line.service, line.what, wording.count(line.count), wording.dollars(line.usd)) for line in table.lines
        ],
        "usd": wording.dollars(table.usd()),
        "months": [
            (
                name,
                wording.scale(month.workload.messages),
                wording.dollars(month.usd()),
                wording.dollars(month.usd_after_free_tier()),
            )
            for name, month in found.months.items()
        ],
        "savings": [
            (
                saving.change,
                f"{saving.records:.3g}",
                wording.dollars(saving.saved_usd),
                f"{saving.waits_s:g} s" if saving.waits_s else "no",
            )
            for saving in savings(found.months["medium"].workload)
        ],
        "measured": found.measured,
        "assumed": found.assumed,
        "prices": prices_note([table]),
    }
