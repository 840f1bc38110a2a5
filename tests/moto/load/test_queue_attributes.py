import pytest

from redrive.fixtures.stacks import moto_stack
from redrive.load.observing.queue_attributes import QueueDepth, queue_depth


@pytest.fixture
def stack():
    with moto_stack() as made:
        yield made


def test_depth_of_a_queue_by_what_a_receive_would_find(stack):
    sqs = stack.client("sqs")
    for delay_s in (0, 0, 0, 60):
        sqs.send_message(QueueUrl=stack.queue_url, MessageBody="x", DelaySeconds=delay_s)
    sqs.receive_message(QueueUrl=stack.queue_url, MaxNumberOfMessages=1)
    depth = queue_depth(sqs, stack.queue_url)
    assert depth == QueueDepth(visible=2, in_flight=1, delayed=1)
    assert depth.total == 4
