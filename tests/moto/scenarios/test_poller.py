"""The poller on moto's queues in this process. Visibility timeouts pass by moving the clock."""

import io
import threading
from collections import Counter

import pytest
import time_machine

from redrive.fixtures.stacks import moto_stack
from redrive.scenarios.errors import EnvironmentFailed
from redrive.scenarios.in_process_function import InProcessFunction
from redrive.scenarios.poller import Counts, Poller
from redrive.simulator import trace
from redrive.simulator.mapping_config import MappingConfig

VISIBILITY_TIMEOUT_S = 30
MAX_RECEIVE_COUNT = 3


class PatientClient:
    """A client that lets the visibility timeout pass when nothing is visible, and says stop when nothing is left."""

    def __init__(self, sqs, stop, clock):
        self._sqs = sqs
        self._stop = stop
        self._clock = clock

    def receive_message(self, **arguments):
        answer = self._sqs.receive_message(**arguments)
        if not answer.get("Messages"):
            if depth(self._sqs, arguments["QueueUrl"]) == 0:
                self._stop.set()
            self._clock.shift(VISIBILITY_TIMEOUT_S + 1)
        return answer

    def delete_message_batch(self, **arguments):
        return self._sqs.delete_message_batch(**arguments)


def depth(sqs, url):
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))


@pytest.fixture
def clock():
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as travelling:
        yield travelling


@pytest.fixture
def stack(clock):
    with moto_stack(visibility_timeout_s=VISIBILITY_TIMEOUT_S, max_receive_count=MAX_RECEIVE_COUNT) as made:
        yield made


@pytest.fixture
def fifo_stack(clock):
    with moto_stack(fifo=True, visibility_timeout_s=VISIBILITY_TIMEOUT_S) as made:
        yield made


@pytest.fixture
def drain(clock):
    """Polls until the queue is empty, and gives what happened and the counts."""

    def poll(stack, handler, **mapping):
        stop, happened = threading.Event(), []
        function = InProcessFunction(handler, output=io.StringIO())
        poller = Poller(
            PatientClient(stack.client("sqs"), stop, clock),
            queue_url=stack.queue_url,
            queue_arn=stack.queue_arn,
            mapping=MappingConfig(**{"function_timeout_s": 30, "concurrent_batches": 1, **mapping}),
            call=function,
            stop=stop,
            wait_s=0,
            record=happened.append,
            on_discard=function.discard,
        )
        poller.run()
        return happened, poller.counts

    return poll


def send(stack, *bodies, group=None):
    in_group = {} if group is None else {"MessageGroupId": group}
    for body in bodies:
        stack.client("sqs").send_message(QueueUrl=stack.queue_url, MessageBody=body, **in_group)


def bodies_in_dlq(stack):
    answer = stack.client("sqs").receive_message(QueueUrl=stack.dlq_url, MaxNumberOfMessages=10)
    return sorted(message["Body"] for message in answer.get("Messages", ()))


class Worker:
    """A handler that fails the messages whose body it is told to, and remembers what it saw."""

    def __init__(self, *failing):
        self.failing = set(failing)
        self.seen = Counter()
        self.receive_counts = []

    def __call__(self, event, context):
        failed = []
        for record in event["Records"]:
            self.seen[record["body"]] += 1
            self.receive_counts.append((record["body"], record["attributes"]["ApproximateReceiveCount"]))
            if record["body"] in self.failing:
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}


def test_all_messages_are_processed_once(stack, drain):
    bodies = [f"order {number}" for number in range(25)]
    send(stack, *bodies)
    worker = Worker()
    _, counts = drain(stack, worker)
    assert worker.seen == Counter(bodies)
    assert counts.deliveries == counts.acknowledged == 25
    assert counts.invocations == 3
    assert depth(stack.client("sqs"), stack.dlq_url) == 0


def test_S10_poison_is_in_the_dlq_after_exactly_max_receive_count_deliveries(stack, drain):
    send(stack, "good 1", "poison", "good 2")
    worker = Worker("poison")
    happened, counts = drain(stack, worker)
    assert worker.seen == {"good 1": 1, "good 2": 1, "poison": MAX_RECEIVE_COUNT}
    assert [count for body, count in worker.receive_counts if body == "poison"] == ["1", "2", "3"]
    assert bodies_in_dlq(stack) == ["poison"]
    assert counts == Counts(invocations=3, deliveries=5, acknowledged=2, failed=3)
    assert sum(isinstance(event, trace.Deleted) for event in happened) == 2


