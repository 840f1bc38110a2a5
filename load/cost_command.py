"""`redrive cost`: what a consumer costs in a month, from assumptions that are named or from a run's own figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from .reporting import wording
from .reporting.cost import (
    LEFT_OUT,
    SCALES,
    SIMPLE_ASSUMPTIONS,
    CostTable,
    Workload,
    cost,
    prices_note,
    savings,
    simple_cost,
)
from .reporting.record import read_record

__all__ = ["cost_command", "cost_lines", "simple_lines"]

_DEFAULT = Workload(messages=0)


def simple_lines(tables: dict[str, CostTable]) -> list[str]:
    """The simple table: whole dollars, a column a service."""
    rows = [["scale", "messages/month", "SQS", "Lambda", "total"]]
    for name, table in tables.items():
        total = f"${table.usd():.0f}"
        rows.append(
            [
                name,
                wording.scale(table.workload.messages),
                f"${table.usd('SQS'):.0f}",
                f"${table.usd('Lambda'):.0f}",
                total if total == "$0" else f"~{total}",
            ]
        )
    return wording.aligned(rows)


def cost_lines(tables: dict[str, CostTable]) -> list[str]:
    """The whole table: a column for what each service is paid, the sum, and the sum after the free tier."""
    services = next(iter(tables.values())).services
    rows = [["scale", "messages/month", "a batch", *services, "total", "after free tier", "per million"]]
    rows += [
        [
            name,
            wording.scale(table.workload.messages),
            f"{table.workload.records:.3g}",
            *(wording.dollars(table.usd(service)) for service in services),
            wording.dollars(table.usd()),
            wording.dollars(table.usd_after_free_tier()),
            wording.dollars(table.usd_per_million),
        ]
        for name, table in tables.items()
    ]
    return wording.aligned(rows)


def _saving_lines(table: CostTable) -> list[str]:
    """What would save most, for one scale."""
    found = savings(table.workload)
    if not found:
        return ["  nothing that batch size, window or batches of sends could"]
    rows = [["change", "a batch", "total", "saves", "waits up to"]]
    rows += [
        [
            saving.change,
            f"{saving.records:.3g}",
            wording.dollars(saving.usd),
            wording.dollars(saving.saved_usd),
            f"{saving.waits_s:g} s more" if saving.waits_s else "no longer",
        ]
        for saving in found
    ]
    return [f"  {line}" for line in wording.aligned(rows)]


def _assumed(workload: Workload) -> list[str]:
    window = "no window" if not workload.window_s else f"a window of {workload.window_s:g} s"
    gathered = "messages come evenly through the month, and a batch is what a poller gathers in the window"
    function = f"{workload.duration_ms:g} ms of function time a message at {workload.memory_mb} MB"
    logs = f"{workload.log_kb_per_invocation:g} KB an invocation and {workload.log_kb_per_message:g} KB a message"
    return [
        f"batch size {workload.batch_size}, {window}; {gathered}",
        f"{function} on {workload.architecture}",
        f"{workload.body_kb:g} KB a message, sent {workload.send_batch_size:g} at a time",
        f"{workload.dynamodb_writes:g} write units of DynamoDB for each KB of a message (an idempotency ledger)",
        f"logs of {logs}",
    ]


@click.command("cost")
@click.argument("run_dir", required=False, type=click.Path(path_type=Path))
@click.option(
    "--messages",
    type=click.IntRange(1, 10**15),
    multiple=True,
    metavar="N",
    help="Messages a month; may be given several times. [default: 100k, 5M and 50M]",
)
@click.option("--batch-size", type=click.IntRange(1, 10_000), metavar="N", help="The mapping's.  [default: 10]")
@click.option("--window", "window_s", type=click.FloatRange(0, 300), metavar="SECONDS", help="[default: 0]")
@click.option(
    "--duration-ms",
    type=click.FloatRange(0, 900_000),
    metavar="MS",
    help="The function's time for each message.  [default: 100]",
)
@click.option("--memory-mb", type=click.IntRange(128, 10_240), metavar="MB", help="[default: 256]")
@click.option("--body-kb", type=click.FloatRange(0, 1_024), metavar="KB", help="A message's size.  [default: 1]")
@click.option("--architecture", type=click.Choice(("arm64", "x86_64")), help="[default: arm64]")
@click.option(
    "--dynamodb-writes",
    type=click.FloatRange(0, 1_000),
    metavar="N",
    help="Write units for each KB of a message.  [default: 2, for an idempotency ledger; 0 is none]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cost_command(run_dir: Path | None, messages: tuple[int, ...], as_json: bool, **given: Any) -> int:
    """What a consumer costs in a month: SQS, Lambda, DynamoDB and logs, with and without the free tier.

    RUN_DIR is the report of a load run, whose own figures are then used. Options go before them.
    """
    changes = {name: value for name, value in given.items() if value is not None}
    if {"batch_size", "window_s"} & set(changes):
        changes["records_per_invocation"] = None  # what was measured holds for the settings of the run alone
    scales: dict[str, float] = {f"{number:,}": float(number) for number in messages} or dict(SCALES)
    base, notes = (_DEFAULT, []) if run_dir is None else _of_run(run_dir, scales, ask_rate=not messages)
    if run_dir is not None and changes:
        notes.append(_given_instead(changes))
    base = replace(base, **changes)
    tables = {name: cost(replace(base, messages=number)) for name, number in scales.items()}
    simple = {name: simple_cost(number) for name, number in scales.items()}
    if as_json:
        click.echo(json.dumps(_json(simple, tables, notes or _assumed(base)), indent=2))
        return 0
    for line in _lines(simple, tables, notes or _assumed(base)):
        click.echo(line)
    return 0


def _given_instead(changes: dict[str, Any]) -> str:
    """What the run's own figures gave way to."""
    given = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in changes.items() if value is not None)
    gathered = "; messages an invocation follow from it" if "records_per_invocation" in changes else ""
    return f"given instead of the run's own: {given}{gathered}"


