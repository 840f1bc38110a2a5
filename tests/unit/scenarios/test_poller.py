"""The poller against a queue that is a list of answers: batches, deletes, failures of the queue."""

import json
import threading
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from redrive.scenarios.errors import EnvironmentFailed
from redrive.scenarios.poller import Counts, Poller
from redrive.scenarios.queue_calls import QueueCalls
from redrive.simulator import trace
from redrive.simulator.function import Ending, Outcome
from redrive.simulator.mapping_config import MappingConfig

ARN = "arn:aws:sqs:us-east-1:123456789012:orders"
URL = "http://127.0.0.1:1/123456789012/orders"
ALL_DONE = Outcome(ending=Ending.RETURNED, payload="{}")


class Stop(threading.Event):
    """Remembers what it was asked to wait for, and does not wait."""

    def __init__(self):
        super().__init__()
        self.waits_s = []

    def wait(self, timeout=None):
        self.waits_s.append(timeout)
        return self.is_set()


class ScriptedQueue:
    """Answers receives from a list: messages, or an exception to raise. Sets `stop` when the list is used up."""

    def __init__(self, stop, *answers, delete_answers=()):
        self.stop = stop
        self.answers = list(answers)
        self.delete_answers = list(delete_answers)
        self.asked = []
        self.deleted = []
        self.clock_ms = 0

    def receive_message(self, **arguments):
        self.asked.append(arguments)
        answer = self.answers.pop(0) if self.answers else []
        if not self.answers:
            self.stop.set()
        if isinstance(answer, Exception):
            raise answer
        self.clock_ms += 0 if answer else arguments["WaitTimeSeconds"] * 1000
        return {"Messages": answer} if answer else {}

    def delete_message_batch(self, *, QueueUrl, Entries):  # noqa: N803
        assert QueueUrl == URL
        answer = self.delete_answers.pop(0) if self.delete_answers else {}
        if isinstance(answer, Exception):
            raise answer
        self.deleted.append([entry["ReceiptHandle"] for entry in Entries])
        return answer


def message(number, *, receive_count=1):
    return {
        "MessageId": f"id-{number}",
        "ReceiptHandle": f"handle-{number}",
        "Body": f"body {number}",
        "MD5OfBody": f"md5 of {number}",
        "Attributes": {"ApproximateReceiveCount": str(receive_count)},
    }


def messages(*numbers):
    return [message(number) for number in numbers]


def client_error(code, status):
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "X")


def poller(
    queue,
    call=lambda _: ALL_DONE,
    *,
    wait_s=20,
    pauses_s=(1.0, 2.0),
    record=lambda _: None,
    on_discard=lambda _: None,
    interference=None,
    number=None,
    **mapping,
):
    return Poller(
        queue,
        queue_url=URL,
        queue_arn=ARN,
        mapping=MappingConfig(**{"function_timeout_s": 3, "concurrent_batches": 1, **mapping}),
        call=call,
        stop=queue.stop,
        wait_s=wait_s,
        pauses_s=pauses_s,
        now_ms=lambda: queue.clock_ms,
        request_id=lambda: "request-1",
        record=record,
        on_discard=on_discard,
        interference=interference,
        number=number,
    )


def test_E20_function_gets_the_event_of_the_batch_and_a_deadline():
    calls = []
    queue = ScriptedQueue(Stop(), messages(1, 2))
    poller(queue, lambda invocation: calls.append(invocation) or ALL_DONE).run()
    (invocation,) = calls
    assert [record["messageId"] for record in invocation.event["Records"]] == ["id-1", "id-2"]
    assert {record["eventSourceARN"] for record in invocation.event["Records"]} == {ARN}
    assert invocation.event["Records"][0]["md5OfBody"] == "md5 of 1"
    assert (invocation.request_id, invocation.cold) == ("request-1", True)
    assert invocation.deadline_ms - invocation.started_ms == 3000


def test_all_attributes_are_asked_for():
    queue = ScriptedQueue(Stop(), [])
    poller(queue).run()
    assert queue.asked[0]["MessageAttributeNames"] == queue.asked[0]["MessageSystemAttributeNames"] == ["All"]


def test_E10_only_what_succeeded_is_deleted():
    response = json.dumps({"batchItemFailures": [{"itemIdentifier": "id-2"}]})
    queue = ScriptedQueue(Stop(), messages(1, 2, 3))
    under_test = poller(queue, lambda _: Outcome(ending=Ending.RETURNED, payload=response))
    under_test.run()
    assert queue.deleted == [["handle-1", "handle-3"]]
    assert under_test.counts == Counts(invocations=1, deliveries=3, acknowledged=2, failed=1)


@pytest.mark.parametrize("ending", [Ending.RAISED, Ending.TIMED_OUT, Ending.CRASHED])
def test_E06_invocation_that_does_not_return_fails_the_batch(ending):
    queue = ScriptedQueue(Stop(), messages(1, 2))
    under_test = poller(queue, lambda _: Outcome(ending=ending, payload="{}"))
    under_test.run()
    assert queue.deleted == []
    assert under_test.counts == Counts(invocations=1, deliveries=2, failed=2)


