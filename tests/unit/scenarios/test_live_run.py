"""A run in real time against a queue and a deliverer that are scripts: who sends what when, and when it is over."""

import itertools
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from redrive.fixtures.faults import LateVisibility, Overtaken
from redrive.scenarios import Consumer, QueueSpec
from redrive.scenarios.environments.live_queue import DeadLetters, LiveQueue
from redrive.scenarios.environments.live_record import Recorder
from redrive.scenarios.environments.live_run import LiveRun, rest_s
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.simulator import trace
from redrive.simulator.batch_response import BatchVerdict
from redrive.simulator.function import Ending


class Sqs:
    """Takes sends, answers with ids in order, and has whatever dead letters it is told to have."""

    def __init__(self):
        self.made = {}
        self.sent = []
        self.dead = []
        self.asked = []
        self.refuses = set()
        self._ids = itertools.count(1)

    def create_queue(self, *, QueueName, Attributes):  # noqa: N803
        self.made[QueueName] = Attributes
        return {"QueueUrl": QueueName.removesuffix(".fifo")}

    def get_queue_attributes(self, *, QueueUrl, AttributeNames):  # noqa: N803
        return {"Attributes": dict.fromkeys(AttributeNames, f"arn:{QueueUrl}")}

    def send_message(self, **arguments):
        if arguments["MessageBody"] in self.refuses:
            raise ClientError({"Error": {"Code": "InvalidMessageContents", "Message": "no"}}, "SendMessage")
        self.sent.append(arguments)
        return {"MessageId": f"id-{next(self._ids)}"}

    def receive_message(self, **arguments):
        self.asked.append(arguments)
        return {"Messages": list(self.dead)} if self.dead else {}

    def delete_message(self, *, QueueUrl, ReceiptHandle):  # noqa: N803
        self.dead = [message for message in self.dead if message["ReceiptHandle"] != ReceiptHandle]


def queue_of(sqs, *, fifo=False):
    return LiveQueue(
        client=sqs,
        url="queue",
        arn="arn:queue",
        fifo=fifo,
        visibility_timeout_s=3,
        dlq_url="dlq",
        dlq_arn="arn:dlq",
    )


class Deliverer:
    """Deletes what was sent when it is checked on, or `delivers` as it likes."""

    def __init__(self, delivers=None):
        self.delivers = delivers or self.deletes_all
        self.empty_events = 0
        self.ended = False
        self.held = []

    @contextmanager
    def deliver(self, running):
        self.running = running
        yield self
        self.ended = True

    def hold(self):
        self.held.append(len(self.running.recorder.events))
        return nullcontext()

    def invoke_empty(self):
        self.empty_events += 1
        record = self.running.recorder
        number = record.next_invocation()
        record.append(trace.Began(1, number, 1, False, 0))
        record.append(trace.Ended(1, number, Ending.RETURNED, "{}", BatchVerdict.SUCCESS, frozenset(), None))

    def check(self):
        self.delivers(self.running)

    @staticmethod
    def deletes_all(running):
        record = running.recorder
        sent = {event.message_id for event in record.events if isinstance(event, trace.Sent)}
        for message_id in sorted(sent - {event[-1] for event in record.events if isinstance(event, trace.Deleted)}):
            number = record.next_invocation()
            record.append(trace.Began(1, number, 1, number == 0, 1))
            record.append(trace.Delivered(1, number, message_id, 1, "md5"))
            running.look(number)
            record.append(trace.Ended(1, number, Ending.RETURNED, "{}", BatchVerdict.SUCCESS, frozenset(), None))
            record.append(trace.Deleted(1, number, message_id))


def run(plan, deliverer, *, sqs=None, effects=None, **queue):
    sqs = sqs or Sqs()
    consumer = Consumer(handler="json:loads", valid=str, effects=effects, queue=QueueSpec(**queue))
    aws = SimpleNamespace(client={"sqs": sqs}.__getitem__)
    live = LiveRun(plan, consumer, deliverer, aws, name="queue")
    return live.history(), sqs


def messages(*bodies, **fields):
    return tuple(PlannedMessage(key=body, body=body, **fields) for body in bodies)


