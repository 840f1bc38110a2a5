"""The stack from the template on LocalStack: its queues, its mapping, its function with our zip in the real runtime
interface client. Nothing of ours polls; between the function and its endpoint stands a proxy that can do harm.
"""

import contextlib
import hashlib
import importlib.util
import itertools
import json
import signal
import threading
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from redrive.fixtures.runtimes.call_proxy import Forward, Kill, Refuse
from redrive.infra.deployment import Parameters
from redrive.infra.tuning import tune
from redrive.scenarios.delta_table import delta_rows
from redrive.scenarios.plan import PointerKind
from redrive.scenarios.pointers import BUCKET, extended_client

from .deployed_stack import DELIVERIES, FUNCTION_TIMEOUT_S, deployed

MIB = 1_048_576
SIZE = {"MessageAttributes": {"ExtendedPayloadSize": {"DataType": "Number", "StringValue": "3145728"}}}
IDS = itertools.count(1)


@pytest.fixture(scope="module")
def standard(localstack_server, tmp_path_factory):
    parameters = Parameters(business_key_pointer="/order", payload_bucket=BUCKET)
    with deployed(localstack_server, tmp_path_factory.mktemp("standard"), "orders", parameters) as stack:
        yield stack


@pytest.fixture(scope="module")
def fifo(localstack_server, tmp_path_factory):
    parameters = Parameters(fifo=True, business_key_pointer="/order")
    with deployed(localstack_server, tmp_path_factory.mktemp("fifo"), "ordered", parameters) as stack:
        yield stack


@pytest.fixture
def stack(standard):
    standard.clean()
    yield standard
    standard.clean()


@pytest.fixture
def key():
    """Makes business keys that no other test has."""
    return lambda: f"key-{next(IDS)}"


def order(key, size_bytes=0):
    text = json.dumps({"order": key, "padding": ""})
    return text[:-2] + "x" * max(0, size_bytes - len(text)) + text[-2:]


def test_what_cannot_be_done_is_delivered_n_times_alone_and_then_raises_the_alarm_from_the_dlq(stack, key, eventually):
    good, large, missing, foreign = key(), key(), key(), key()
    # What is sent, and the reason why it cannot be done.
    sent = {
        stack.send(body, **options): (body, reason)
        for body, options, reason in (
            ("poison", {}, "malformed: no business key where the configuration says it is"),
            (order(large, MIB), {}, "larger than an item of DynamoDB can be (400 KB)"),
            (pointer(stack, order(missing), PointerKind.MISSING), SIZE, "payload: NoSuchKey(NoSuchKey)"),
            (
                pointer(stack, order(foreign), PointerKind.FOREIGN),
                SIZE,
                "malformed: its payload is in a bucket that the configuration does not name",
            ),
        )
    }
    good_id = stack.send(order(good))
    assert stack.alarm("orders-dlq-depth") != "ALARM"
    eventually(lambda: len(stack.dead()) == len(sent), 60)
    assert stack.dead() == {message_id: body for message_id, (body, _) in sent.items()}
    lines = stack.logged()
    for message_id, (body, reason) in sent.items():
        assert stack.recorder.deliveries(message_id) == list(range(1, DELIVERIES + 1))
        assert stack.recorder.bodies(message_id) == {body}
        of_this = [line for line in lines if line["message_id"] == message_id]
        assert [(line["receive_count"], line["outcome"]) for line in of_this] == [(n, "failed") for n in (1, 2, 3)]
        assert {line["reason"] for line in of_this} == {reason}
    assert stack.recorder.deliveries(good_id) == [1]
    assert stack.times_done()[good] == 1
    assert not {large, missing, foreign} & set(stack.rows())
    assert stack.left() == 0
    eventually(lambda: stack.alarm("orders-dlq-depth") == "ALARM", 60)
    assert stack.alarm("orders-oldest-message-age") != "ALARM"