def _of_run(run_dir: Path, scales: dict[str, float], *, ask_rate: bool) -> tuple[Workload, list[str]]:
    """The run's workload with where its figures are from; a month at the run's rate becomes a scale."""
    try:
        from .reporting.run_cost import run_cost  # histograms come with the extra `load`
    except ModuleNotFoundError as error:
        raise click.UsageError(f"{error.name} is not installed: pip install 'redrive[load]'") from error
    try:
        record = read_record(run_dir)
        found = run_cost(record)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if ask_rate:
        scales |= {name: table.workload.messages for name, table in found.months.items() if name == "at the run's rate"}
    notes = [f"measured: {note}" for note in found.measured] + [f"assumed: {note}" for note in found.assumed]
    if record.environment != "aws":
        notes.insert(0, f"the durations are those of an emulator ({record.environment}), not AWS's")
    return found.per_million.workload, notes


def _lines(simple: dict[str, CostTable], tables: dict[str, CostTable], notes: list[str]) -> list[str]:
    largest = max(tables, key=lambda name: tables[name].workload.messages)
    scale = wording.scale(tables[largest].workload.messages)
    return [
        f"How it is often reckoned: {SIMPLE_ASSUMPTIONS}.",
        "",
        *(f"  {line}" for line in simple_lines(simple)),
        "",
        "It leaves out:",
        *(f"  - {what}" for what in LEFT_OUT),
        "",
        "What AWS counts:",
        "",
        *(f"  {line}" for line in cost_lines(tables)),
        "",
        "From:",
        *(f"  - {note}" for note in notes),
        "",
        f"What other settings would save at {scale} messages a month:",
        "",
        *_saving_lines(tables[largest]),
        "",
        prices_note(tables.values()),
    ]


def _json(simple: dict[str, CostTable], tables: dict[str, CostTable], notes: list[str]) -> dict[str, Any]:
    return {
        "simple": {
            "assumes": SIMPLE_ASSUMPTIONS,
            "leaves_out": list(LEFT_OUT),
            "months": {name: table.as_json() for name, table in simple.items()},
        },
        "months": {
            name: {
                **table.as_json(),
                "savings": [
                    {
                        "change": saving.change,
                        "records": saving.records,
                        "usd": saving.usd,
                        "saved_usd": saving.saved_usd,
                        "waits_s": saving.waits_s,
                    }
                    for saving in savings(table.workload)
                ],
            }
            for name, table in tables.items()
        },
        "from": notes,
        "prices": prices_note(tables.values()),
    }