def test_messages_are_sent_in_order_with_all_that_they_have():
    first = PlannedMessage(key="a", body="a", group="g", deduplication_id="1")
    second = PlannedMessage(key="b", body="b", group="g")
    history, sqs = run(Plan(messages=(first, second), fifo=True), Deliverer())
    assert sqs.sent == [
        {"QueueUrl": "queue", "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "1"},
        {"QueueUrl": "queue", "MessageBody": "b", "MessageGroupId": "g"},
    ]
    assert history.finished
    assert [fate.message_id for fate in history.fates] == ["id-1", "id-2"]
    assert all(fate.acknowledged for fate in history.fates)


def test_refused_send_is_recorded_where_it_may_be_refused_and_ends_the_run_elsewhere():
    sqs = Sqs()
    sqs.refuses = {"bad"}
    history, _ = run(Plan(messages=messages("bad", may_be_refused=True)), Deliverer(), sqs=sqs)
    assert history.fates[0].refused == "InvalidMessageContents"
    deliverer = Deliverer()
    with pytest.raises(ClientError):
        run(Plan(messages=messages("bad")), deliverer, sqs=sqs)


def test_message_that_is_overtaken_is_sent_behind_the_others_of_its_time():
    sent = (*messages("a", "b", "c"), *messages("d", at_ms=1))
    history, sqs = run(Plan(messages=sent, faults=(Overtaken(message=0, by=5),)), Deliverer())
    assert [arguments["MessageBody"] for arguments in sqs.sent] == ["b", "c", "a", "d"]
    assert [fate.message_id for fate in history.fates] == ["id-3", "id-1", "id-2", "id-4"]
    assert history.struck


def test_message_that_is_visible_late_is_sent_with_a_delay():
    late = LateVisibility(message=1, by_ms=1_500)
    history, sqs = run(Plan(messages=messages("a", "b"), faults=(late,)), Deliverer())
    assert [arguments.get("DelaySeconds") for arguments in sqs.sent] == [None, 2]
    assert history.struck


def test_what_is_due_together_is_done_while_nothing_is_received():
    deliverer = Deliverer()
    history, _ = run(Plan(messages=messages("a", "b"), empty_events_at_ms=(0,)), deliverer)
    assert deliverer.held == [0]
    assert [type(event) for event in history.events[:2]] == [trace.Sent, trace.Sent]
    assert deliverer.empty_events == 1
    assert deliverer.ended


def test_effects_are_looked_at_after_each_invocation_and_in_the_end():
    there = iter([["a"], ["a", "b"], ["a"]])
    history, _ = run(Plan(messages=messages("a", "b")), Deliverer(), effects=lambda aws: next(there))
    assert [(effect.invocation, effect.key) for effect in history.effects] == [(0, "a"), (1, "b")]
    assert history.done == {"a"}


def test_what_ended_the_deliveries_is_raised():
    def gone(running):
        raise RuntimeError("the endpoint is gone")

    with pytest.raises(RuntimeError, match="gone"):
        run(Plan(messages=messages("a")), Deliverer(gone))


def test_without_a_dead_letter_queue_it_is_given_up_after_some_deliveries():
    def fails(running):
        running.recorder.append(trace.Delivered(1, 0, "id-1", 1, "md5"))

    def begins(running):
        running.recorder.append(trace.Began(1, 0, 1, True, 1))
        deliverer.delivers = fails

    deliverer = Deliverer(begins)
    history, sqs = run(Plan(messages=messages("a")), deliverer, max_receive_count=None)
    assert not history.finished
    assert sqs.asked == []


def test_patience_grows_with_what_may_have_to_be_waited_for():
    spec = QueueSpec(visibility_timeout_s=3, function_timeout_s=2)
    one = rest_s(Plan(messages=messages("a")), spec)
    many = Plan(messages=messages(*"abcdefghijklmnop"), batch_size=1)
    assert one < rest_s(many, spec)
    assert one < rest_s(Plan(messages=messages("a"), queue_delay_s=9), spec)
    assert one < rest_s(Plan(messages=messages("a"), faults=(LateVisibility(message=0, by_ms=1),)), spec)


def dead(number):
    return {
        "MessageId": f"id-{number}",
        "MD5OfBody": f"md5-{number}",
        "Body": "{",
        "ReceiptHandle": f"handle-{number}",
        "Attributes": {"MessageGroupId": "g"},
        "MessageAttributes": {"a": {"DataType": "String", "StringValue": "b"}},
    }


def watched(*, count=1, fifo=False):
    sqs, record = Sqs(), Recorder()
    for number in range(1, count + 1):
        record.append(trace.Sent(1, number - 1, f"id-{number}", True))
    return sqs, record, DeadLetters(queue_of(sqs, fifo=fifo), record)


def test_dead_letters_are_seen_and_stay_visible():
    sqs, record, letters = watched()
    letters.look()
    assert not record.is_at_rest()
    sqs.dead = [dead(1)]
    letters.look()
    letters.look()
    assert {asked["VisibilityTimeout"] for asked in sqs.asked} == {0}
    assert sum(isinstance(event, trace.DeadLettered) for event in record.events) == 1
    assert sqs.dead


def test_where_there_are_very_many_those_that_are_known_are_hidden():
    sqs, _, letters = watched(count=10)
    sqs.dead = [dead(number) for number in range(1, 11)]
    letters.look()
    assert [asked["VisibilityTimeout"] for asked in sqs.asked] == [0, 2]


def test_moved_back_by_hand_as_they_were_under_new_ids():
    sqs, record, letters = watched(fifo=True)
    sqs.dead = [dead(1)]
    letters.move_back()
    (sent,) = sqs.sent
    assert sent["MessageBody"] == "{"
    assert sent["MessageAttributes"] == dead(1)["MessageAttributes"]
    assert (sent["MessageGroupId"], sent["MessageDeduplicationId"]) == ("g", "id-1")
    assert sqs.dead == []
    assert [type(event) for event in record.events] == [trace.Sent, trace.DeadLettered, trace.Redriven]
