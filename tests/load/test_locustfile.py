"""Plain Locust with our locustfile: exact counts, whatever the queue answers; nothing sent twice."""

import json
import re
from collections import Counter

import pytest

from redrive.fixtures.stacks import Aws, create_stack
from redrive.load.sending.counts import SendCounts
from redrive.load.sending.messages import is_poison

from .conftest import accepted, marks_of


@pytest.fixture
def environment(environment):
    """Nobody looks on: this is about what is sent."""
    return {**environment, "REDRIVE_LOAD_OBSERVE": "none"}


def taken_from(aws, queue_url):
    """All messages of a queue, which is empty afterwards."""
    sqs, messages = aws.client("sqs"), []
    while batch := sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages"):
        messages += batch
        for message in batch:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def counted(**counts):
    return SendCounts(**counts).as_json()


@pytest.mark.parametrize("client", ["fast", "boto3"])
@pytest.mark.parametrize("fifo", [False, True])
def test_what_was_counted_is_in_the_queue(locust, moto_url, fifo, client):
    aws = Aws(endpoint_url=moto_url)
    stack = create_stack(aws, f"counted-{client}-{fifo}", fifo=fifo, visibility_timeout_s=600)
    ran = locust(
        *("--queue-url", stack.queue_url, "-u", "2", "-r", "2", "-t", "4s", "--client", client),
        *("--batch-size", "5", "--batches-per-second", "2", "--group-count", "4"),
        *("--poison-rate", "0.1", "--duplicate-rate", "0.2", "--message-bytes", "200-300"),
    )
    assert ran.status == 0, ran.output
    messages = taken_from(aws, stack.queue_url)
    counts = ran.summary["messages"]
    assert counts["accepted"] == len(messages) == ran.summary["batches"] * 5 > 10
    marks = [message["MessageAttributes"]["redrive_load"]["StringValue"].split(".") for message in messages]
    assert sorted(int(number) for *_, number, _ in marks) == list(range(len(messages)))
    assert len({(run, sender) for run, sender, *_ in marks}) == 1
    poison = [message for message in messages if is_poison(message["Body"])]
    keys = [json.loads(message["Body"])["id"] for message in messages if message not in poison]
    assert counts == counted(accepted=len(messages), poison=len(poison), duplicates=len(keys) - len(set(keys)))
    assert counts["poison"] > 0 < counts["duplicates"]
    if fifo:
        groups = Counter(message["Attributes"]["MessageGroupId"] for message in messages)
        assert set(groups) == {"group-0", "group-1", "group-2", "group-3"}
    latency = ran.summary["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert re.search(r"SQS +send_batch +\d+ +0\(0.00%\)", ran.output)


@pytest.mark.parametrize("client", ["fast", "boto3"])
def test_S02_each_refused_entry_is_a_failure_and_is_not_sent_again(locust, fake_queue, client):
    refusal = {"Id": "1", "Code": "InvalidMessageContents", "Message": "bad characters", "SenderFault": True}
    queue = fake_queue(lambda _, entries: (200, {"Successful": accepted(entries[:1]), "Failed": [refusal]}))
    ran = locust(
        *("--queue-url", queue.queue_url, "-t", "2s", "--client", client),
        *("--batch-size", "2", "--batches-per-second", "5"),
    )
    batches = len(queue.entries)
    assert batches > 2
    assert ran.summary["messages"] == counted(accepted=batches, failed=batches)
    assert (ran.summary["batches"], ran.summary["failed_batches"]) == (batches, 0)
    assert ran.status == 1
    assert re.search(rf"{batches} +SQS send_batch entry: EntryRefused\('InvalidMessageContents: bad", ran.output)
    marks = marks_of(queue.entries)
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize("client", ["fast", "boto3"])
@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        (lambda _, entries: (400, {"__type": "com.amazonaws.sqs#AccessDenied", "message": "no"}), "failed"),
        (lambda _, entries: (500, {"__type": "InternalFailure", "message": "sorry"}), "unknown"),
        (lambda _, entries: None, "unknown"),
    ],
    ids=["refused", "fault", "hung up"],
)
def test_failed_batch_is_counted_once_and_not_sent_again(locust, fake_queue, answer, fate, client):
    queue = fake_queue(answer)
    ran = locust(
        *("--queue-url", queue.queue_url, "-t", "1s", "--client", client),
        *("--batch-size", "3", "--batches-per-second", "5"),
    )
    batches = len(queue.entries)
    assert ran.summary["messages"] == counted(**{fate: batches * 3})
    assert ran.summary["failed_batches"] == batches > 0
    assert ran.status == 1
    marks = marks_of(queue.entries)
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize("client", ["fast", "boto3"])
def test_throttled_batch_is_sent_again_and_counted_once(locust, fake_queue, client):
    def throttle(server, entries):
        if len(server.entries) % 2:
            return 400, {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"}
        return 200, {"Successful": accepted(entries)}

    queue = fake_queue(throttle)
    ran = locust("--queue-url", queue.queue_url, "-t", "2s", "--batches-per-second", "5", "--client", client)
    sent = marks_of(queue.entries)
    assert len(sent) == 2 * len(set(sent))
    assert ran.summary["messages"] == counted(accepted=len(set(sent)))
    assert ran.summary["failed_batches"] == 0
    assert ran.status == 0, ran.output
    assert re.search(rf"SQS +send_batch again +{len(sent) // 20} ", ran.output)


def test_S02_batches_are_cut_by_size_and_what_is_too_large_is_sent_alone(locust, fake_queue):
    def answer(_, entries):
        sizes = [len(entry["MessageBody"]) + len("redrive_loadString") for entry in entries]
        if sum(sizes) + len("".join(marks_of([entries]))) > 1_048_576:
            return 400, {"__type": "com.amazonaws.sqs#BatchRequestTooLong", "message": "too long"}
        return 200, {"Successful": accepted(entries)}

    queue = fake_queue(answer)
    ran = locust(
        *("--queue-url", queue.queue_url, "-t", "1s", "--batches-per-second", "2"),
        *("--batch-size", "10", "--message-bytes", "200000", "--oversize-rate", "0.1"),
    )
    # The tenth message of ten is too large. Of the others, five are together.
    sizes = [len(entries) for entries in queue.entries]
    batches = len(sizes) // 3
    assert sizes == [5, 4, 1] * batches
    assert ran.summary["messages"] == counted(accepted=9 * batches, failed=batches, oversize=batches)


def test_bodies_of_a_file_are_what_is_sent(locust, fake_queue, tmp_path):
    queue = fake_queue()
    (tmp_path / "bodies").write_text("one\ntwo\n")
    ran = locust("--queue-url", queue.queue_url, "-t", "1s", "--batch-size", "3", "--body-file", "bodies")
    assert ran.status == 0, ran.output
    assert [entry["MessageBody"] for entry in queue.entries[0]] == ["one", "two", "one"]


def test_batch_that_is_stopped_before_its_answer_is_of_unknown_fate(locust, fake_queue):
    queue = fake_queue(lambda server, _: server.released.wait() and None)
    ran = locust("--queue-url", queue.queue_url, "-t", "1s", "--stop-timeout", "1", "--batch-size", "4")
    assert len(queue.entries) == 1
    assert ran.summary["messages"] == counted(unknown=4)


def test_what_is_left_of_a_stopped_user_was_not_sent(locust, fake_queue):
    queue = fake_queue(lambda server, _: server.released.wait() and None)
    ran = locust(
        *("--queue-url", queue.queue_url, "-t", "1s", "--stop-timeout", "1"),
        *("--batch-size", "3", "--message-bytes", "600000"),
    )
    assert len(queue.entries) == 1
    assert ran.summary["messages"] == counted(unknown=1, failed=2)


def test_batch_in_flight_at_the_end_is_waited_for(locust, fake_queue):
    def slowly(server, entries):
        server.released.wait(2)  # longer than the run
        return 200, {"Successful": accepted(entries)}

    queue = fake_queue(slowly)
    ran = locust("--queue-url", queue.queue_url, "-t", "1s", "--batch-size", "4")
    assert ran.summary["messages"] == counted(accepted=4 * len(queue.entries))
    assert queue.entries


def test_S18_messages_of_a_group_are_sent_one_batch_after_the_other(locust, fake_queue):
    seen = []

    def answer(server, entries):
        groups = {entry["MessageGroupId"] for entry in entries}
        seen.append(("sent", groups))
        server.released.wait(0.05)
        seen.append(("answered", groups))
        return 200, {"Successful": accepted(entries)}

    queue = fake_queue(answer)
    ran = locust(
        *("--queue-url", f"{queue.queue_url}.fifo", "-u", "4", "-r", "4", "-t", "2s", "--batches-per-second", "0"),
        *("--batch-size", "2", "--group-count", "3"),
    )
    assert ran.status == 0, ran.output
    out, most = set(), 0
    for what, groups in seen:
        if what == "sent":
            assert not out & groups
            out |= groups
            most = max(most, len(out))
        else:
            out -= groups
    assert most > 1
    numbers = {}
    for entries in queue.entries:
        for entry, mark in zip(entries, marks_of([entries]), strict=True):
            numbers.setdefault(entry["MessageGroupId"], []).append(int(mark.split(".")[2]))
    assert len(numbers) == 3
    assert all(each == sorted(each) for each in numbers.values())


def test_a_user_class_of_ones_own_is_the_only_one_that_runs(start_locust, fake_queue, tmp_path):
    queue = fake_queue()
    (tmp_path / "mine.py").write_text(
        "from locust import task\n"
        "from redrive.load import SqsUser\n"
        "class Mine(SqsUser):\n"
        "    wait_time = lambda self: 0.1\n"
    )
    with start_locust("--queue-url", queue.queue_url, "-t", "2s", file=tmp_path / "mine.py") as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert len(queue.entries) > 5
    assert '{"Mine": 1}' in output


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


def test_nobody_listens_is_tried_again_counted_and_ends(locust):
    ran = locust("--queue-url", "http://127.0.0.1:1/1/q", "-t", "2s", "--batch-size", "2")
    assert ran.status == 1
    assert ran.summary["messages"] == counted(failed=2 * ran.summary["batches"])
    assert ran.summary["failed_batches"] == ran.summary["batches"] > 0
    assert re.search(rf"SQS +send_batch again +{3 * ran.summary['batches']} ", ran.output)


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
    numbers = {}
    for run, sender, number, _ in (mark.split(".") for mark in marks_of(queue.entries)):
        numbers.setdefault((run, sender), []).append(int(number))
    assert len(numbers) == 2
    assert len({run for run, _ in numbers}) == 1
    assert all(sorted(each) == list(range(len(each))) for each in numbers.values())


def test_run_whose_workers_cannot_send_is_no_success(locust):
    ran = locust(
        *("--queue-url", "http://127.0.0.1:1/1/q", "--processes", "2", "-u", "2", "-t", "2s"),
        AWS_REGION=None,
        AWS_DEFAULT_REGION=None,
    )
    assert ran.status == 1
    assert "redrive.load: no region is configured" in ran.output
    assert "FAILED    nothing was sent" in ran.output.splitlines()


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
            "no region is configured: say --region, or set AWS_DEFAULT_REGION",
        ),
        (
            ["--queue-url", "http://127.0.0.1:1/1/q"],
            {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_EC2_METADATA_DISABLED": "true"},
            "Unable to locate credentials",
        ),
        (["--queue-url", "http://127.0.0.1:1/1/q", "--profile", "nobody"], {}, "The config profile (nobody) could not"),
        (["--queue-url", "http://127.0.0.1:1/1/q", "--message-bytes", "1-"], {}, "'1-' is not a size from 1 to"),
        (["--queue-url", "http://127.0.0.1:1/1/q", "--body-file", "no"], {}, "--body-file cannot be read"),
        (["--queue-url", "http://127.0.0.1:1/1/q"], {"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": ""}, "--client"),
    ],
)
def test_what_cannot_run_is_status_2_and_says_why(locust, arguments, variables, says):
    ran = locust(*arguments, "-t", "1s", **variables)
    assert ran.status == 2
    assert says in ran.output.splitlines()[-1]
    assert "Traceback" not in ran.output