def test_call_that_raises_fails_its_batch_and_the_poller_goes_on(caplog):
    def call(invocation):
        if invocation.number == 0:
            raise RuntimeError("no such function")
        return ALL_DONE

    queue = ScriptedQueue(Stop(), messages(1), messages(2))
    under_test = poller(queue, call)
    under_test.run()
    assert queue.deleted == [["handle-2"]]
    assert under_test.counts == Counts(invocations=2, deliveries=2, acknowledged=1, failed=1)
    assert "no such function" in caplog.text


def test_E07_E08_response_is_read_by_the_rules_of_the_mapping():
    unknown = Outcome(ending=Ending.RETURNED, payload='{"batchItemFailures": [{"itemIdentifier": "id-9"}]}')
    for reports, deleted in ((True, []), (False, [["handle-1"]])):
        queue = ScriptedQueue(Stop(), messages(1))
        poller(queue, lambda _: unknown, report_batch_item_failures=reports).run()
        assert queue.deleted == deleted


def test_deletes_go_in_batches_of_ten():
    queue = ScriptedQueue(Stop(), messages(*range(10)), messages(*range(10, 20)), messages(*range(20, 25)), [])
    poller(queue, batch_size=25, batching_window_s=1).run()
    assert [len(batch) for batch in queue.deleted] == [10, 10, 5]
    assert len({handle for batch in queue.deleted for handle in batch}) == 25


def test_E11_entry_that_the_queue_does_not_delete_is_counted_and_told(caplog):
    failed = {"Failed": [{"Id": "1", "Code": "ReceiptHandleIsInvalid", "SenderFault": True}]}
    happened = []
    queue = ScriptedQueue(Stop(), messages(1, 2, 3), delete_answers=[failed])
    under_test = poller(queue, record=happened.append)
    under_test.run()
    assert under_test.counts == Counts(invocations=1, deliveries=3, acknowledged=2, delete_failures=1)
    assert [e.message_id for e in happened if isinstance(e, trace.Deleted)] == ["id-1", "id-3"]
    assert [(e.message_id, e.code) for e in happened if isinstance(e, trace.DeleteRefused)] == [
        ("id-2", "ReceiptHandleIsInvalid")
    ]
    assert "id-2" in caplog.text


def test_refused_delete_request_counts_for_all_its_entries():
    queue = ScriptedQueue(Stop(), messages(1, 2), delete_answers=[client_error("AccessDenied", 403)])
    under_test = poller(queue)
    under_test.run()
    assert under_test.counts == Counts(invocations=1, deliveries=2, delete_failures=2)


def test_what_happens_is_told_in_the_words_of_the_simulator():
    happened = []
    poller(ScriptedQueue(Stop(), [message(1, receive_count=4)]), record=happened.append).run()
    assert [type(event) for event in happened] == [trace.Began, trace.Delivered, trace.Ended, trace.Deleted]
    assert (happened[1].message_id, happened[1].receive_count) == ("id-1", 4)


def test_E02_without_a_window_a_batch_is_what_one_receive_gave():
    sizes = []
    queue = ScriptedQueue(Stop(), messages(1, 2), messages(3))
    poller(queue, lambda invocation: sizes.append(len(invocation.event["Records"])) or ALL_DONE).run()
    assert sizes == [2, 1]


def test_E02_window_collects_until_it_ends_and_waits_no_longer_than_that():
    sizes = []
    queue = ScriptedQueue(Stop(), messages(1, 2), messages(3), [], messages(4), [])
    poller(
        queue,
        lambda invocation: sizes.append(len(invocation.event["Records"])) or ALL_DONE,
        batch_size=100,
        batching_window_s=5,
    ).run()
    assert sizes == [3, 1]
    assert [arguments["WaitTimeSeconds"] for arguments in queue.asked[:3]] == [20, 5, 5]


def test_E02_full_batch_does_not_wait_for_its_window():
    sizes = []
    queue = ScriptedQueue(Stop(), messages(*range(10)), messages(10, 11), [])
    poller(
        queue,
        lambda invocation: sizes.append(len(invocation.event["Records"])) or ALL_DONE,
        batch_size=12,
        batching_window_s=300,
    ).run()
    assert sizes == [12]
    assert [arguments["MaxNumberOfMessages"] for arguments in queue.asked[:2]] == [10, 2]


def test_E24_environment_is_used_again_unless_its_process_is_gone():
    endings = iter([Ending.RAISED, Ending.TIMED_OUT, Ending.RETURNED])
    lent, gone = [], []

    def call(invocation):
        lent.append((invocation.environment, invocation.cold))
        return Outcome(ending=next(endings), payload="{}")

    queue = ScriptedQueue(Stop(), messages(1), messages(2), messages(3))
    poller(queue, call, on_discard=gone.append).run()
    assert lent == [(1, True), (1, False), (2, True)]
    assert gone == [1]


