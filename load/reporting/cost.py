"""What a consumer costs in a month: counts of what AWS charges for, times the prices in `infra/prices.json`.

Two tables. `simple_cost` is how it is often reckoned: one SQS request and one invocation a message. `cost` counts what
AWS counts: sends, receives (those that find nothing too), deletions, in chunks of 64 KB and batches of ten; invocations
and their GB-seconds; writes of an idempotency ledger; logs. Both with and without the free tier.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from redrive.infra.aws_prices import FREE_TIER, PRICES, PRICES_REGION

from . import wording

__all__ = [
    "LEFT_OUT",
    "MONTH_S",
    "SCALES",
    "SIMPLE_ASSUMPTIONS",
    "CostLine",
    "CostTable",
    "Saving",
    "Workload",
    "cost",
    "prices_note",
    "savings",
    "simple_cost",
]

SCALES: Final = {"Low": 100_000, "Medium": 5_000_000, "High": 50_000_000}
"""Messages a month."""
MONTH_S: Final = 30 * 24 * 3_600
SIMPLE_ASSUMPTIONS: Final = "one SQS request and one invocation a message; no free tier; whole dollars"
LEFT_OUT: Final = (
    "two more SQS requests a message (a message is sent, received and deleted), and receives that find nothing",
    "the time that the function runs, its logs, and the writes of an idempotency ledger",
    "what batches save",
    "the free tier",
)

_POLLERS: Final = 5
"""Receives that the mapping has waiting on a quiet queue (E13), each for up to 20 s (E03)."""
_POLL_S: Final = 20
_CHUNK_KB: Final = 64
_BATCH_MAX: Final = 10
"""Messages in one request to SQS."""
_KB_PER_GB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A month of a consumer. `duration_ms` is the function's time for each message, `body_kb` one message's size.

    `batch_size` and `window_s` are the mapping's; `send_batch_size` is how many messages the producer sends at once.
    `records_per_invocation`, where it was measured, counts instead of what follows from rate, batch size and window.
    `deliveries` is how often a message is delivered, `dynamodb_writes` are write units for each delivery.
    """

    messages: float
    batch_size: int = 10
    window_s: float = 0.0
    duration_ms: float = 100.0
    memory_mb: int = 256
    body_kb: float = 1.0
    architecture: str = "arm64"
    fifo: bool = False
    send_batch_size: float = 1.0
    records_per_invocation: float | None = None
    deliveries: float = 1.0
    dynamodb_writes: float = 2.0
    log_kb_per_invocation: float = 0.5
    log_kb_per_message: float = 0.25

    @property
    def records(self) -> float:
        """Messages in an invocation.

        Where nobody measured it: messages come evenly through the month, and each of the pollers gathers its share for
        as long as the window lasts. Without a window a message that comes alone goes alone.
        """
        gathered = self.records_per_invocation
        if gathered is None:
            arrivals_per_s = self.messages / MONTH_S
            # By Little's law there are more of them where messages take longer than five can bear.
            pollers = max(_POLLERS, arrivals_per_s * self.duration_ms / 1_000)
            gathered = 1 + arrivals_per_s * (0.0 if self.fifo else self.window_s) / pollers
        return max(1.0, min(float(self.batch_size), gathered))

    @property
    def empty_receives(self) -> float:
        """Long polls that end without a message, where messages come at random and evenly through the month."""
        each_per_s = self.messages / MONTH_S / _POLLERS
        if each_per_s <= 0:
            return _POLLERS * MONTH_S / _POLL_S
        exponent = each_per_s * _POLL_S
        return _POLLERS * MONTH_S * each_per_s / math.expm1(exponent) if exponent < 700 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """So many of a price's unit: `service` is whom it is paid to, `what` is what for."""

    service: str
    what: str
    item: str
    count: float

    @property
    def usd(self) -> float:
        """Without any free tier."""
        return PRICES[self.item].of(self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTable:
    """What a month costs, line by line."""

    workload: Workload
    lines: tuple[CostLine, ...]

    def usd(self, service: str | None = None) -> float:
        """All of it, or a service's part, without the free tier."""
        return sum(line.usd for line in self.lines if service in (None, line.service))

    def usd_after_free_tier(self, service: str | None = None) -> float:
        """The same where nothing else in the account uses up the free tier, which is spent on the first lines first."""
        left = {name: allowance.count for name, allowance in FREE_TIER.items()}
        total = 0.0
        for line in self.lines:
            counted = line.count
            for name, allowance in FREE_TIER.items():
                if line.item in allowance.covers:
                    free = min(left[name], counted)
                    left[name] -= free
                    counted -= free
            if service in (None, line.service):
                total += PRICES[line.item].of(counted)
        return total

    @property
    def services(self) -> tuple[str, ...]:
        """Whom something is paid to, in the order of the lines."""
        return tuple(dict.fromkeys(line.service for line in self.lines))

    @property
    def usd_per_million(self) -> float | None:
        """For a million messages, without the free tier."""
        return self.usd() / self.workload.messages * 1_000_000 if self.workload.messages else None

    def as_json(self) -> dict[str, Any]:
        """Workload, lines and sums."""
        return {
            "workload": {**asdict(self.workload), "records": self.workload.records},
            "lines": [{**asdict(line), "unit": PRICES[line.item].unit, "usd": line.usd} for line in self.lines],
            "usd_by_service": {service: self.usd(service) for service in self.services},
            "usd": self.usd(),
            "usd_after_free_tier": self.usd_after_free_tier(),
            "usd_per_million": self.usd_per_million,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What another setting would save in a month, without the free tier; `waits_s` is what a message may wait more."""

    change: str
    records: float
    usd: float
    saved_usd: float
    waits_s: float = 0.0


def simple_cost(messages: float) -> CostTable:
    """One SQS request and one invocation a message, and nothing else."""
    return CostTable(
        workload=Workload(messages=messages, batch_size=1),
        lines=(
            CostLine(service="SQS", what="requests", item="sqs-requests", count=messages),
            CostLine(service="Lambda", what="requests", item="lambda-requests", count=messages),
        ),
    )


def cost(workload: Workload) -> CostTable:
    """What AWS counts for this workload."""
    delivered = workload.messages * workload.deliveries
    in_request = min(float(_BATCH_MAX), workload.records)
    invocations = delivered / workload.records
    sqs = "sqs-fifo-requests" if workload.fifo else "sqs-requests"
    gb_seconds = delivered * workload.duration_ms / 1_000 * workload.memory_mb / 1_024
    log_kb = invocations * workload.log_kb_per_invocation + delivered * workload.log_kb_per_message
    sends = workload.messages / workload.send_batch_size
    writes = delivered * workload.dynamodb_writes * max(1, math.ceil(workload.body_kb))
    counted: Iterable[tuple[str, str, str, float]] = (
        ("SQS", "sends", sqs, sends * _chunks(workload.send_batch_size * workload.body_kb)),
        ("SQS", "receives", sqs, delivered / in_request * _chunks(in_request * workload.body_kb)),
        ("SQS", "receives that find nothing", sqs, workload.empty_receives),
        ("SQS", "deletions", sqs, workload.messages / in_request),
        ("Lambda", "requests", "lambda-requests", invocations),
        ("Lambda", "duration", f"lambda-gb-seconds-{workload.architecture}", gb_seconds),
        ("DynamoDB", "writes", "dynamodb-writes", writes),
        ("Logs", "logs", "logs-gb", log_kb / _KB_PER_GB),
    )
    return CostTable(
        workload=workload,
        lines=tuple(
            CostLine(service=service, what=what, item=item, count=count) for service, what, item, count in counted
        ),
    )


def _chunks(kilobytes: float) -> int:
    """Requests that a request of this size counts as."""
    return max(1, math.ceil(kilobytes / _CHUNK_KB))


def savings(workload: Workload) -> tuple[Saving, ...]:
    """What other settings would save, the largest first; those that save nothing are left out.

    The time for each message is taken to stay as it is, which errs against larger batches.
    """
    now = cost(workload).usd()
    found: dict[tuple[float, float], Saving] = {}
    for change, other in _alternatives(workload):
        usd = cost(other).usd()
        waits_s = max(0.0, other.window_s - workload.window_s)
        # Less than a hundredth is not worth a change. A larger batch that never fills is not another setting.
        if now - usd > now / 100 and (usd, waits_s) not in found:
            found[usd, waits_s] = Saving(
                change=change, records=other.records, usd=usd, saved_usd=now - usd, waits_s=waits_s
            )
    return tuple(sorted(found.values(), key=lambda saving: -saving.saved_usd))


def _alternatives(workload: Workload) -> Iterable[tuple[str, Workload]]:
    settings = [(10, 0.0)] if workload.fifo else [(10, 1.0), (10, 5.0), (100, 5.0), (100, 20.0), (1_000, 60.0)]
    for batch_size, window_s in settings:
        if batch_size >= workload.batch_size and window_s >= workload.window_s:
            gathers = replace(workload, batch_size=batch_size, window_s=window_s, records_per_invocation=None)
            records = max(gathers.records, workload.records)
            yield (
                f"batch size {batch_size}, window {window_s:g} s",
                replace(gathers, records_per_invocation=records),
            )
    if workload.send_batch_size < _BATCH_MAX:
        yield f"sends of {_BATCH_MAX} messages at once", replace(workload, send_batch_size=float(_BATCH_MAX))
    if workload.architecture != "arm64":
        yield "architecture arm64", replace(workload, architecture="arm64")


def prices_note(tables: Iterable[CostTable]) -> str:
    """Where the prices hold and how old they are, on one line."""
    ages = sorted({PRICES[line.item].as_of for table in tables for line in table.lines})
    since = f"of {ages[0]}" if ages[0] == ages[-1] else f"of {ages[0]} to {ages[-1]}"
    free = ", ".join(f"{wording.scale(allowance.count)} {allowance.unit}" for allowance in FREE_TIER.values())
    return f"Prices {since}, {PRICES_REGION}, on demand. Free tier a month: {free}."
