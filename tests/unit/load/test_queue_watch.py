import json

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from redrive.load.observing.queue_watch import Problems, QueueWatch

QUEUE, DLQ = "http://q/1/orders", "http://q/1/orders-dlq"
POLICY = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:1:orders-dlq", "maxReceiveCount": "3"})


def denied(operation):
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)


class FakeSqs:
    def __init__(self, *, policy=POLICY, visible=0, dead=0):
        self.policy = policy
        self.depths = {QUEUE: visible, DLQ: dead}
        self.errors = {}

    def get_queue_attributes(self, **request):
        url, asked = request["QueueUrl"], request["AttributeNames"]
        what = "policy" if asked == ["RedrivePolicy"] else url
        if what in self.errors:
            raise self.errors[what]
        if what == "policy":
            return {"Attributes": {"RedrivePolicy": self.policy}} if self.policy else {}
        return {"Attributes": {**dict.fromkeys(asked, "0"), "ApproximateNumberOfMessages": str(self.depths[url])}}

    def get_queue_url(self, **request):
        assert request == {"QueueName": "orders-dlq", "QueueOwnerAWSAccountId": "1"}
        return {"QueueUrl": DLQ}


@pytest.fixture
def said():
    return []


@pytest.fixture
def problems(said):
    return Problems(said.append)


def test_look_tells_the_depth_and_what_came_to_the_dlq(problems, said):
    sqs = FakeSqs()
    watch = QueueWatch(sqs, QUEUE, problems)
    assert (watch.dead_letters.dlq_url, watch.dead_letters.max_receive_count) == (DLQ, 3)
    sqs.depths = {QUEUE: 7, DLQ: 2}
    seen = watch.look()
    assert (seen.depth.total, seen.dead_lettered) == (7, 2)
    assert said == []


def test_what_was_there_before_is_said_and_dead_letters_of_before_do_not_count(problems, said):
    sqs = FakeSqs(visible=5, dead=4)
    watch = QueueWatch(sqs, QUEUE, problems)
    assert (watch.there_before, watch.dead_before) == (5, 4)
    sqs.depths[DLQ] = 6
    assert watch.look().dead_lettered == 2
    sqs.depths[DLQ] = 1  # somebody redrove them
    assert watch.look().dead_lettered == 0
    assert [line.split()[:4] for line in said] == [["the", "queue", "held", "5"], ["the", "DLQ", "held", "4"]]


def test_queue_without_a_dlq_has_no_dead_letters(problems, said):
    watch = QueueWatch(FakeSqs(policy=None), QUEUE, problems)
    assert watch.look().dead_lettered == 0
    assert said == ["the queue has no DLQ: a message that fails is tried until it expires"]


def test_each_failure_is_told_once_and_raises_nothing(problems, said):
    sqs = FakeSqs()
    watch = QueueWatch(sqs, QUEUE, problems)
    sqs.errors = {QUEUE: EndpointConnectionError(endpoint_url="http://q"), DLQ: denied("GetQueueAttributes")}
    assert watch.look() is None
    assert watch.look() is None
    del sqs.errors[QUEUE]
    assert watch.look().dead_lettered is None
    assert watch.look().dead_lettered is None
    assert [line.split(":")[0] for line in said] == [
        "the depth of the queue could not be seen",
        "the depth of the DLQ could not be seen",
    ]
    assert list(problems.lines) == said
    assert all(len(line.splitlines()) == 1 for line in said)


def test_policy_that_may_not_be_read_leaves_the_dlq_unseen(problems, said):
    sqs = FakeSqs()
    sqs.errors["policy"] = denied("GetQueueAttributes")
    assert QueueWatch(sqs, QUEUE, problems).look().dead_lettered is None
    assert said[0].startswith("the queue's redrive policy could not be read")
