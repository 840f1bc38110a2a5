"""Probes of message groups, deduplication, sequence numbers and attempt ids: S18 to S21, S24."""

from collections.abc import Iterator
from typing import Any

from .endpoint import Endpoint
from .probe import Fact, fact, probe, probes_in
from .queues import changed, queue

__all__ = ["PROBES"]

INVALID = "InvalidParameterValue"
Facts = Iterator[Fact]


def _sent(at: Endpoint, **message: Any) -> str:
    given = {"MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "1"}
    with queue(at, fifo=True) as q:
        return q.outcome("send_message", **changed(given, message))


@probe("S18-blocked", aws="a message group keeps send order, and gives nothing while one of its messages is in flight")
def _blocked(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        q.send("a", "b", "c")
        yield fact("a receive of one", q.bodies(MaxNumberOfMessages=1, VisibilityTimeout=30), ["a"])
        yield fact("a receive while that is in flight", q.bodies(), [])
        q.send("other", MessageGroupId="h")
        received = q.receive()
        yield fact("a receive when another message group has one", [m["Body"] for m in received], ["other"])


@probe("S18-continues", aws="a message group goes on when its message in flight is deleted")
def _goes_on(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        q.send("a", "b")
        handle = q.handle(MaxNumberOfMessages=1)
        q.outcome("delete_message", ReceiptHandle=handle)
        yield fact("a receive after the deletion", q.bodies(), ["b"])


@probe("S18-order", aws="messages of a group that are visible again come in send order")
def _order(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        q.send("a", "b")
        q.hide()
        yield fact("the first of a receive when both are visible again", q.bodies()[:1], ["a"])


@probe("S18-few", aws="a receive takes what it can from each message group")
def _few(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        for body in ("g1", "h1"):
            q.send(body, MessageGroupId=body[0])
        q.hide()
        q.send("g2")
        seen = sorted(q.bodies())
        yield fact("a receive when one of each of two groups is visible again and one is new", seen, ["g1", "g2", "h1"])


@probe("S18-groups", aws="a receive takes as many as it can from one message group before the next")
def _groups(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        for body in ("g1", "h1", "g2", "h2"):
            q.send(body, MessageGroupId=body[0])
        yield fact("a receive of 2, sent were g1, h1, g2, h2", q.bodies(MaxNumberOfMessages=2), ["g1", "g2"])


@probe("S19-swallowed", aws="a deduplication id sent again succeeds and enqueues nothing")
def _swallowed(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        q.send("a", MessageDeduplicationId="1")
        q.send("b", MessageDeduplicationId="1")
        yield fact("a receive", q.bodies(), ["a"])


@probe("S19-content", aws="content-based deduplication is by the body, and message attributes do not matter")
def _content(at: Endpoint) -> Facts:
    with queue(at, fifo=True, ContentBasedDeduplication="true") as q:
        attributes = {"n": {"DataType": "String", "StringValue": "1"}}
        q.send("a", MessageDeduplicationId=None)
        q.send("a", MessageDeduplicationId=None, MessageAttributes=attributes)
        q.send("b", MessageDeduplicationId=None)
        yield fact("a receive of what was sent as a, as a with message attributes, as b", q.bodies(), ["a", "b"])


@probe("S19-first", aws="a duplicate is answered with the first message's id")
def _first(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        first, second = (q.send("a") for _ in range(2))
        yield fact("both have the same message id", first["MessageId"] == second["MessageId"], True)
        yield fact("both have the same sequence number", _sequence(first) == _sequence(second), True)


@probe("S19-deleted", aws="a deduplication id holds for 5 minutes, whatever becomes of the message")
def _deleted(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        q.send("a")
        handle = q.handle()
        q.outcome("delete_message", ReceiptHandle=handle)
        q.send("a")
        yield fact("a receive after deleting the first and sending it again", q.bodies(), [])


@probe("S19-scope", aws="the scope may be the message group")
def _scope(at: Endpoint) -> Facts:
    with queue(at, fifo=True, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId") as q:
        for group in "gh":
            q.send("a", MessageGroupId=group)
        yield fact("a receive of the same id in two message groups", q.bodies(), ["a", "a"])


@probe("S19-id", aws="a deduplication id is 1 to 128 letters, digits and punctuation")
def _id(at: Endpoint) -> Facts:
    yield fact("a deduplication id with a space", _sent(at, MessageDeduplicationId="1 2"), INVALID)
    yield fact("a deduplication id of 129 characters", _sent(at, MessageDeduplicationId="1" * 129), INVALID)


@probe("S19-required", aws="without content-based deduplication a FIFO send needs a deduplication id")
def _id_required(at: Endpoint) -> Facts:
    yield fact("a send without a deduplication id", _sent(at, MessageDeduplicationId=None), INVALID)


@probe("S19-standard", aws="a standard queue refuses a deduplication id")
def _id_on_standard(at: Endpoint) -> Facts:
    with queue(at) as q:
        outcome = q.outcome("send_message", MessageBody="a", MessageDeduplicationId="1")
        yield fact("a deduplication id on a standard queue", outcome, INVALID)


@probe("S20-required", aws="a FIFO send needs a message group")
def _group_required(at: Endpoint) -> Facts:
    yield fact("a send without a message group", _sent(at, MessageGroupId=None), "MissingParameter")


def _sequence(answer: dict[str, Any]) -> str | None:
    return answer.get("SequenceNumber")


@probe("S20-sequence", aws="every FIFO message has a sequence number, and they grow")
def _sequence_numbers(at: Endpoint) -> Facts:
    with queue(at, fifo=True, ContentBasedDeduplication="true") as q:
        numbers = [_sequence(q.send(str(number), MessageDeduplicationId=None)) for number in range(3)]
        known = [number for number in numbers if number is not None]
        yield fact("messages with a sequence number, of 3", len(known), 3)
        yield fact("they have 20 digits", all(len(number) == 20 for number in known), True)
        yield fact("they grow", known == sorted(known, key=int), True)


@probe("S20-group", aws="a message group is 1 to 128 letters, digits and punctuation")
def _group(at: Endpoint) -> Facts:
    yield fact("a message group with a space", _sent(at, MessageGroupId="g h"), INVALID)
    yield fact("a message group of 129 characters", _sent(at, MessageGroupId="g" * 129), INVALID)


@probe("S21-free", aws="a message group on a standard queue blocks nothing, and is delivered as a system attribute")
def _fair(at: Endpoint) -> Facts:
    with queue(at) as q:
        accepted = q.outcome("send_message", MessageBody="a", MessageGroupId="g")
        yield fact("a message group on a standard queue", accepted, "accepted")
        if accepted != "accepted":
            return
        q.send("b", MessageGroupId="g")
        received = [*q.receive(MaxNumberOfMessages=1), *q.receive(MaxNumberOfMessages=1)]
        yield fact("two receives of one", sorted(message["Body"] for message in received), ["a", "b"])
        groups = [message["Attributes"].get("MessageGroupId") for message in received]
        yield fact("MessageGroupId of each", groups, ["g", "g"])


@probe("S21-group", aws="a message group is 1 to 128 letters, digits and punctuation")
def _group_on_standard(at: Endpoint) -> Facts:
    with queue(at) as q:
        outcome = q.outcome("send_message", MessageBody="a", MessageGroupId="g h")
        yield fact("a message group with a space on a standard queue", outcome, INVALID)


@probe("S24-ignored", aws="a FIFO receive tried again by its attempt id gets the same messages")
def _attempt(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        q.send("a")
        yield fact("the receive", q.bodies(ReceiveRequestAttemptId="x"), ["a"])
        yield fact("the receive tried again", q.bodies(ReceiveRequestAttemptId="x"), ["a"])


@probe("S24-standard", aws="a standard queue refuses an attempt id")
def _attempt_on_standard(at: Endpoint) -> Facts:
    with queue(at) as q:
        outcome = q.outcome("receive_message", ReceiveRequestAttemptId="x")
        yield fact("an attempt id on a standard queue", outcome, INVALID)


PROBES = probes_in(vars())