def test_E10_only_partial_failures_come_again(stack, drain):
    bodies = [f"order {number}" for number in range(10)]
    send(stack, *bodies)

    class OnlyOnce(Worker):
        def __call__(self, event, context):
            response = super().__call__(event, context)
            self.failing = set()  # the second time all is well
            return response

    worker = OnlyOnce("order 3", "order 7")
    _, counts = drain(stack, worker)
    assert worker.seen == {**dict.fromkeys(bodies, 1), "order 3": 2, "order 7": 2}
    assert counts == Counts(invocations=2, deliveries=12, acknowledged=10, failed=2)
    assert bodies_in_dlq(stack) == []


def test_E06_handler_that_raises_fails_its_whole_batch(stack, drain):
    send(stack, "a", "b")
    calls = []

    def handler(event, context):
        calls.append([record["body"] for record in event["Records"]])
        if len(calls) == 1:
            raise RuntimeError("the first time")
        return {}

    _, counts = drain(stack, handler)
    assert calls == [["a", "b"], ["a", "b"]]
    assert counts == Counts(invocations=2, deliveries=4, acknowledged=2, failed=2)


def test_E08_without_partial_responses_a_normal_return_acknowledges_all(stack, drain):
    send(stack, "a", "poison")
    worker = Worker("poison")
    drain(stack, worker, report_batch_item_failures=False)
    assert worker.seen == {"a": 1, "poison": 1}
    assert bodies_in_dlq(stack) == []


def test_E01_batches_are_no_larger_than_the_mapping_says(stack, drain):
    send(stack, *(f"order {number}" for number in range(7)))
    happened, _ = drain(stack, Worker(), batch_size=3)
    assert [event.size for event in happened if isinstance(event, trace.Began)] == [3, 3, 1]


def test_E20_E21_E22_event_is_complete(stack, drain):
    events = []
    stack.client("sqs").send_message(
        QueueUrl=stack.queue_url,
        MessageBody="grüße 🎉",
        MessageAttributes={"trace": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}},
    )
    drain(stack, lambda event, context: events.append(event))
    (record,) = events[0]["Records"]
    assert record["body"] == "grüße 🎉"
    assert record["messageAttributes"]["trace"]["binaryValue"] == "AP8="
    assert record["eventSourceARN"] == stack.queue_arn
    assert {"ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= set(
        record["attributes"]
    )


def test_S18_message_group_waits_behind_a_failure_and_others_do_not(fifo_stack, drain):
    # One at a time: of several messages that become visible together, moto delivers the last one first.
    send(fifo_stack, "a1", "a2", group="a")
    send(fifo_stack, "b1", group="b")
    seen = []

    def handler(event, context):
        (record,) = event["Records"]
        seen.append((record["body"], record["attributes"]["ApproximateReceiveCount"]))
        fails = seen[-1] == ("a1", "1")
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}] if fails else []}

    drain(fifo_stack, handler, batch_size=1)
    assert seen == [("a1", "1"), ("b1", "1"), ("a1", "2"), ("a2", "1")]
    assert bodies_in_dlq(fifo_stack) == []


def test_queue_that_does_not_exist_is_one_clear_error(stack):
    stop = threading.Event()
    poller = Poller(
        stack.client("sqs"),
        queue_url=stack.queue_url.replace("orders", "no-such-queue"),
        queue_arn=stack.queue_arn,
        mapping=MappingConfig(concurrent_batches=1),
        call=lambda _: pytest.fail("nothing to process"),
        stop=stop,
    )
    with pytest.raises(EnvironmentFailed, match=r"no-such-queue.*QueueDoesNotExist|NonExistentQueue"):
        poller.run()


def test_response_that_is_not_json_serializable_fails_the_batch(stack, drain):
    send(stack, "a")
    answers = [object(), {}]
    _, counts = drain(stack, lambda event, context: answers.pop(0))
    assert counts == Counts(invocations=2, deliveries=2, acknowledged=1, failed=1)
