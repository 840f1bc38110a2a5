"""Records of load runs, made from a seed."""

import math
import random
from dataclasses import replace

import pytest

from redrive.load.observing.account import Account
from redrive.load.observing.histograms import Histogram
from redrive.load.reporting.record import ConsumerConfiguration, ErrorCount, RunRecord, Sample
from redrive.load.sending.counts import SendCounts

CONFIGURATION = ConsumerConfiguration(
    visibility_timeout_s=90,
    retention_s=345_600,
    dead_letter_queue=True,
    max_receive_count=5,
    batch_size=10,
    batching_window_s=0.0,
    maximum_concurrency=20,
    partial_batch_response=True,
    function_name="orders",
    function_timeout_s=15,
    memory_mb=256,
    architecture="arm64",
)


def percentile(values, percent):
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


class Made:
    """A run of `seconds` in which `rate` messages a second are sent in tens, and processed a moment later.

    `slower` stretches all latencies. `correlation` is by how much a second's latencies follow from those of the last.
    """

    def __init__(self, *, seed, seconds, rate, slower, correlation):
        self.chance = random.Random(seed)
        self.send, self.end_to_end = Histogram(), Histogram()
        self.durations, self.records = Histogram(), Histogram()
        self.samples, self.seconds, self.sent, self.processed, self.level = [], seconds, 0, 0, 0.0
        for second in range(1, seconds + 1):
            self.add_second(second, rate=rate, slower=slower, correlation=correlation)

    def add_second(self, second, *, rate, slower, correlation):
        chance = self.chance
        self.level = correlation * self.level + (0.15 * chance.gauss(0, 1) if correlation else 0.0)
        sends = [8_000 * slower * math.exp(self.level + 0.3 * chance.gauss(0, 1)) for _ in range(rate // 10)]
        took = [200_000 * slower * math.exp(self.level + 0.5 * chance.gauss(0, 1)) for _ in range(rate)]
        for histogram, values in ((self.send, sends), (self.end_to_end, took)):
            for value in values:
                histogram.record(value)
        left = rate
        while left:
            batch = min(left, chance.choice((4, 5, 6)))
            left -= batch
            self.records.record(batch)
            self.durations.record(24_000 * batch * slower * math.exp(0.2 * chance.gauss(0, 1)))
        self.sent += 10 * (rate // 10)
        self.processed += rate
        self.samples.append(
            Sample(
                at_s=float(second),
                visible=max(0, round(20 + 5 * chance.gauss(0, 1))),
                in_flight=10,
                delayed=0,
                dead_lettered=0,
                oldest_age_s=1.0 + chance.random(),
                sent=self.sent,
                processed=self.processed,
                due=self.sent,
                users=2,
                end_to_end_p50_ms=percentile(took, 50) / 1_000,
                end_to_end_p99_ms=percentile(took, 99) / 1_000,
                send_p50_ms=percentile(sends, 50) / 1_000,
                send_p99_ms=percentile(sends, 99) / 1_000,
            )
        )

    def record(self):
        batches = self.sent // 10
        return RunRecord(
            began_at="2026-03-01T12:00:00Z",
            seconds=float(self.seconds),
            environment="aws",
            queue_url="https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
            region="eu-west-1",
            observer="ledger",
            drained_s=1.0,
            counts=SendCounts(accepted=self.sent),
            batches_sent=batches,
            batches_failed=0,
            bytes_sent=self.sent * 700,
            account=Account(sent=self.sent, unknown=0, processed=self.processed, dead_lettered=0, left=0),
            configuration=CONFIGURATION,
            samples=tuple(self.samples),
            histograms={
                "send_batch": self.send.encoded(),
                "end_to_end": self.end_to_end.encoded(),
                "batch_duration": self.durations.encoded(),
                "batch_records": self.records.encoded(),
            },
            errors=(ErrorCount(request="SQS send_batch", error="ConnectionError: refused", count=2),),
            settings={"batch_size": 10},
            versions={"redrive": "0.1.0"},
        )


@pytest.fixture(scope="session")
def make_record():
    """A function that makes a record; fields of it can be given."""

    def make(seed=1, *, seconds=30, rate=40, slower=1.0, correlation=0.0, **changes):
        made = Made(seed=seed, seconds=seconds, rate=rate, slower=slower, correlation=correlation)
        return replace(made.record(), **changes)

    return make
