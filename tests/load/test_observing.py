"""A run with the reference handler behind a queue of moto's server: observed in each way, accounted for, reported."""

import json
import re
import signal
import time
import uuid

import pytest

from redrive.fixtures.stacks import Aws, create_stack

from .conftest import TIMEOUT_S, until
from .handler_consumer import consuming

SEND = ("-u", "2", "-r", "2", "-t", "4s", "--batch-size", "5", "--batches-per-second", "2")


@pytest.fixture
def aws(moto_url):
    return Aws(endpoint_url=moto_url)


@pytest.fixture
def stack(aws):
    return create_stack(aws, f"observed-{uuid.uuid4().hex[:8]}", visibility_timeout_s=2, max_receive_count=2)


@pytest.fixture
def reply_queue_url(aws):
    return aws.client("sqs").create_queue(QueueName=f"replies-{uuid.uuid4().hex[:8]}")["QueueUrl"]


@pytest.fixture
def report(tmp_path):
    """The record of the run, as it was written."""

    def read():
        return json.loads((tmp_path / "report" / "report.json").read_text())

    return read


def test_replies_balance_the_account_and_give_latencies_from_end_to_end(locust, aws, stack, reply_queue_url, report):
    with consuming(aws, stack, REDRIVE_SINK="memory", REDRIVE_REPLY_QUEUE_URL=reply_queue_url):
        ran = locust(
            *("--queue-url", stack.queue_url, "--observe", "reply", "--reply-queue-url", reply_queue_url, *SEND),
            *("--poison-rate", "0.05", "--duplicate-rate", "0.1", "--report", "report", "--drain", "30"),
        )
    assert ran.status == 0, ran.output
    record = report()
    account, counts = record["account"], record["counts"]
    assert (account["basis"], account["difference"], account["problem"]) == ("message", 0, None)
    assert account["sent"] == counts["accepted"] > 40
    assert account["dead_lettered"] == counts["poison"] > 0
    assert counts["duplicates"] > 0
    assert account["processed"] == counts["accepted"] - counts["poison"]
    assert re.search(rf"SQS +message end-to-end +{account['processed']} +0\(0.00%\)", ran.output)
    assert re.search(r"LAMBDA +batch +\d+ +0\(0.00%\)", ran.output)
    assert set(record["histograms"]) == {"send_batch", "end_to_end", "batch_duration", "batch_records"}
    assert record["drained_s"] is not None
    last = record["samples"][-1]
    assert (last["sent"], last["processed"], last["oldest_age_s"]) == (account["sent"], account["processed"], 0.0)
    assert max(sample["end_to_end_p99_ms"] or 0 for sample in record["samples"]) > 0
    assert record["observer"] == "reply"
    assert record["environment"] == "moto"
    assert aws.client("sqs").receive_message(QueueUrl=reply_queue_url).get("Messages") is None
    assert str(account["sent"]) in ran.output


def test_ledger_balances_the_account_by_business_key(locust, aws, stack, report):
    table = stack.table_name
    with consuming(aws, stack, REDRIVE_SINK="dynamodb", REDRIVE_TABLE=table):
        ran = locust(
            *("--queue-url", stack.queue_url, "--observe", "ledger", "--ledger-table", table, *SEND),
            *("--poison-rate", "0.05", "--duplicate-rate", "0.1", "--report", "report", "--drain", "30"),
        )
    assert ran.status == 0, ran.output
    record = report()
    account, counts = record["account"], record["counts"]
    assert (account["basis"], account["difference"], account["problem"]) == ("key", 0, None)
    assert account["processed"] == counts["accepted"] - counts["poison"] - counts["duplicates"]
    assert account["repeats"] == counts["duplicates"] > 0
    assert account["dead_lettered"] == counts["poison"] > 0
    assert set(record["histograms"]) == {"send_batch", "end_to_end"}
    assert re.search(rf"SQS +message end-to-end +{account['processed']} ", ran.output)
    assert any("the function's clock" in line for line in record["not_known"])


def test_depth_sees_the_queue_alone_and_says_so(locust, aws, stack, report):
    with consuming(aws, stack, REDRIVE_SINK="memory"):
        ran = locust(
            *("--queue-url", stack.queue_url, "--observe", "depth", *SEND),
            *("--poison-rate", "0.05", "--report", "report", "--drain", "30"),
        )
    assert ran.status == 0, ran.output
    record = report()
    account = record["account"]
    assert (account["basis"], account["left"], account["problem"]) == ("not seen", 0, None)
    assert account["dead_lettered"] == record["counts"]["poison"] > 0
    assert "by subtraction, not checked" in ran.output
    assert set(record["histograms"]) == {"send_batch"}
    assert any(line.startswith("latencies from end to end") for line in record["not_known"])
    assert all(sample["processed"] is None for sample in record["samples"])