def test_message_whose_deletion_was_lost_is_delivered_twice_and_done_once(stack, key, eventually):
    work = key()
    # Known only when it is sent, and by then it may have been done: so the first of two is held up.
    message_id = held_up(stack, lambda: stack.send(order(work)))
    eventually(lambda: len(stack.recorder.deliveries(message_id)) == 2, 60)
    eventually(lambda: stack.left() == 0)
    assert stack.recorder.deliveries(message_id) == [1, 2]
    assert stack.times_done()[work] == 1
    lines = [line["outcome"] for line in stack.logged() if line["message_id"] == message_id]
    assert lines == ["processed", "duplicate"]
    assert stack.dead() == {}


def held_up(stack, send):
    """Sends while the function may not call its table, and has the deletion of what was sent lost."""
    may_go_on = threading.Event()

    def wait(_service, _operation):
        may_go_on.wait(FUNCTION_TIMEOUT_S)
        return Forward()

    stack.harm.before = wait
    message_id = send()
    stack.recorder.lose.append(message_id)
    stack.harm.forget()
    may_go_on.set()
    return message_id


def test_same_work_sent_twice_is_done_once(stack, key, eventually):
    work = key()
    first = stack.send(order(work))
    eventually(lambda: work in stack.rows())
    again = stack.send(order(work))
    eventually(lambda: stack.recorder.deliveries(again) and stack.left() == 0)
    assert again != first
    assert stack.times_done()[work] == 1
    assert stack.dead() == {}


class TestOversize:
    def test_one_byte_more_than_1_mib_is_refused_and_nothing_is_sent(self, stack, key):
        began = len(stack.recorder.began)
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            stack.send(order(key(), MIB + 1))
        assert stack.left() == 0
        assert len(stack.recorder.began) == began

    def test_3_mib_through_s3_are_read_and_the_row_says_where_they_are(self, stack, key, eventually):
        work = key()
        body = order(work, 3 * MIB)
        message_id = stack.send(pointer(stack, body), **SIZE)
        row = eventually(lambda: stack.rows().get(work))
        assert (row["body_bytes"], row["body_sha256"]) == (3 * MIB, hashlib.sha256(body.encode()).hexdigest())
        assert row["body_location"].startswith(f"s3://{BUCKET}/")
        eventually(lambda: stack.left() == 0)
        assert stack.recorder.deliveries(message_id) == [1]

    @pytest.mark.skipif(
        importlib.util.find_spec("deltalake") is None, reason="the Delta sink needs the extra redrive[delta]"
    )
    def test_1_mib_and_3_mib_through_s3_are_in_the_delta_table_to_the_byte(self, stack, key, eventually, tmp_path):
        table = tmp_path / "table"
        bodies = {work: order(work, size) for work, size in ((key(), MIB), (key(), 3 * MIB))}
        in_message, in_s3 = bodies.values()
        tune(stack.deployment, environment={"REDRIVE_SINK": "delta", "REDRIVE_DELTA_TABLE": str(table)})
        try:
            stack.send(in_message)
            stack.send(pointer(stack, in_s3), **SIZE)
            eventually(lambda: set(bodies) <= set(stack.rows()) and stack.left() == 0, 60)
        finally:
            tune(stack.deployment, environment={"REDRIVE_SINK": "dynamodb", "REDRIVE_DELTA_TABLE": None})
        rows = delta_rows(table, ["business_key", "body"])
        assert {row["business_key"]: row["body"] for row in rows} == bodies
        assert stack.dead() == {}


def pointer(stack, body, kind=PointerKind.GOOD):
    return extended_client()(stack.deployment.aws, body, kind)


def test_order_of_a_group_is_kept_also_behind_a_poison_message(fifo, key, eventually):
    groups = {group: [key() for _ in range(4)] for group in ("A", "B", "C")}

    def send(body, group):
        return fifo.send(body, MessageGroupId=group, MessageDeduplicationId=f"sent-{next(IDS)}")

    for group, (first, *_) in groups.items():
        send(order(first), group)
    poison_id = send("poison", "A")
    # Those behind it are never received as often as it is: who comes back with it is counted with it (S18, E18).
    eventually(lambda: fifo.recorder.deliveries(poison_id))
    for number in (1, 2, 3):
        for group, keys in groups.items():
            send(order(keys[number]), group)
    everything = {work for keys in groups.values() for work in keys}
    eventually(lambda: everything <= set(fifo.times_done()), 60)
    rows = fifo.rows()
    assert {work: int(rows[work]["revision"]) for work in everything} == dict.fromkeys(everything, 1)
    for keys in groups.values():
        assert sorted(keys, key=lambda work: rows[work]["processed_at"]) == keys
    assert list(fifo.dead()) == [poison_id]
    assert fifo.recorder.deliveries(poison_id) == [1, 2, 3]
    # The other groups did not wait for it.
    behind = rows[groups["A"][1]]["processed_at"]
    assert all(rows[work]["processed_at"] < behind for group in "BC" for work in groups[group])


