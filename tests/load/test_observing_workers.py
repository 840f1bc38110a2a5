"""A master and two workers: their percentiles are those of all samples, and a worker that dies is not passed over."""

import csv
import json
import os
import re
import signal
import uuid
from pathlib import Path

import pytest

from redrive.fixtures.stacks import Aws, create_stack
from redrive.load.observing.histograms import Histogram

from .conftest import TIMEOUT_S, accepted, until
from .handler_consumer import consuming

SEND = ("--batch-size", "2", "--batches-per-second", "10")


@pytest.fixture
def aws(moto_url):
    return Aws(endpoint_url=moto_url)


@pytest.fixture
def stack(aws):
    return create_stack(aws, f"workers-{uuid.uuid4().hex[:8]}", visibility_timeout_s=2, max_receive_count=2)


@pytest.fixture
def distributed(start_locust, tmp_path):
    """Starts a master and two workers; returns them, the master first."""
    from contextlib import ExitStack

    with ExitStack() as processes:

        def start(*arguments):
            master = processes.enter_context(start_locust("--master", "--expect-workers", "2", *arguments))
            workers = [
                processes.enter_context(start_locust("--worker", REDRIVE_LOAD_SUMMARY_FILE=None)) for _ in range(2)
            ]
            return master, *workers

        yield start


def record_in(folder):
    return json.loads((folder / "report.json").read_text())


def raw_samples(folder, name):
    """Response times of one request in milliseconds, by process."""
    found = {}
    for path in Path(folder).glob("*.csv"):
        lines = path.read_text().rpartition("\n")[0].splitlines()  # whole ones, of what there is at one moment
        found[path.stem] = [float(row["response_time_ms"]) for row in csv.DictReader(lines) if row["name"] == name]
    return {process: times for process, times in found.items() if times}


def percentile(values, percent):
    ranked = sorted(values)
    return ranked[max(0, int(len(ranked) * percent / 100 + 0.5) - 1)]


def test_merged_percentiles_are_those_of_all_raw_samples(distributed, aws, stack, tmp_path):
    master, *_ = distributed(
        *(
            "--queue-url",
            stack.queue_url,
            "--observe",
            "depth",
            "--drain",
            "0",
            "-u",
            "4",
            "-r",
            "4",
            "-t",
            "6s",
            *SEND,
        ),
        *("--raw-samples", "raw", "--report", "report"),
    )
    output, _ = master.communicate(timeout=TIMEOUT_S)
    assert master.returncode == 0, output
    by_process = raw_samples(tmp_path / "raw", "send_batch")
    assert len(by_process) == 2
    samples_ms = [time_ms for times in by_process.values() for time_ms in times]
    record = record_in(tmp_path / "report")
    merged = Histogram.decoded(record["histograms"]["send_batch"])
    assert merged.count == len(samples_ms) == record["batches_sent"] > 50
    assert record["account"]["sent"] == record["account"]["left"] == 2 * len(samples_ms)
    for percent in (50, 95, 99, 100):
        # Three significant digits, and half a microsecond for the rounding.
        assert merged.percentile(percent) / 1000 == pytest.approx(percentile(samples_ms, percent), rel=1e-3, abs=6e-4)
    assert merged.max == merged.percentile(100)


def test_run_ends_when_a_worker_is_killed_and_says_what_is_not_known(distributed, aws, stack, tmp_path):
    reply_queue_url = aws.client("sqs").create_queue(QueueName=f"replies-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    with consuming(aws, stack, REDRIVE_SINK="memory", REDRIVE_REPLY_QUEUE_URL=reply_queue_url):
        master, *workers = distributed(
            *("--queue-url", stack.queue_url, "--observe", "reply", "--reply-queue-url", reply_queue_url),
            *("-u", "2", "-r", "2", "-t", "8s", "--batch-size", "2", "--batches-per-second", "2"),
            *("--drain", "30", "--raw-samples", "raw", "--report", "report"),
        )
        written = {}

        def both_have_reported():
            # A worker writes its samples and then reports. Once it has written again, the master has its first report.
            for process, times in raw_samples(tmp_path / "raw", "send_batch").items():
                written.setdefault(process, set()).add(len(times))
            return len(written) == 2 and all(len(lengths) >= 2 for lengths in written.values())

        until(both_have_reported, "both have sent and reported")
        os.kill(workers[0].pid, signal.SIGKILL)
        output, _ = master.communicate(timeout=TIMEOUT_S)
    assert master.returncode == 1, output
    record = record_in(tmp_path / "report")
    account = record["account"]
    assert account["sent_at_least"] is True
    assert "without a last word" in account["problem"]
    (line,) = [line for line in record["not_known"] if line.startswith("worker ")]
    found = re.search(r"last heard of (\d+\.\d) s before the end.*the (\d+) messages are counted", line)
    assert found, line
    assert float(found[1]) > 2
    seen = re.search(r"(\d+) of its messages were processed, and it made at least (\d+)", line)
    assert int(seen[2]) >= int(seen[1]) > 0
    assert account["sent"] >= account["processed"] > 0
    assert account["left"] == 0
    assert "sent at least" in output


def test_batches_in_flight_at_the_end_are_in_the_workers_last_words(locust, fake_queue):
    def slowly(server, entries):
        server.released.wait(2)  # longer than Locust itself waits for what workers have to say
        return 200, {"Successful": accepted(entries)}

    queue = fake_queue(slowly)
    ran = locust("--queue-url", queue.queue_url, "--processes", "2", "-u", "2", "-r", "2", "-t", "3s")
    assert ran.status == 0, ran.output
    assert ran.summary["messages"]["accepted"] == sum(map(len, queue.entries)) > 0
    assert ran.summary["messages"]["unknown"] == 0
