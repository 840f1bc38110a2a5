"""What the processes of a run have counted, gathered on the one that reports.

A process reports all that it has counted since the run began, again and again. So a report that is lost or comes twice
changes nothing, and of a process that dies its last report remains.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..sending.counts import SendCounts
from .histograms import Histogram, merged

__all__ = ["Counted", "Lost", "RunCounts", "WorkerReport"]

_TOTALS: Final = ("batches", "batches_failed", "bytes")


@dataclass(slots=True)
class Counted:
    """What one process has counted of its own batches. Times are milliseconds since the epoch, by its clock."""

    messages: SendCounts = field(default_factory=SendCounts)
    batches: int = 0
    batches_failed: int = 0
    bytes: int = 0
    began_at_ms: float | None = None
    ended_at_ms: float | None = None
    send_batch: Histogram = field(default_factory=Histogram)
    window: Histogram = field(default_factory=Histogram)
    """The batches since the last report, `send_batch` all of them; in microseconds."""

    def begin(self, now_ms: float) -> None:
        """Users may send from now on."""
        self.began_at_ms = now_ms

    def end(self, now_ms: float) -> None:
        """Users may begin no more batches."""
        self.ended_at_ms = max(now_ms, self.ended_at_ms or now_ms)

    def add_batch(self, *, began_at_ms: float, response_time_ms: float, failed: bool, accepted_bytes: int) -> None:
        """Count a batch that has come to its end."""
        self.batches += 1
        self.batches_failed += failed
        self.bytes += accepted_bytes
        ended_at_ms = began_at_ms + response_time_ms
        self.began_at_ms = began_at_ms if self.began_at_ms is None else min(self.began_at_ms, began_at_ms)
        self.ended_at_ms = ended_at_ms if self.ended_at_ms is None else max(self.ended_at_ms, ended_at_ms)
        self.send_batch.record(response_time_ms * 1000)
        self.window.record(response_time_ms * 1000)

    def taken_window(self) -> Histogram:
        """The batches since this was last asked."""
        window, self.window = self.window, Histogram()
        return window

    @property
    def seconds(self) -> float:
        """From when users could send to the end of the last batch, or to when they were stopped."""
        if self.began_at_ms is None or self.ended_at_ms is None:
            return 0.0
        return max(0.0, self.ended_at_ms - self.began_at_ms) / 1000

    def as_report(self, *, run: str, sender: str, final: bool) -> dict[str, Any]:
        """What a worker tells its master."""
        window = self.taken_window()
        return {
            "run": run,
            "sender": sender,
            "final": final,
            "messages": self.messages.as_json(),
            "seconds": self.seconds,
            "send_batch": self.send_batch.encoded(),
            "window": window.encoded() if window.count else None,
            **{name: getattr(self, name) for name in _TOTALS},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """The last that was heard of a worker in a run."""

    sender: str
    heard_at_s: float
    final: bool
    messages: Mapping[str, int]
    seconds: float
    send_batch: str
    batches: int
    batches_failed: int
    bytes: int

    @property
    def made(self) -> int:
        """How many messages it made: their numbers are below this."""
        return self.messages["accepted"] + self.messages["failed"] + self.messages["unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A worker that ended without a last word. `report` is the last that was heard of it, None if nothing was."""

    client_id: str
    sender: str | None
    silent_s: float
    report: WorkerReport | None


class RunCounts:
    """The counts of this process, and on a master those of its workers."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self.counted = Counted()
        self.of_workers: dict[str, WorkerReport] = {}
        self._expected: dict[str, tuple[str | None, float]] = {}
        self._windows: list[str] = []

    @property
    def own(self) -> SendCounts:
        """The messages of this process."""
        return self.counted.messages

    def reset(self) -> None:
        """A new test begins."""
        self.counted = Counted()
        self.of_workers.clear()
        self._expected.clear()
        self._windows.clear()

    def expect(self, client_id: str, sender: str | None = None) -> None:
        """A worker takes part in the test."""
        self._expected.setdefault(client_id, (sender, self._now_s()))

    def take(self, client_id: str, report: Mapping[str, Any]) -> None:
        """Take in a worker's report. Raises KeyError, TypeError or ValueError if it is none."""
        merged([report["send_batch"]])  # now, not when the run has come to its end
        self.expect(client_id, str(report["sender"]))
        before = self.of_workers.get(client_id)
        if before is not None and before.final:
            return
        self.of_workers[client_id] = WorkerReport(
            sender=str(report["sender"]),
            heard_at_s=self._now_s(),
            final=bool(report["final"]),
            messages=SendCounts(**report["messages"]).as_json(),
            seconds=float(report["seconds"]),
            send_batch=report["send_batch"],
            **{name: int(report[name]) for name in _TOTALS},
        )
        if report["window"]:
            self._windows.append(report["window"])

    def owes_last_word(self, client_id: str) -> bool:
        """Whether a worker takes part that has not said its last word."""
        report = self.of_workers.get(client_id)
        return client_id in self._expected and (report is None or not report.final)

    def total(self) -> SendCounts:
        """The messages of all processes together."""
        total = SendCounts(**self.own.as_json())
        for report in self.of_workers.values():
            total.add(report.messages)
        return total

    def sum(self, name: str) -> int:
        """`batches`, `batches_failed` or `bytes` of all processes together."""
        return sum(int(getattr(counted, name)) for counted in (self.counted, *self.of_workers.values()))

    @property
    def seconds(self) -> float:
        """How long messages were sent, by the process that did it for longest."""
        return max([self.counted.seconds, *(report.seconds for report in self.of_workers.values())])

    def send_batch(self) -> Histogram:
        """The latencies of all batches, in microseconds."""
        return merged([self.counted.send_batch.encoded(), *(report.send_batch for report in self.of_workers.values())])

    def taken_window(self) -> Histogram:
        """The latencies of the batches that ended, or were heard of, since this was last asked."""
        windows, self._windows = self._windows, []
        return merged([self.counted.taken_window().encoded(), *windows])

    def made_by_sender(self, own_sender: str) -> dict[str, tuple[int, int]]:
        """For each sender how many messages it made, and how many of those the queue is not known to have."""
        own = self.own
        made = {own_sender: (own.accepted + own.failed + own.unknown, own.failed + own.unknown)}
        for report in self.of_workers.values():
            made[report.sender] = (report.made, report.made - report.messages["accepted"])
        return made

    def lost(self) -> list[Lost]:
        """The workers that ended without a last word."""
        now_s = self._now_s()
        found = []
        for client_id, (sender, expected_at_s) in self._expected.items():
            if self.owes_last_word(client_id):
                report = self.of_workers.get(client_id)
                heard_at_s = expected_at_s if report is None else report.heard_at_s
                found.append(Lost(client_id=client_id, sender=sender, silent_s=now_s - heard_at_s, report=report))
        return found
