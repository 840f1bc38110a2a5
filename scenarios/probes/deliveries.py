"""Probes of receiving, hiding, deleting and dead letters: S05 to S16."""

import json
from collections.abc import Iterator

from botocore.exceptions import ClientError

from .endpoint import Endpoint
from .probe import CannotAsk, Fact, fact, probe, probes_in
from .queues import ACCEPTED, HIDDEN_S, MARGIN_S, ProbedQueue, Refused, creation, queue

__all__ = ["PROBES"]

INVALID = "InvalidParameterValue"
UNKNOWN = "ReceiptHandleIsInvalid"
TWELVE_HOURS_S = 43_200
RETENTION_S = 60
MOVED_WITHIN_S = 10
Facts = Iterator[Fact]


@probe("S05-hidden", aws="a received message is hidden until its visibility timeout ends, then it comes again")
def _hidden(at: Endpoint) -> Facts:
    with queue(at, VisibilityTimeout="2") as q:
        q.send("a")
        yield fact("the first receive", q.bodies(), ["a"])
        yield fact("a receive while it is hidden", q.bodies(), [])
        at.wait(2 + MARGIN_S)
        yield fact("a receive after that", q.bodies(), ["a"])


@probe("S05-most", aws="a visibility timeout is 43,200 s at most")
def _longest(at: Endpoint) -> Facts:
    with queue(at) as q:
        for seconds, aws in ((TWELVE_HOURS_S, ACCEPTED), (TWELVE_HOURS_S + 1, INVALID)):
            yield fact(f"a receive with {seconds:,} s", q.outcome("receive_message", VisibilityTimeout=seconds), aws)


