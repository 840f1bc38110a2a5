"""Plain Locust with our locustfile: exact counts, whatever the queue answers; nothing sent twice."""

import json
import re
from collections import Counter

import pytest

from redrive.fixtures.stacks import Aws, create_stack

from .conftest import accepted, ids_of


def taken_from(aws, queue_url):
    """All messages of a queue, which is empty afterwards."""
    sqs, messages = aws.client("sqs"), []
    while batch := sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    ).get("Messages"):
        messages += batch
        for message in batch:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return messages


@pytest.mark.parametrize("fifo", [False, True])
def test_what_was_counted_is_in_the_queue(locust, moto_url, fifo):
    aws = Aws(endpoint_url=moto_url)
    stack = create_stack(aws, f"counted-{fifo}", fifo=fifo, visibility_timeout_s=600)
    ran = locust(
        *("--queue-url", stack.queue_url, "-u", "2", "-r", "2", "-t", "2s"),
        *("--batch-size", "5", "--batches-per-second", "2", "--poison-rate", "0.1"),
    )
    assert ran.status == 0, ran.output
    messages = taken_from(aws, stack.queue_url)
    counts = ran.summary["messages"]
    assert counts["accepted"] == len(messages) == ran.summary["batches"] * 5 > 10
    poison = [message for message in messages if message["Body"].startswith('{"poison"')]
    assert counts == {"accepted": len(messages), "poison": len(poison), "failed": 0, "unknown": 0}
    assert poison
    ids = {json.loads(message["Body"])["id"] for message in messages if message not in poison}
    assert len(ids) == len(messages) - len(poison)
    if fifo:
        groups = Counter(message["Attributes"]["MessageGroupId"] for message in messages)
        assert set(groups) == {"user-1", "user-2"}
    latency = ran.summary["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert re.search(r"SQS +send_batch +\d+ +0\(0.00%\)", ran.output)


def test_S02_each_refused_entry_is_a_failure_and_is_not_sent_again(locust, fake_queue):
    refusal = {"Id": "1", "Code": "InvalidMessageContents", "Message": "bad characters", "SenderFault": True}
    queue = fake_queue(lambda _, entries: (200, {"Successful": accepted(entries[:1]), "Failed": [refusal]}))
    ran = locust("--queue-url", queue.queue_url, "-t", "2s", "--batch-size", "2", "--batches-per-second", "5")
    batches = len(queue.entries)
    assert batches > 2
    assert ran.summary["messages"] == {"accepted": batches, "poison": 0, "failed": batches, "unknown": 0}
    assert (ran.summary["batches"], ran.summary["failed_batches"]) == (batches, 0)
    assert ran.status == 1
    assert re.search(rf"{batches} +SQS send_batch entry: EntryRefused\('InvalidMessageContents: bad", ran.output)
    ids = ids_of(queue.entries)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        (lambda _, entries: (400, {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"}), "failed"),
        (lambda _, entries: (500, {"__type": "InternalFailure", "message": "sorry"}), "unknown"),
        (lambda _, entries: None, "unknown"),
    ],
    ids=["refused", "fault", "hung up"],
)
def test_failed_batch_is_counted_once_and_not_sent_again(locust, fake_queue, answer, fate):
    queue = fake_queue(answer)
    ran = locust("--queue-url", queue.queue_url, "-t", "1s", "--batch-size", "3", "--batches-per-second", "5")
    batches = len(queue.entries)
    assert ran.summary["messages"] == {"accepted": 0, "poison": 0, "failed": 0, "unknown": 0, fate: batches * 3}
    assert ran.summary["failed_batches"] == batches > 0
    assert ran.status == 1


def test_batch_that_is_stopped_before_its_answer_is_of_unknown_fate(locust, fake_queue):
    queue = fake_queue(lambda server, _: server.released.wait() and None)
    ran = locust("--queue-url", queue.queue_url, "-t", "1s", "--stop-timeout", "1", "--batch-size", "4")
    assert len(queue.entries) == 1
    assert ran.summary["messages"] == {"accepted": 0, "poison": 0, "failed": 0, "unknown": 4}


def test_batch_in_flight_at_the_end_is_waited_for(locust, fake_queue):
    def slowly(server, entries):
        server.released.wait(2)  # longer than the run
        return 200, {"Successful": accepted(entries)}

    queue = fake_queue(slowly)
    ran = locust("--queue-url", queue.queue_url, "-t", "1s", "--batch-size", "4")
    assert ran.summary["messages"] == {"accepted": 4 * len(queue.entries), "poison": 0, "failed": 0, "unknown": 0}
    assert queue.entries


def test_requests_go_to_the_given_endpoint_and_to_no_other(locust, fake_queue):
    named, given = fake_queue(), fake_queue()
    ran = locust("--queue-url", named.queue_url, "--endpoint-url", given.url, "-t", "1s")
    assert ran.status == 0, ran.output
    assert given.entries
    assert not named.entries


def test_settings_come_from_environment_variables_and_the_configuration_file(locust, fake_queue, tmp_path):
    queue = fake_queue()
    (tmp_path / "locust.conf").write_text("batch-size = 2\nrun-time = 1s\n")
    ran = locust(REDRIVE_LOAD_QUEUE_URL=queue.queue_url)
    assert ran.status == 0, ran.output
    assert {len(batch) for batch in queue.entries} == {2}


def test_counts_of_two_worker_processes_are_added_up(locust, fake_queue):
    queue = fake_queue()
    ran = locust(
        *("--queue-url", queue.queue_url, "--processes", "2", "-u", "4", "-r", "4", "-t", "3s"),
        *("--batches-per-second", "2", "--poison-rate", "0.5"),
    )
    assert ran.status == 0, ran.output
    counts = ran.summary["messages"]
    assert counts["accepted"] == sum(map(len, queue.entries)) > 40
    assert counts["poison"] * 2 == counts["accepted"]
    assert ran.summary["batches"] == len(queue.entries)


def test_it_ends_when_its_starter_is_gone(start_locust, fake_queue, tmp_path):
    queue = fake_queue()
    with start_locust("--queue-url", queue.queue_url, "--until-stdin-closes", "-t", "10m") as process:
        assert queue.arrived.wait(60)
        process.stdin.close()
        assert process.wait(10) == 0
        process.stdin = None
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["messages"]["accepted"] == sum(map(len, queue.entries))


@pytest.mark.parametrize(
    ("arguments", "variables", "says"),
    [
        ([], {}, "which queue? Give --queue-url"),
        (
            ["--queue-url", "http://127.0.0.1:1/1/q", "--batch-size", "11"],
            {},
            "'11' is not a whole number from 1 to 10",
        ),
        (
            ["--queue-url", "http://127.0.0.1:1/1/q"],
            {"AWS_REGION": None, "AWS_DEFAULT_REGION": None},
            "You must specify a region",
        ),
    ],
)
def test_what_cannot_run_is_status_2_and_says_why(locust, arguments, variables, says):
    ran = locust(*arguments, "-t", "1s", **variables)
    assert ran.status == 2
    assert says in ran.output.splitlines()[-1]
    assert "Traceback" not in ran.output
