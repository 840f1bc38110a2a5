"""The workload of a run: its own figures where they were measured, and what was taken for those that were not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .cost import MONTH_S, SCALES, CostTable, Workload, cost
from .figures import bytes_per_message, distribution, messages_per_send, processed_per_s
from .record import RunRecord

__all__ = ["RunCost", "run_cost", "workload_of"]

_LEDGER_WRITES = 2.0
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCost:
    """What a run's workload would cost: `per_million` messages that come evenly through a month; months by name.

    `measured` and `assumed` say on one line each where the workload's figures are from.
    """

    per_million: CostTable
    months: dict[str, CostTable]
    measured: tuple[str, ...]
    assumed: tuple[str, ...]


def workload_of(record: RunRecord, messages: float) -> tuple[Workload, tuple[str, ...], tuple[str, ...]]:
    """The workload for so many messages a month, what of it was measured, and what was assumed."""
    measured: list[str] = []
    assumed: list[str] = []
    found = Workload(messages=messages, fifo=record.configuration.fifo)
    found = _configured(record, found, assumed)
    found = _invocations(record, found, measured, assumed)
    kilobytes, sent = bytes_per_message(record), messages_per_send(record)
    if kilobytes is None:
        assumed.append(f"{found.body_kb:g} KB a message")
    else:
        found = replace(found, body_kb=kilobytes / 1_024)
        measured.append(f"{kilobytes:,.0f} bytes a message")
    if sent is None:
        assumed.append("one message a send")
    else:
        found = replace(found, send_batch_size=max(1.0, sent))
        measured.append(f"{sent:.3g} messages a send")
    if record.observer != "ledger" and not record.settings.get("ledger_table"):
        found = replace(found, dynamodb_writes=0.0)
        assumed.append("no writes to DynamoDB: which the function makes is not seen")
    else:
        found = replace(found, dynamodb_writes=_LEDGER_WRITES)
        assumed.append("two writes to DynamoDB a delivery: the ledger's claim and its completion")
    assumed.append(
        f"logs: {found.log_kb_per_invocation:g} KB an invocation and {found.log_kb_per_message:g} KB a message"
    )
    return found, tuple(measured), tuple(assumed)


def _configured(record: RunRecord, found: Workload, assumed: list[str]) -> Workload:
    """With what the mapping and the function are set to."""
    seen = record.configuration
    if seen.batch_size is None:
        assumed.append(f"batch size {found.batch_size}")
    if seen.memory_mb is None:
        assumed.append(f"{found.memory_mb} MB of memory")
    if seen.architecture is None:
        assumed.append(f"architecture {found.architecture}")
    return replace(
        found,
        batch_size=seen.batch_size or found.batch_size,
        window_s=seen.batching_window_s or 0.0,
        memory_mb=seen.memory_mb or found.memory_mb,
        # An architecture without a price of its own is reckoned as the dearer of the two.
        architecture="arm64" if seen.architecture in (None, "arm64") else "x86_64",
    )


def _invocations(record: RunRecord, found: Workload, measured: list[str], assumed: list[str]) -> Workload:
    """With what invocations took and carried."""
    records, durations = distribution(record, "batch_records"), distribution(record, "batch_duration")
    if records is None:
        assumed.append("messages an invocation: as they gather within the window, coming evenly through the month")
    else:
        delivered = records.mean * records.count
        found = replace(
            found,
            batch_size=max(found.batch_size, round(records.max)),
            records_per_invocation=max(1.0, records.mean),
            deliveries=max(1.0, delivered / record.account.sent) if record.account.sent else 1.0,
        )
        measured.append(f"{records.mean:.3g} messages an invocation")
        measured.append(f"{found.deliveries:.4g} deliveries a message")
    if records is None or durations is None:
        assumed.append(f"{found.duration_ms:g} ms of function time a message")
    else:
        found = replace(found, duration_ms=durations.mean / max(1.0, records.mean))
        measured.append(f"{found.duration_ms:.3g} ms of function time a message")
    return found


def run_cost(record: RunRecord) -> RunCost:
    """The run's workload at a million messages, at the usual scales, and for a month at the rate of the run.

    Raises ValueError if a histogram cannot be decoded.
    """
    workload, measured, assumed = workload_of(record, _MILLION)
    months = {name.lower(): float(messages) for name, messages in SCALES.items()}
    rate = processed_per_s(record)
    if rate:
        months["at the run's rate"] = rate * MONTH_S
    return RunCost(
        per_million=cost(workload),
        months={name: cost(replace(workload, messages=messages)) for name, messages in months.items()},
        measured=measured,
        assumed=assumed,
    )