@probe("S05-negative", aws="a visibility timeout is 0 to 43,200 s")
def _negative(at: Endpoint) -> Facts:
    with queue(at) as q:
        q.send("a")
        handle = q.handle()
        change = q.outcome("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=-1)
        yield fact("a change to -1 s", change, INVALID)
        yield fact("a receive with -1 s", q.outcome("receive_message", VisibilityTimeout=-1), INVALID)


@probe("S06-now", aws="a change counts from now on, and 0 makes visible at once")
def _from_now(at: Endpoint) -> Facts:
    with queue(at) as q:
        q.send("a")
        handle = q.handle(VisibilityTimeout=30)
        q.outcome("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=0)
        at.wait(0.1)
        yield fact("a receive after a change to 0", q.bodies(VisibilityTimeout=30), ["a"])
    with queue(at) as q:
        q.send("a")
        handle = q.handle(VisibilityTimeout=HIDDEN_S)
        q.outcome("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=30)
        at.wait(HIDDEN_S + MARGIN_S)
        yield fact("a receive when the first timeout would have ended", q.bodies(), [])


@probe("S06-limit", aws="12 hours count from the receive")
def _twelve_hours(at: Endpoint) -> Facts:
    with queue(at) as q:
        q.send("a")
        at.wait(3)
        handle = q.handle()
        change = q.outcome("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=TWELVE_HOURS_S - 1)
        yield fact("a change to 12 hours but a second, 3 s after the send and just after the receive", change, ACCEPTED)


@probe("S06-receipt", aws="a change acts on the receipt that it names, while the message is in flight")
def _old_receipt(at: Endpoint) -> Facts:
    with queue(at) as q:
        q.send("a")
        handle = q.hide()
        q.outcome("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=30)
        yield fact("a receive after a change by a receipt that is over", q.bodies(), ["a"])


@probe("S06-gone", aws="for a message that is gone the answer is InvalidParameterValue")
def _changed_when_gone(at: Endpoint) -> Facts:
    with queue(at) as q:
        q.send("a")
        handle = q.handle()
        q.outcome("delete_message", ReceiptHandle=handle)
        change = q.outcome("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=1)
        yield fact("a change of a message that was deleted", change, INVALID)


@probe("S06-batch", aws="in a batch, a change beyond 12 hours fails by itself")
def _twelve_hours_in_a_batch(at: Endpoint) -> Facts:
    with queue(at) as q:
        q.send("a")
        handle = q.handle()
        at.wait(3)
        entry = {"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": TWELVE_HOURS_S}
        outcomes = q.outcomes("change_message_visibility_batch", entry)
        yield fact("a change to 12 hours, 3 s after the receive", outcomes, {"a": INVALID})


@probe("S07-count", aws="every receive raises the receive count, and the time of the first receive is kept")
def _receive_count(at: Endpoint) -> Facts:
    with queue(at) as q:
        q.send("a")
        first = q.one(VisibilityTimeout=HIDDEN_S)
        at.wait(HIDDEN_S + MARGIN_S)
        second = q.one()
        counts = [message["Attributes"]["ApproximateReceiveCount"] for message in (first, second)]
        times = {message["Attributes"]["ApproximateFirstReceiveTimestamp"] for message in (first, second)}
        yield fact("receive counts", counts, ["1", "2"])
        yield fact("the time of the first receive is the same", len(times) == 1, True)


@probe("S08-new", aws="each receive gives a new receipt handle, and an old one deletes from a standard queue")
def _new_handle(at: Endpoint) -> Facts:
    with queue(at) as q:
        q.send("a")
        old = q.hide()
        new = q.handle(VisibilityTimeout=HIDDEN_S)
        yield fact("the second receipt handle is another", old != new, True)
        yield fact("deleting with the old one", q.outcome("delete_message", ReceiptHandle=old), ACCEPTED)
        at.wait(HIDDEN_S + MARGIN_S)
        yield fact("a receive after that", q.bodies(), [])


@probe("S08-status", aws="ReceiptHandleIsInvalid is HTTP 404")
def _status(at: Endpoint) -> Facts:
    with queue(at) as q:
        refused = q.ask("delete_message", ReceiptHandle="unknown")
        seen = f"{refused.code} {refused.status}" if isinstance(refused, Refused) else ACCEPTED
        yield fact("an unknown receipt handle", seen, f"{UNKNOWN} 404")


@probe("S08-expired", aws="on FIFO an expired receipt handle does not delete")
def _expired(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        q.send("a")
        handle = q.hide()
        outcome = q.outcome("delete_message", ReceiptHandle=handle)
        yield fact("deleting with an expired receipt handle", outcome, INVALID)


@probe("S08-foreign", aws="a receipt handle is of one queue")
def _foreign(at: Endpoint) -> Facts:
    with queue(at, redrive_after=1) as q:
        handle = q.dead_letter()
        outcome = q.outcome("delete_message", QueueUrl=q.dead, ReceiptHandle=handle)
        yield fact("deleting a dead letter with a receipt handle of its source queue", outcome, UNKNOWN)


@probe("S09-twice", aws="deleting a message twice succeeds")
def _twice(at: Endpoint) -> Facts:
    with queue(at) as q:
        q.send("a")
        handle = q.handle()
        for what in ("deleting", "deleting again"):
            yield fact(what, q.outcome("delete_message", ReceiptHandle=handle), ACCEPTED)


@probe("S09-gone", aws="deleting a message that was moved or purged succeeds")
def _deleted_when_moved(at: Endpoint) -> Facts:
    with queue(at, redrive_after=1) as q:
        handle = q.dead_letter()
        outcome = q.outcome("delete_message", ReceiptHandle=handle)
        yield fact("deleting a message that is a dead letter by now", outcome, ACCEPTED)


@probe("S10-moved", aws="after maxReceiveCount deliveries the next receive moves the message, whose id stays")
def _moved(at: Endpoint) -> Facts:
    with queue(at, redrive_after=2) as q:
        sent = q.send("a")
        for number in ("first", "second"):
            yield fact(f"the {number} receive", q.bodies(VisibilityTimeout=HIDDEN_S), ["a"])
            at.wait(HIDDEN_S + MARGIN_S)
        yield fact("dead letters before the third", q.bodies(QueueUrl=q.dead, VisibilityTimeout=0), [])
        yield fact("the third receive", q.bodies(), [])
        dead = q.receive(QueueUrl=q.dead)
        yield fact("dead letters", [message["Body"] for message in dead], ["a"])
        yield fact("the message id stays", [m["MessageId"] for m in dead] == [sent["MessageId"]], True)


@probe("S10-range", aws="maxReceiveCount is 1 to 1,000")
def _max_receive_count(at: Endpoint) -> Facts:
    with queue(at) as q:
        for count, aws in ((0, "refused"), (1, ACCEPTED), (1_000, ACCEPTED), (1_001, "refused")):
            policy = json.dumps({"deadLetterTargetArn": q.dead_arn, "maxReceiveCount": count})
            yield fact(f"maxReceiveCount {count:,}", creation(at, RedrivePolicy=policy), aws)


@probe("S11-type", aws="a dead-letter queue is of the type of its source queue")
def _type(at: Endpoint) -> Facts:
    with queue(at) as q:
        policy = json.dumps({"deadLetterTargetArn": q.dead_arn, "maxReceiveCount": 1})
        made = creation(at, fifo=True, RedrivePolicy=policy)
        yield fact("a FIFO queue with a standard dead-letter queue", made, "refused")


def _sent_times(at: Endpoint, *, fifo: bool) -> tuple[int, int]:
    """When a message was sent, as its queue says and then as its dead-letter queue does."""
    with queue(at, fifo=fifo, redrive_after=1) as q:
        q.send("a")
        first = q.one(VisibilityTimeout=HIDDEN_S)
        at.wait(HIDDEN_S + MARGIN_S)
        q.receive()
        dead = q.one(QueueUrl=q.dead)
        return int(first["Attributes"]["SentTimestamp"]), int(dead["Attributes"]["SentTimestamp"])


@probe("S11-standard", aws="in a standard dead-letter queue the enqueue time stays")
def _standard_time(at: Endpoint) -> Facts:
    before, after = _sent_times(at, fifo=False)
    yield fact("SentTimestamp is the same", before == after, True)


@probe("S11-fifo", aws="in a FIFO dead-letter queue the enqueue time starts anew")
def _fifo_time(at: Endpoint) -> Facts:
    before, after = _sent_times(at, fifo=True)
    yield fact("SentTimestamp starts anew", after > before, True)


@probe("S12-absent", aws="a message move task redrives a dead-letter queue")
def _redriven(at: Endpoint) -> Facts:
    with queue(at, redrive_after=1) as q:
        q.dead_letter()
        yield fact("a message move task", _started(q), ACCEPTED)


@probe("S12-new", aws="a message that is moved back has a new message id and enqueue time")
def _redriven_anew(at: Endpoint) -> Facts:
    with queue(at, redrive_after=1) as q:
        sent = q.send("a")
        first = q.one(VisibilityTimeout=HIDDEN_S)
        at.wait(HIDDEN_S + MARGIN_S)
        q.receive()
        if _started(q) != ACCEPTED:
            raise CannotAsk("there are no message move tasks")
        for _ in range(MOVED_WITHIN_S):
            back = q.receive()
            if back:
                break
            at.wait(1)
        yield fact("the queue after the redrive", [message["Body"] for message in back], ["a"])
        for message in back:
            yield fact("the message id is new", message["MessageId"] != sent["MessageId"], True)
            times = [int(each["Attributes"]["SentTimestamp"]) for each in (first, message)]
            yield fact("SentTimestamp is new", times[0] < times[1], True)


def _started(q: ProbedQueue) -> str:
    """Start a message move task; whether it was accepted."""
    # Moto in this process raises what its server answers with a status of 5xx.
    try:
        q.at.sqs.start_message_move_task(SourceArn=q.dead_arn)
    except (NotImplementedError, ClientError):
        return "refused"
    return ACCEPTED


@probe("S13-range", aws="retention is 60 to 1,209,600 s")
def _retention_range(at: Endpoint) -> Facts:
    for seconds, aws in ((59, "refused"), (60, ACCEPTED), (1_209_600, ACCEPTED), (1_209_601, "refused")):
        yield fact(f"retention of {seconds:,} s", creation(at, MessageRetentionPeriod=str(seconds)), aws)


@probe("S13-kept", aws="a message is gone when its retention ends", takes_s=65)
def _retention(at: Endpoint) -> Facts:
    with queue(at, MessageRetentionPeriod=str(RETENTION_S)) as q:
        q.send("old")
        at.wait(RETENTION_S / 2)
        q.send("new")
        at.wait(RETENTION_S / 2 + 5)
        yield fact("messages counted", q.counts()[0], 1)
        yield fact("a receive", q.bodies(), ["new"])


@probe("S14-delay", aws="a delayed message, by itself or by its queue, is hidden for so long")
def _delay(at: Endpoint) -> Facts:
    with queue(at, DelaySeconds="2") as q:
        q.send("by the queue")
        q.send("at once", DelaySeconds=0)
        yield fact("a receive at once", q.bodies(), ["at once"])
        at.wait(2 + MARGIN_S)
        yield fact("a receive after the delay", q.bodies(), ["by the queue"])


@probe("S14-most", aws="a delay is 900 s at most, and a message on FIFO has none of its own")
def _longest_delay(at: Endpoint) -> Facts:
    with queue(at) as q:
        for seconds, aws in ((900, ACCEPTED), (901, INVALID)):
            outcome = q.outcome("send_message", MessageBody="a", DelaySeconds=seconds)
            yield fact(f"a delay of {seconds} s", outcome, aws)
    with queue(at, fifo=True) as q:
        outcome = q.outcome("send_message", **q.message("a", DelaySeconds=1))
        yield fact("a delay of 1 s on FIFO", outcome, INVALID)


@probe("S14-negative", aws="a delay is 0 to 900 s")
def _negative_delay(at: Endpoint) -> Facts:
    with queue(at) as q:
        yield fact("a delay of -1 s", q.outcome("send_message", MessageBody="a", DelaySeconds=-1), INVALID)


@probe("S14-fifo", aws="on FIFO the queue's delay holds, a 0 given or not")
def _fifo_delay(at: Endpoint) -> Facts:
    with queue(at, fifo=True, DelaySeconds="10") as q:
        q.send("a", DelaySeconds=0)
        yield fact("a receive of what was sent with a delay of 0 to a queue with one of 10 s", q.bodies(), [])


@probe("S15-limit", aws="at 120,000 messages in flight a short poll is OverLimit and a long poll gives nothing")
def _in_flight(at: Endpoint) -> Facts:
    if not at.virtual:
        raise CannotAsk("it takes 120,000 messages in flight")
    with queue(at, VisibilityTimeout=str(TWELVE_HOURS_S)) as q:
        entries = [{"Id": str(number), "MessageBody": "a"} for number in range(10)]
        for _ in range(12_000):
            q.answer("send_message_batch", Entries=entries)
            q.answer("receive_message", MaxNumberOfMessages=10)
        q.send("b")
        yield fact("one more by short polling", q.outcome("receive_message"), "OverLimit")
        yield fact("one more by long polling", q.bodies(WaitTimeSeconds=1), [])


@probe("S16-range", aws="a receive asks for 1 to 10 messages")
def _receive_range(at: Endpoint) -> Facts:
    with queue(at) as q:
        for number, aws in ((0, INVALID), (1, ACCEPTED), (10, ACCEPTED), (11, INVALID)):
            yield fact(f"MaxNumberOfMessages {number}", q.outcome("receive_message", MaxNumberOfMessages=number), aws)


@probe("S16-most", aws="a receive never gives more than it was asked for, 1 if it was not said")
def _no_more(at: Endpoint) -> Facts:
    with queue(at) as q:
        q.send(*"abcdefghijkl")
        by_default = q.answer("receive_message").get("Messages", [])
        yield fact("a receive that says no number gives one at most", len(by_default) <= 1, True)
        yield fact("a receive of 3 gives 3 at most", len(q.bodies(MaxNumberOfMessages=3)) <= 3, True)


PROBES = probes_in(vars())