class Once:
    """Does something at the n-th write to the table from now on, and then never again."""

    def __init__(self, at, act):
        self.left = at
        self.act = act

    def __call__(self, service, operation):
        if (service, operation) == ("dynamodb", "UpdateItem"):
            self.left -= 1
            if self.left == 0:
                return self.act()
        return Forward()


def test_function_that_hangs_in_the_middle_times_out_and_the_retry_completes(stack, key, eventually):
    def hang():
        stack.recorder.send_signal(signal.SIGSTOP)
        return Forward()

    works = [key() for _ in range(4)]
    before = len(stack.recorder.began)
    stack.harm.before = Once(len(works) + 2, hang)  # all are claimed, and at least one is not done
    send_together(stack, works)
    eventually(lambda: set(works) <= set(stack.times_done()) and stack.left() == 0, 60)
    assert {stack.times_done()[work] for work in works} == {1}
    assert "timed out" in stack.recorder.endings()[before:]
    assert stack.dead() == {}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_crash_in_the_middle_leaves_nothing_undone_and_nothing_done_twice(stack, key, eventually, moment):
    works = [key() for _ in range(4)]
    before = len(stack.recorder.began)
    setattr(stack.harm, moment, Once(len(works) + 2, Kill))
    send_together(stack, works)
    eventually(lambda: set(works) <= set(stack.times_done()) and stack.left() == 0, 60)
    assert {stack.times_done()[work] for work in works} == {1}
    assert "crashed" in stack.recorder.endings()[before:]
    assert stack.dead() == {}


def send_together(stack, works):
    entries = [{"Id": str(number), "MessageBody": order(work)} for number, work in enumerate(works)]
    sent = stack.client("sqs").send_message_batch(QueueUrl=stack.deployment.queue_url, Entries=entries)
    assert not sent.get("Failed")


def test_table_that_is_off_for_seconds_costs_no_message(stack, key, eventually):
    works = [key() for _ in range(10)]
    on_again_s = time.monotonic() + 3
    refused = []

    def off(service, _operation):
        if service != "dynamodb" or time.monotonic() >= on_again_s:
            return Forward()
        refused.append(service)
        return Refuse()

    stack.harm.before = off
    send_together(stack, works)
    eventually(lambda: set(works) <= set(stack.times_done()) and stack.left() == 0, 60)
    assert refused
    assert {stack.times_done()[work] for work in works} == {1}
    assert stack.dead() == {}


def test_endpoint_that_goes_away_and_comes_back_costs_no_message(stack, key, eventually):
    """What is shown is how producer and function take it. LocalStack itself keeps no state over its own restart."""
    works = [key() for _ in range(30)]
    aws = stack.deployment.aws
    producer = boto3.client(
        "sqs",
        endpoint_url=stack.front.url,
        region_name=aws.region,
        aws_access_key_id=aws.account,
        aws_secret_access_key="testing",
        config=Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1}),
    )

    def produce():
        for work in works:
            while True:
                with contextlib.suppress(ClientError, BotoCoreError):
                    stack.send(order(work), sqs=producer)
                    break
                time.sleep(0.1)

    sending = threading.Thread(target=produce)
    sending.start()
    eventually(lambda: len(stack.rows().keys() & set(works)) >= 3)
    stack.front.down()
    time.sleep(2)  # it is to be away for a while
    stack.front.up()
    sending.join(60)
    producer.close()
    assert not sending.is_alive()
    eventually(lambda: set(works) <= set(stack.times_done()) and stack.left() == 0, 90)
    assert {stack.times_done()[work] for work in works} == {1}
    assert stack.dead() == {}
