"""The record of a load run: everything that was measured, as one value that is written once and read by whoever judges.

Report, comparison, cost and advice are functions of it, and so work on a run of last week as on one of now.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from ..observing.account import Account
from ..sending.counts import SendCounts
from .record_json import read_value

__all__ = [
    "RECORD_FILE",
    "RECORD_VERSION",
    "CapacityFound",
    "ConsumerConfiguration",
    "ErrorCount",
    "RunRecord",
    "Sample",
    "read_record",
]

RECORD_VERSION: Final = 1
RECORD_FILE: Final = "report.json"
"""The record's name in the folder of a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at the queue, `at_s` seconds after the run began. None is what could not be seen.

    `sent` and `processed` count messages since the beginning; `oldest_age_s` is the age of the oldest message that
    waits; `end_to_end_p50_ms` and `end_to_end_p99_ms` are of the messages processed since the look before, and
    `send_p50_ms` and `send_p99_ms` of the batches sent since then.
    """

    at_s: float
    visible: int
    in_flight: int
    delayed: int
    dead_lettered: int | None = None
    oldest_age_s: float | None = None
    sent: int = 0
    processed: int | None = None
    due: int | None = None
    users: int = 0
    end_to_end_p50_ms: float | None = None
    end_to_end_p99_ms: float | None = None
    send_p50_ms: float | None = None
    send_p99_ms: float | None = None

    @property
    def backlog(self) -> int:
        """All messages that are in the queue."""
        return self.visible + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerConfiguration:
    """What queue, mapping and function are set to; None is what is not set, or could not be read: `unread` says why.

    `dead_letter_queue` says whether there is a redrive policy.
    """

    fifo: bool = False
    visibility_timeout_s: int | None = None
    retention_s: int | None = None
    dead_letter_queue: bool | None = None
    max_receive_count: int | None = None
    batch_size: int | None = None
    batching_window_s: float | None = None
    maximum_concurrency: int | None = None
    partial_batch_response: bool | None = None
    function_name: str | None = None
    function_timeout_s: int | None = None
    memory_mb: int | None = None
    architecture: str | None = None
    reserved_concurrency: int | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCount:
    """An error as Locust counted it."""

    request: str
    error: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityFound:
    """The capacity is between `low` and `high` messages per second; None where no rate showed that end.

    `measured` is what the consumer got through while it had more to do than it could; `reasons` why it is no better.
    """

    low: float | None = None
    high: float | None = None
    measured: float | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run. Times are seconds, `began_at` is ISO 8601 in UTC.

    `environment` is `moto`, `localstack`, `aws` or `other`; but for `aws` the figures are an emulator's.
    `histograms` are HDR histograms (V2, compressed, base64) by name: `send_batch`, `end_to_end`, `batch_duration` in
    microseconds, `batch_records` in records. `not_known` says on one line each what the run cannot tell. `settings`
    are the arguments that were given, `versions` those of redrive, Python, Locust and the emulator. `seconds` is how
    long messages were sent, `drained_s` how long the queue took to empty afterwards (None: not within its deadline).
    `batches_sent` counts the batches that were tried, `batches_failed` those of them that failed as a whole.
    `capacity` is what the capacity search found, if there was one.
    """

    began_at: str
    seconds: float
    environment: str
    queue_url: str
    region: str | None = None
    observer: str = "depth"
    drained_s: float | None = None
    counts: SendCounts
    batches_sent: int
    batches_failed: int
    bytes_sent: int = 0
    account: Account
    configuration: ConsumerConfiguration
    samples: tuple[Sample, ...] = ()
    histograms: dict[str, str] = field(default_factory=dict)
    errors: tuple[ErrorCount, ...] = ()
    not_known: tuple[str, ...] = ()
    capacity: CapacityFound | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """All of it, for `report.json`."""
        return {"record_version": RECORD_VERSION, **asdict(self), "account": self.account.as_json()}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """The reverse. Raises ValueError, on one line, if it is no record or one of another version."""
        if not isinstance(value, dict) or "record_version" not in value:
            raise ValueError("not a record of a load run")
        if value["record_version"] != RECORD_VERSION:
            raise ValueError(
                f"a record of version {value['record_version']!r:.20}; this redrive reads {RECORD_VERSION}"
            )
        record: Self = read_value(cls, value)
        return record


def read_record(path: Path) -> RunRecord:
    """The record in the folder of a report, or in a file. Raises ValueError, on one line, if there is none."""
    file = path / RECORD_FILE if path.is_dir() else path
    try:
        return RunRecord.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise ValueError(f"{file}: {why}") from error
