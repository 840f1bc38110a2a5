"""Locust with a shape: each batch is due at its time, once, however many processes there are and whoever goes."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from .conftest import LOCUSTFILE, TIMEOUT_S, accepted, marks_of, until
from .consumed_queue import consumed_queue


def dues_of(queue):
    """When the batches were due, in milliseconds since the first."""
    due_at_ms = [int(marks_of([batch])[0].rsplit(".", 1)[1]) for batch in queue.entries]
    return sorted(at_ms - min(due_at_ms) for at_ms in due_at_ms)


def slots_of(queue, *, every_ms):
    """The numbers of the slots that were sent; clocks of processes differ by much less than a slot."""
    return [round(at_ms / every_ms) for at_ms in dues_of(queue)]


def test_a_rate_is_kept_by_few_users_and_by_many(locust, fake_queue):
    queue = fake_queue()
    ran = locust("--queue-url", queue.queue_url, "--rate", "100", "-u", "7", "-r", "7", "-t", "5s")
    assert ran.status == 0, ran.output
    assert "late" not in ran.output
    slots = slots_of(queue, every_ms=100)
    assert slots == list(range(len(slots)))
    assert len(slots) > 15
    assert all(abs(at_ms - 100 * n) <= 2 for n, at_ms in enumerate(dues_of(queue)))


def test_a_run_ends_with_its_schedule(locust, fake_queue):
    queue = fake_queue()
    ran = locust("--queue-url", queue.queue_url, "--shape", "step:50,0,100/1s", "-u", "3", "-r", "3")
    assert ran.status == 0, ran.output
    wanted = [*range(0, 1000, 200), *range(2000, 3000, 100)]
    assert dues_of(queue) == [pytest.approx(at_ms, abs=2) for at_ms in wanted]
    assert "Traceback" not in ran.output
    assert "late" not in ran.output


def test_a_trace_is_sent_in_its_rhythm(locust, fake_queue, tmp_path):
    (tmp_path / "sent.csv").write_text("time\n5\n5.5\n9\n")
    queue = fake_queue()
    shape = ("--shape", "trace:sent.csv*2", "--batch-size", "1")
    ran = locust("--queue-url", queue.queue_url, *shape, "-u", "5", "-r", "5")
    assert ran.status == 0, ran.output
    assert dues_of(queue) == [pytest.approx(at_ms, abs=2) for at_ms in (0, 250, 2000)]
    assert "Traceback" not in ran.output  # more users than messages


def test_slots_are_shared_between_processes(locust, fake_queue):
    queue = fake_queue()
    shape = ("--shape", "constant:100/6s", "--batch-size", "5", "--processes", "2", "-u", "4", "-r", "4")
    ran = locust("--queue-url", queue.queue_url, *shape)
    assert ran.status == 0, ran.output
    assert slots_of(queue, every_ms=50) == list(range(120))
    marks = [marks_of([batch])[0].split(".") for batch in queue.entries]
    senders = [sender for _, sender, _, _ in sorted(marks, key=lambda mark: int(mark[3]))]
    # A worker is dealt nothing before it has said that it has users. From then on they take turns.
    both = senders[max(senders.index("0"), senders.index("1")) - 1 :]
    assert set(both[::2]) == {both[0]}
    assert set(both[1::2]) == {both[1]} != {both[0]}


def test_no_slot_is_sent_twice_when_workers_come_and_go(start_locust, environment, fake_queue, tmp_path):
    queue = fake_queue()

    def worker():
        return subprocess.Popen(
            [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--worker"],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def senders(of):
        return {marks_of([batch])[0].split(".")[1] for batch in of}

    shape = ("--shape", "constant:100/25s", "-u", "6", "-r", "6", "--enable-rebalancing")
    master = ("--master", "--master-bind-host", "127.0.0.1")
    workers = [worker()]
    try:
        with start_locust("--queue-url", queue.queue_url, *master, "--expect-workers", "1", *shape) as process:
            until(lambda: len(queue.entries) > 20, "one worker sends")
            workers.append(worker())
            until(lambda: len(senders(queue.entries)) == 2, "the second sends as well")
            time.sleep(2)
            workers[0].kill()
            output, _ = process.communicate(timeout=TIMEOUT_S)
    finally:
        for one in workers:
            one.kill()
            one.wait()
    slots = slots_of(queue, every_ms=100)
    assert len(slots) == len(set(slots))
    assert set(slots) <= set(range(250))
    lost = 250 - len(slots)
    assert 0 < lost < 80  # what the one that was killed had been dealt, until the master saw that it was gone
    late = int(re.search(r"^late +(\d+) messages were due", output, re.MULTILINE)[1])
    assert lost * 10 <= late <= lost * 10 + 20  # the last that it sent it could not tell of


def test_who_is_too_slow_is_told_and_nothing_is_hidden(locust, fake_queue):
    def slowly(server, entries):
        server.released.wait(0.5)
        return 200, {"Successful": accepted(entries)}

    queue = fake_queue(slowly)
    ran = locust("--queue-url", queue.queue_url, "--rate", "60", "-t", "14s")
    said = re.findall(r"1 users send \d+ of \d+ messages/s and are \d+ s behind: about (\d+) users", ran.output)
    assert len(said) == 1
    assert 3 <= int(said[0]) <= 6
    assert re.search(r"^late +\d{3} messages were due", ran.output, re.MULTILINE)
    # What is sent late bears the time when it was due, not when it was sent.
    assert dues_of(queue) == [pytest.approx(n * 1000 / 6, abs=2) for n in range(len(queue.entries))]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--shape", "ramp:1-2"], "write ramp:FROM-TO/TIME, as in ramp:10-200/120s"),
        (
            ["--shape", "ramp:1-2/3s", "--rate", "5"],
            "redrive.load: the shape ramp says its own rates: leave out --rate",
        ),
        (["--shape", "constant"], "write constant:RATE"),
        (["--shape", "trace:none.csv"], "the trace none.csv cannot be read: No such file"),
        (["--rate", "fast"], "'fast' is not a number from"),
        (["--shape", "capacity"], "the capacity search has to see the queue: leave out --observe none"),
    ],
)
def test_what_cannot_run_is_status_2_and_says_how_it_is_written(locust, arguments, says):
    ran = locust("--queue-url", "http://127.0.0.1:1/1/q", "-t", "1s", *arguments)
    assert ran.status == 2
    assert says in ran.output.splitlines()[-1]
    assert "Traceback" not in ran.output


def test_drain_fills_a_queue_that_is_not_read_and_lets_it_be_drained(locust):
    with consumed_queue(per_s=500) as queue:
        arguments = ("--queue-url", queue.queue_url, "--shape", "drain:1000", "-u", "4", "-r", "4", "--report", "")
        ran = locust(*arguments, REDRIVE_LOAD_OBSERVE="depth")
        assert (queue.sent, queue.deepest) == (1000, 1000)
        assert queue.states == ["Disabled", "Enabled"]
        assert queue.depth() == (0, 0)
    assert "Traceback" not in ran.output


def test_drain_puts_a_disabled_mapping_back(locust):
    with consumed_queue(per_s=5000, state="Disabled") as queue:
        locust(*("--queue-url", queue.queue_url, "--shape", "drain:100", "--report", ""), REDRIVE_LOAD_OBSERVE="depth")
        assert queue.states == ["Enabled", "Disabled"]
        assert queue.depth() == (0, 0)


def test_drain_that_is_interrupted_puts_the_mapping_back(start_locust):
    with consumed_queue(per_s=500) as queue:
        with start_locust("--queue-url", queue.queue_url, "--shape", "drain:100000000") as process:
            until(lambda: queue.sent > 100, "it fills the queue")
            os.kill(process.pid, signal.SIGINT)
            process.communicate(timeout=TIMEOUT_S)
        assert queue.states == ["Disabled", "Enabled"]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (
            {"state": None},
            "no Lambda function has an event source mapping for arn:aws:sqs:us-east-1:123456789012:orders",
        ),
        ({"forbidden": ("PUT",)}, "drain needs the permission lambda:UpdateEventSourceMapping: not authorized"),
    ],
)
def test_drain_that_cannot_be_is_status_2_and_sends_nothing(locust, how, says):
    with consumed_queue(per_s=500, **how) as queue:
        ran = locust("--queue-url", queue.queue_url, "--shape", "drain:100")
        assert ran.status == 2
        assert queue.sent == 0
    assert [line for line in ran.output.splitlines() if line.startswith("redrive.load: ") and says in line]
    assert "Traceback" not in ran.output
