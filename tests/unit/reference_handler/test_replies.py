"""What whoever measures is told of a batch, and that nothing else depends on it."""

import json

import pytest

from redrive.fixtures.event_builder import MessageAttribute, build_event, standard_record
from redrive.reference_handler import app
from redrive.reference_handler.deadline import Deadline
from redrive.reference_handler.items import Fate, Item
from redrive.reference_handler.replies import MESSAGE_BYTES_MAX, SqsReplies, reply_body

MARK = "1f0c77aa.w0.17.1767225600000"
QUEUE_URL = "http://127.0.0.1:1/123456789012/replies"


def marked(body="{}", mark=MARK, **more):
    attributes = {"redrive_load": MessageAttribute.string(mark), "other": MessageAttribute.string("secret value")}
    return standard_record(body, message_attributes=attributes, **more)


def reply_to(items):
    return json.loads(reply_body(items, request_id="request-1", duration_ms=41, cold_start=True))


def deadline(remaining_ms, reserve_ms=1_000):
    return Deadline(remaining_ms=lambda: remaining_ms, reserve_ms=reserve_ms)


class FakeSqs:
    def __init__(self, error=None):
        self.sent = []
        self.error = error

    def send_message(self, **request):
        if self.error is not None:
            raise self.error
        self.sent.append(request)


def replies(sqs):
    return SqsReplies(lambda: sqs, queue_url=QUEUE_URL, call_ms_max=1_500)


def test_a_reply_has_mark_outcome_and_receive_count_of_each_record(world):
    world.sink.failing = frozenset(["bad"])
    done = marked("good", message_id="m0", receive_count=2)
    items = world.run(
        done, done, marked("bad", mark="m.1", message_id="m1", receive_count=3), standard_record("x", number=2)
    )
    assert reply_to(items) == {
        "redrive_reply": 1,
        "request_id": "request-1",
        "records": 4,
        "duration_ms": 41,
        "cold_start": True,
        "left_out": 0,
        "messages": [[MARK, "done", 2], [MARK, "duplicate", 2], ["m.1", "failed", 3], [None, "done", 1]],
    }


def test_a_record_that_goes_back_unprocessed_has_failed_for_whoever_waits_for_it(world):
    (item,) = world.run(marked())
    item.fate = Fate.UNPROCESSED
    assert reply_to([item])["messages"] == [[MARK, "failed", 1]]


def test_neither_body_nor_key_nor_other_attributes_are_told(world):
    body = reply_body(
        world.run(marked("secret body", message_id="secret-id")), request_id="r", duration_ms=1, cold_start=False
    )
    assert "secret" not in body


def test_a_mark_that_is_too_long_or_hostile_harms_nobody(world):
    hostile = 'm"\n\u2028\U0001f600'
    items = world.run(marked(mark="m" * 129, message_id="m0"), marked(mark=hostile, message_id="m1"))
    body = reply_body(items, request_id="r", duration_ms=1, cold_start=False)
    assert body.isascii()
    assert "\n" not in body
    assert [mark for mark, _, _ in json.loads(body)["messages"]] == [None, hostile]


def test_malformed_records_are_told_without_a_mark(world):
    (item,) = world.run({**marked(), "body": 7})
    assert reply_to([item])["messages"] == [[None, "failed", 1]]


def batch_of(count, mark, world):
    (item,) = world.run(marked(mark=mark))
    return [Item(index=index, received=item.received, fate=Fate.DUPLICATE) for index in range(count)]


def test_S01_the_largest_batch_fits_into_a_message(world):
    items = batch_of(10_000, "1f0c77aa.w1234.1234567890.1767225600000", world)
    body = reply_body(items, request_id="r" * 36, duration_ms=900_000, cold_start=False)
    assert len(body) < MESSAGE_BYTES_MAX
    assert json.loads(body)["left_out"] == 0
    assert len(json.loads(body)["messages"]) == 10_000


def test_S01_what_does_not_fit_is_left_out_and_counted(world):
    body = reply_body(batch_of(10_000, "\x7f" * 128, world), request_id="r", duration_ms=1, cold_start=False)
    reply = json.loads(body)
    assert MESSAGE_BYTES_MAX - 2_048 < len(body) <= MESSAGE_BYTES_MAX
    assert reply["left_out"] > 0
    assert reply["left_out"] + len(reply["messages"]) == reply["records"] == 10_000


def test_one_message_is_sent_to_the_queue():
    sqs = FakeSqs()
    assert replies(sqs).send("{}", deadline(30_000)) is None
    assert sqs.sent == [{"QueueUrl": QUEUE_URL, "MessageBody": "{}"}]


def test_a_failure_is_a_reason_that_is_safe_to_log():
    assert replies(FakeSqs(ValueError("secret"))).send("{}", deadline(30_000)) == "ValueError"


@pytest.mark.parametrize(("remaining_ms", "sends"), [(1_999, False), (2_000, True)])
def test_nothing_is_begun_that_could_take_the_time_for_the_answer(remaining_ms, sends):
    sqs = FakeSqs()
    problem = replies(sqs).send("{}", deadline(remaining_ms))  # the call, and half of the reserve
    assert (problem is None, len(sqs.sent)) == (sends, sends)


def test_a_client_that_cannot_be_made_is_a_reason_too():
    def refuse():
        raise KeyError("secret")

    assert SqsReplies(refuse, queue_url=QUEUE_URL, call_ms_max=1_500).send("{}", deadline(30_000)) == "KeyError"


@pytest.fixture
def handler(monkeypatch):
    for name in [name for name in app.os.environ if name.startswith(("REDRIVE_", "AWS_"))]:
        monkeypatch.delenv(name)
    for name, value in {
        "REDRIVE_SINK": "memory",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    app._warm_start.cache_clear()
    yield app.lambda_handler
    app._warm_start.cache_clear()


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_reply_that_cannot_be_sent_is_a_line_in_the_log_and_changes_no_answer(
    handler, monkeypatch, capsys, lambda_context
):
    monkeypatch.setenv("REDRIVE_REPLY_QUEUE_URL", QUEUE_URL)
    bad = {**marked(message_id="m1"), "body": 7}
    answer = handler(build_event([marked(message_id="m0"), bad]), lambda_context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    last = lines(capsys)[-1]
    assert (last["event"], last["level"], last["reason"]) == ("reply", "WARNING", "EndpointConnectionError")


def test_the_handler_replies_once_for_each_invocation(handler, monkeypatch, capsys, lambda_context):
    sqs = FakeSqs()
    monkeypatch.setattr(app, "sqs_client", lambda: sqs)
    monkeypatch.setenv("REDRIVE_REPLY_QUEUE_URL", QUEUE_URL)
    for number in range(2):
        handler(build_event([marked(message_id=f"m{number}")]), lambda_context())
    first, second = (json.loads(request["MessageBody"]) for request in sqs.sent)
    assert (first["cold_start"], second["cold_start"]) == (True, False)
    assert first["request_id"] != second["request_id"]
    assert first["messages"] == second["messages"] == [[MARK, "done", 1]]
    assert {line["event"] for line in lines(capsys)} == {"record", "batch"}


def test_without_the_variable_no_client_is_made(handler, monkeypatch, lambda_context):
    monkeypatch.setattr(app, "sqs_client", lambda: pytest.fail("nobody asked for replies"))
    assert handler(build_event([marked()]), lambda_context()) == {"batchItemFailures": []}
