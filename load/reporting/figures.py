"""What follows from a record: rates and distributions, for whoever reports, compares or judges it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final

from ..observing.histograms import Histogram
from .record import RunRecord

__all__ = [
    "LATENCIES",
    "PERCENTILES",
    "SHORTEST_S",
    "Distribution",
    "bytes_per_message",
    "distribution",
    "largest_backlog",
    "messages_per_send",
    "ms_per_message",
    "oldest_age_s",
    "processed_per_s",
    "processing_ended_s",
    "queue_name",
    "sent_per_s",
]

PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)
LATENCIES: Final = {
    "send_batch": "send a batch",
    "end_to_end": "end to end",
    "batch_duration": "process a batch",
}
"""The histograms of durations, by what took so long."""
SHORTEST_S: Final = 0.001
"""A shorter time tells no rate."""
_US_PER_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Distribution:
    """Values in ascending order with how often each was counted; `ranks` are the counts up to and with each."""

    values: tuple[float, ...]
    counts: tuple[int, ...]
    ranks: tuple[int, ...]

    @classmethod
    def of(cls, counted: Iterable[tuple[float, int]]) -> Distribution | None:
        """Of pairs of a value and its count; None if nothing was counted."""
        pairs = sorted((value, count) for value, count in counted if count > 0)
        if not pairs:
            return None
        values, counts = zip(*pairs, strict=True)
        return cls(values=values, counts=counts, ranks=tuple(accumulate(counts)))

    @property
    def count(self) -> int:
        """How many values."""
        return self.ranks[-1]

    @property
    def max(self) -> float:
        """The largest."""
        return self.values[-1]

    @property
    def mean(self) -> float:
        """The mean."""
        return sum(value * count for value, count in zip(self.values, self.counts, strict=True)) / self.count

    @property
    def variance(self) -> float:
        """The mean square of the distance from the mean."""
        mean = self.mean
        return sum((value - mean) ** 2 * count for value, count in zip(self.values, self.counts, strict=True)) / (
            self.count
        )

    def ranked(self, rank: int) -> float:
        """The value that is the `rank`-th from below, counted from 1."""
        return self.values[min(bisect_left(self.ranks, rank), len(self.values) - 1)]

    def percentile(self, percent: float) -> float:
        """The value that `percent` of the values do not exceed, by the nearest rank as HDR histograms have it."""
        return self.ranked(max(1, int(percent * self.count / 100 + 0.5)))

    def share_to(self, value: float) -> float:
        """The share of the values that do not exceed this one."""
        index = bisect_right(self.values, value)
        return self.ranks[index - 1] / self.count if index else 0.0


def distribution(record: RunRecord, name: str) -> Distribution | None:
    """What a histogram of the record counted, durations in milliseconds; None if there is none, or an empty one.

    Raises ValueError if it cannot be decoded.
    """
    if name not in record.histograms:
        return None
    try:
        return _decoded(record.histograms[name], 1 if name == "batch_records" else _US_PER_MS)
    except ValueError as error:
        raise ValueError(f"histogram {name}: {error}") from error


@lru_cache(maxsize=32)
def _decoded(text: str, unit: int) -> Distribution | None:
    # A bucket stands for its middle, so that means are right; records are exact up to 2,047.
    buckets = Histogram.decoded(text).buckets()
    return Distribution.of(((bucket.low + bucket.high) / 2 / unit, bucket.count) for bucket in buckets)


def queue_name(record: RunRecord) -> str:
    """The last part of the queue's URL."""
    return record.queue_url.rstrip("/").rpartition("/")[2] or record.queue_url


def sent_per_s(record: RunRecord) -> float | None:
    """Messages that the queue accepted, per second of sending."""
    return record.account.sent / record.seconds if record.seconds >= SHORTEST_S else None


def processed_per_s(record: RunRecord) -> float | None:
    """Messages that were processed, per second from the beginning until the last one was seen to be."""
    if record.account.not_seen is not None:
        return None
    ended_s = processing_ended_s(record) or record.seconds + (record.drained_s or 0.0)
    return record.account.processed / ended_s if ended_s >= SHORTEST_S else None


def processing_ended_s(record: RunRecord) -> float:
    """When the last message was seen to be processed; 0 if none was."""
    ended_s, before = 0.0, 0
    for sample in record.samples:
        if sample.processed is not None and sample.processed != before:
            ended_s, before = sample.at_s, sample.processed
    return ended_s


def largest_backlog(record: RunRecord) -> int | None:
    """The most messages that were seen in the queue."""
    return max((sample.backlog for sample in record.samples), default=None)


def oldest_age_s(record: RunRecord) -> float | None:
    """The largest age of a waiting message that was seen."""
    return max((sample.oldest_age_s for sample in record.samples if sample.oldest_age_s is not None), default=None)


def messages_per_send(record: RunRecord) -> float | None:
    """How many messages a request that was answered carried."""
    answered = record.batches_sent - record.batches_failed
    return record.account.sent / answered if answered > 0 and record.account.sent else None


def bytes_per_message(record: RunRecord) -> float | None:
    """Bytes of a message as it was sent, attributes included."""
    return record.bytes_sent / record.account.sent if record.account.sent and record.bytes_sent else None


def ms_per_message(record: RunRecord) -> float | None:
    """The function's time divided by the records that it was given in it."""
    durations, records = distribution(record, "batch_duration"), distribution(record, "batch_records")
    return durations.mean / records.mean if durations and records and records.mean > 0 else None
