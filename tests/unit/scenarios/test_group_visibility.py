"""Message groups on moto: what comes back does so at once, and when it is due."""

from redrive.scenarios.environments.group_visibility import GroupVisibility
from redrive.scenarios.environments.live_queue import LiveQueue


class Sqs:
    def __init__(self):
        self.changed = []
        self.attributes = None

    def set_queue_attributes(self, *, QueueUrl, Attributes):  # noqa: N803
        assert QueueUrl == "queue"
        self.attributes = Attributes

    def change_message_visibility(self, *, QueueUrl, ReceiptHandle, VisibilityTimeout):  # noqa: N803
        assert QueueUrl == "queue"
        self.changed.append((ReceiptHandle, VisibilityTimeout))


class Clock:
    now_ms = 0


class Inner:
    """Plays the deletion of one message."""

    def __init__(self):
        self.calls = []

    def about_to_receive(self):
        self.calls.append("about to receive")

    def received(self, message):
        self.calls.append(message["MessageId"])

    def lets_begin(self, invocation, batch):
        return invocation == 0

    def deletes(self, invocation, message):
        return message["MessageId"] == "lost"


def message(name):
    return {"MessageId": name, "ReceiptHandle": f"handle of {name}"}


def made():
    sqs, clock, inner = Sqs(), Clock(), Inner()
    queue = LiveQueue(client=sqs, url="queue", arn="arn", fifo=True, visibility_timeout_s=3, dlq_url=None, dlq_arn=None)
    return GroupVisibility(queue, clock, inner), sqs, clock, inner


def test_they_are_hidden_for_longer_and_shown_when_they_are_due_before_the_next_receive():
    groups, sqs, clock, _ = made()
    assert int(sqs.attributes["VisibilityTimeout"]) > 3
    groups.about_to_receive()
    for at_ms, name in ((5, "one"), (400, "two")):
        clock.now_ms = at_ms
        groups.received(message(name))
    assert sqs.changed == []
    clock.now_ms = 2_999
    groups.about_to_receive()
    assert sqs.changed == []
    clock.now_ms = 3_000
    groups.about_to_receive()
    groups.about_to_receive()
    assert sqs.changed == [("handle of one", 0), ("handle of two", 0)]


def test_what_is_deleted_is_not_shown_again_unless_its_deletion_is_lost():
    groups, sqs, clock, _ = made()
    for name in ("done", "lost"):
        groups.received(message(name))
    assert [groups.deletes(0, message(name)) for name in ("done", "lost")] == [False, True]
    clock.now_ms = 3_000
    groups.about_to_receive()
    assert sqs.changed == [("handle of lost", 0)]


def test_the_other_interference_is_asked():
    groups, _, _, inner = made()
    groups.about_to_receive()
    groups.received(message("one"))
    assert inner.calls == ["about to receive", "one"]
    assert [groups.lets_begin(number, []) for number in (0, 1)] == [True, False]