def test_message_that_nobody_saw_processed_is_a_difference_and_status_1(locust, aws, stack, reply_queue_url, report):
    with consuming(aws, stack, REDRIVE_SINK="memory"):  # it does not reply, so that nobody sees what it does
        ran = locust(
            *("--queue-url", stack.queue_url, "--observe", "reply", "--reply-queue-url", reply_queue_url),
            *("-t", "1s", "--report", "report", "--drain", "4"),
        )
    assert ran.status == 1, ran.output
    account = report()["account"]
    assert account["difference"] == -account["sent"] < 0
    assert "are neither processed, nor in the DLQ, nor in the queue" in ran.output
    assert any("no reply to a message of this run came" in line for line in report()["not_known"])


def test_what_was_there_before_is_named_and_does_not_make_a_balance(locust, aws, stack, report):
    sqs = aws.client("sqs")
    for url in (stack.queue_url, stack.dlq_url, stack.dlq_url):
        sqs.send_message(QueueUrl=url, MessageBody='{"id": "from before"}')
    with consuming(aws, stack, REDRIVE_SINK="memory"):
        # The consumer may have taken it before the run begins.
        ran = locust("--queue-url", stack.queue_url, "--observe", "depth", "-t", "1s", "--report", "report")
    assert ran.status == 0, ran.output
    record = report()
    assert record["account"]["dead_lettered"] == 0
    assert any(line.startswith("the DLQ held 2 messages before the run") for line in record["not_known"])


def test_queue_that_cannot_be_looked_at_is_told_once_and_fails_the_run(locust, fake_queue, report):
    queue = fake_queue()
    ran = locust("--queue-url", queue.queue_url, "--observe", "depth", "-t", "2s", "--drain", "1", "--report", "report")
    assert ran.status == 1, ran.output
    assert ran.summary["messages"]["accepted"] == sum(map(len, queue.entries)) > 0
    assert ran.output.count("redrive.load: the depth of the queue could not be seen") == 1
    assert "there is no account: the queue could not be looked at" in ran.output
    assert report()["samples"] == []


def test_nothing_is_observed_if_nothing_is_to_be(locust, fake_queue, tmp_path):
    queue = fake_queue()
    ran = locust("--queue-url", queue.queue_url, "--observe", "none", "-t", "1s")
    assert ran.status == 0, ran.output
    assert "account" not in ran.output
    assert not list(tmp_path.glob("redrive-load-*"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--observe", "reply"], "which queue do replies come to? Give --reply-queue-url"),
        (["--observe", "ledger"], "which table is the ledger? Give --ledger-table"),
    ],
)
def test_observer_without_what_it_needs_is_status_2(locust, arguments, says):
    ran = locust("--queue-url", "http://127.0.0.1:1/1/q", *arguments, "-t", "1s")
    assert ran.status == 2
    assert says in ran.output.splitlines()[-1]


@pytest.fixture
def sent_to(aws, stack):
    """Whether messages came to the queue, or went through it."""

    def look():
        asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = aws.client("sqs").get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=asked)["Attributes"]
        return any(int(count) for count in found.values())

    return look


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_run_that_is_ended_by_a_signal_is_settled_and_reported(start_locust, aws, stack, sent_to, report, how):
    with start_locust("--queue-url", stack.queue_url, "--observe", "depth", "--report", "report") as process:
        until(sent_to, "users send")
        with consuming(aws, stack, REDRIVE_SINK="memory"):
            process.send_signal(how)
            output, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, output
    account = report()["account"]
    assert account["sent"] == account["processed"] > 0
    assert account["left"] == 0
    assert "balanced" in output


def test_ctrl_c_ends_the_run_whatever_locust_does_at_that_moment(start_locust, stack, tmp_path):
    locustfile = tmp_path / "interrupted.py"
    locustfile.write_text(
        "import os, signal\n"
        "import locust.stats\n"
        "from redrive.load.locustfile import *\n"
        "locust.stats.HISTORY_STATS_INTERVAL_SEC = 0.5\n"
        # Where Locust keeps a KeyboardInterrupt to itself.
        "locust.stats.update_stats_history = lambda runner: os.kill(os.getpid(), signal.SIGINT)\n"
    )
    with start_locust("--queue-url", stack.queue_url, file=locustfile) as process:
        output, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, output


def test_sigterm_does_not_wait_for_a_queue_that_does_not_drain(start_locust, stack, sent_to, report):
    with start_locust("--queue-url", stack.queue_url, "--observe", "depth", "--report", "report") as process:
        until(sent_to, "users send")
        began_s = time.monotonic()
        process.terminate()
        output, _ = process.communicate(timeout=TIMEOUT_S)
    assert time.monotonic() - began_s < 60  # and not the two minutes that a queue has to drain
    assert process.returncode == 0, output
    account = report()["account"]
    assert account["sent"] == account["left"] > 0
    assert report()["drained_s"] is None
