import pytest

from redrive.fixtures.stacks import moto_stack
from redrive.load.observing.observers import Done, QueueDepth, done_keys, queue_depth


@pytest.fixture
def stack():
    with moto_stack() as made:
        yield made


def put(stack, key, **columns):
    stack.client("dynamodb").put_item(TableName=stack.table_name, Item={"business_key": {"S": key}, **columns})


def test_depth_of_a_queue_by_what_a_receive_would_find(stack):
    sqs = stack.client("sqs")
    for delay_s in (0, 0, 0, 60):
        sqs.send_message(QueueUrl=stack.queue_url, MessageBody="x", DelaySeconds=delay_s)
    sqs.receive_message(QueueUrl=stack.queue_url, MaxNumberOfMessages=1)
    depth = queue_depth(sqs, stack.queue_url)
    assert depth == QueueDepth(visible=2, in_flight=1, delayed=1)
    assert depth.total == 4


def test_keys_that_are_done_and_those_written_more_than_once(stack):
    done = {"status": {"S": "done"}}
    put(stack, "once", **done, revision={"N": "1"})
    put(stack, "twice", **done, revision={"N": "2"})
    put(stack, "without a revision", **done)
    put(stack, "claimed", status={"S": "in_progress"})
    put(stack, "something else")
    assert done_keys(stack.client("dynamodb"), stack.table_name) == Done(keys=3, written_twice=1)


def test_keys_are_counted_over_all_pages(stack):
    for number in range(5):
        put(stack, f"key-{number}", status={"S": "done"}, body={"S": "x" * 350_000})
    dynamodb = stack.client("dynamodb")
    assert "LastEvaluatedKey" in dynamodb.scan(TableName=stack.table_name)  # more than one page
    assert done_keys(dynamodb, stack.table_name).keys == 5