def test_batch_that_was_received_when_stopped_is_finished():
    stop = Stop()
    queue = ScriptedQueue(stop, messages(1))  # sets stop with this answer
    poller(queue, batch_size=10).run()
    assert queue.deleted == [["handle-1"]]


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url=URL),
        ReadTimeoutError(endpoint_url=URL),
        client_error("RequestThrottled", 403),
        client_error("TooManyRequestsException", 429),
        client_error("InternalFailure", 500),
    ],
)
def test_passing_failure_is_tried_again_with_growing_pauses(error, caplog):
    queue = ScriptedQueue(Stop(), error, error, messages(1))
    under_test = poller(queue, pauses_s=(1.0, 2.0, 4.0))
    under_test.run()
    assert queue.stop.waits_s == [1.0, 2.0]
    assert under_test.counts.acknowledged == 1
    assert caplog.text.count("trying again") == 2


def test_pauses_begin_anew_after_an_answer():
    error = EndpointConnectionError(endpoint_url=URL)
    queue = ScriptedQueue(Stop(), error, messages(1), error, messages(2))
    poller(queue, pauses_s=(1.0, 2.0)).run()
    assert queue.stop.waits_s == [1.0, 1.0]


def test_endpoint_that_is_gone_for_good_ends_the_poller_with_one_line():
    error = EndpointConnectionError(endpoint_url=URL)
    queue = ScriptedQueue(Stop(), *[error] * 9)
    with pytest.raises(EnvironmentFailed, match=r"^http://127.* did not answer 3 times in a row.*Could not connect"):
        poller(queue, pauses_s=(1.0, 2.0)).run()
    assert len(queue.asked) == 3
    assert queue.stop.is_set()


@pytest.mark.parametrize(("code", "status"), [("AWS.SimpleQueueService.NonExistentQueue", 400), ("AccessDenied", 403)])
def test_refusal_that_stays_ends_the_poller_at_once(code, status):
    queue = ScriptedQueue(Stop(), client_error(code, status), messages(1))
    with pytest.raises(EnvironmentFailed, match=code):
        poller(queue).run()
    assert queue.stop.waits_s == []


def test_passing_failure_of_a_delete_is_tried_again():
    throttled = client_error("RequestThrottled", 403)
    queue = ScriptedQueue(Stop(), messages(1), [], delete_answers=[throttled, {}])
    under_test = poller(queue)
    queue.answers.append([])  # stops only after the delete
    under_test.run()
    assert queue.deleted == [["handle-1"]]
    assert under_test.counts.delete_failures == 0


def test_stop_ends_the_trying():
    stop = Stop()
    stop.set()
    queue = ScriptedQueue(stop, *[EndpointConnectionError(endpoint_url=URL)] * 9)
    calls = QueueCalls(queue, queue_url=URL, stop=stop)
    assert calls.receive(10, wait_s=20) == []
    assert len(queue.asked) == 1
    queue.delete_answers = [EndpointConnectionError(endpoint_url=URL)]
    assert calls.delete(["handle-1"]) == {0: "NotSent"}


def test_concurrent_batches_are_in_progress_at_once():
    together = threading.Barrier(2, timeout=20)
    lock = threading.Lock()
    stop = threading.Event()
    numbers = iter(range(1, 5))

    class Queue:
        def receive_message(self, **_):
            with lock:
                number = next(numbers, None)
            if number is None:
                stop.set()
                return {}
            return {"Messages": [message(number)]}

        def delete_message_batch(self, **_):
            return {}

    environments = set()

    def call(invocation):
        environments.add(invocation.environment)
        together.wait()
        return ALL_DONE

    under_test = Poller(
        Queue(),
        queue_url=URL,
        queue_arn=ARN,
        mapping=MappingConfig(concurrent_batches=2),
        call=call,
        stop=stop,
    )
    under_test.run()
    assert environments == {1, 2}
    assert under_test.counts == Counts(invocations=4, deliveries=4, acknowledged=4)


def test_what_goes_wrong_as_planned_is_left_to_who_plays_it():
    told, received = [], []
    plays = SimpleNamespace(
        about_to_receive=lambda: told.append("asks"),
        received=received.append,
        lets_begin=lambda invocation, batch: invocation == 7,
        deletes=lambda invocation, message: message["MessageId"] == "id-1",
    )
    queue = ScriptedQueue(Stop(), messages(1, 2), messages(3))
    poller(queue, record=told.append, interference=plays, number=iter([7, 8]).__next__).run()
    assert received == messages(1, 2, 3)
    assert told.count("asks") == len(queue.asked)
    assert [event.invocation for event in told if isinstance(event, trace.Began)] == [7]
    assert queue.deleted == [["handle-2"]]


def test_event_without_records_comes_when_the_function_is_free():
    calls = []
    queue = ScriptedQueue(Stop(), messages(1), [])
    under_test = poller(queue, lambda invocation: calls.append(invocation.event["Records"]) or ALL_DONE)
    under_test.invoke_empty()
    under_test.run()
    assert [len(records) for records in calls] == [0, 1]
    assert queue.deleted == [["handle-1"]]


def test_nothing_is_received_while_it_is_held():
    queue = ScriptedQueue(Stop(), messages(1))
    under_test = poller(queue)
    running = threading.Thread(target=under_test.run)
    with under_test.hold():
        running.start()
        running.join(0.05)
        assert queue.asked == []
    running.join()
    assert len(queue.asked) == 1
