"""How a run is observed: the arguments that are added to Locust's own, and their values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from ..settings import add_option, number

__all__ = ["ObserveSettings", "ObserverName", "add_arguments"]

_DRAIN_S: Final = 120


class ObserverName(StrEnum):
    """Who says that messages are processed."""

    DEPTH = "depth"
    """The queue's attributes alone, for any consumer: nobody sees a message being processed."""
    REPLY = "reply"
    """The consumer itself, which replies to a queue."""
    LEDGER = "ledger"
    """The rows in the reference handler's table."""
    NONE = "none"
    """Nobody: messages are sent, and that is all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveSettings:
    """`report` is the folder to write to; None: no report. `drain_s` is how long the queue may take to drain."""

    observer: ObserverName = ObserverName.DEPTH
    reply_queue_url: str | None = None
    ledger_table: str | None = None
    drain_s: float = _DRAIN_S
    report: Path | None = None
    raw_samples: Path | None = None

    @classmethod
    def from_options(cls, options: Any, *, now: datetime | None = None) -> ObserveSettings:
        """From what Locust parsed. Raises ValueError if an observer lacks what it needs."""
        observer = ObserverName(options.observe)
        if observer is ObserverName.REPLY and not options.reply_queue_url:
            raise ValueError(
                "which queue do replies come to? Give --reply-queue-url, or set REDRIVE_LOAD_REPLY_QUEUE_URL"
            )
        if observer is ObserverName.LEDGER and not options.ledger_table:
            raise ValueError("which table is the ledger? Give --ledger-table, or set REDRIVE_LOAD_LEDGER_TABLE")
        report = options.report
        if report is None:
            report = f"redrive-load-{now or datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        return cls(
            observer=observer,
            reply_queue_url=options.reply_queue_url or None,
            ledger_table=options.ledger_table or None,
            drain_s=options.drain,
            report=Path(report) if report and observer is not ObserverName.NONE else None,
            raw_samples=Path(options.raw_samples) if options.raw_samples else None,
        )


def add_arguments(parser: Any) -> None:
    """Add ours to Locust's parser. Each can be set by its environment variable and in Locust's configuration file."""
    group = parser.add_argument_group("SQS observers")
    add_option(
        group,
        "--observe",
        choices=[name.value for name in ObserverName],
        default=ObserverName.DEPTH.value,
        help="Who says that messages are processed: the consumer's replies, its ledger, or nobody, and only the depth"
        " of the queue is seen; none: not even that, and there is no account. Default: depth.",
    )
    add_option(
        group, "--reply-queue-url", metavar="URL", help="Where the consumer's replies come to (--observe reply)."
    )
    add_option(group, "--ledger-table", metavar="NAME", help="The reference handler's table (--observe ledger).")
    add_option(
        group,
        "--drain",
        type=number(float, 0, 86_400),
        default=float(_DRAIN_S),
        metavar="SECONDS",
        help=f"How long the queue may take to drain after the last message. Default: {_DRAIN_S}.",
    )
    add_option(
        group,
        "--report",
        metavar="DIR",
        help="Write the report there; empty: nowhere. Default: redrive-load-<time> in the current folder.",
    )
    add_option(
        group,
        "--raw-samples",
        metavar="DIR",
        help="Write each request of each process to a CSV file in this folder, for percentiles of your own.",
    )
