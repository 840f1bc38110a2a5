import json

import pytest

from redrive.fixtures.event_builder import MessageAttribute, build_event, standard_record
from redrive.load.observing.replies import Replies, parse_reply
from redrive.load.observing.tally import Tally
from redrive.load.sending.correlation import ATTRIBUTE_NAME
from redrive.reference_handler.event import parse_event
from redrive.reference_handler.items import Fate, Item
from redrive.reference_handler.replies import MARK_ATTRIBUTE, reply_body

RUN = "0f0f0f0f"


def body(*messages, request_id="r1", **more):
    reply = {
        "redrive_reply": 1,
        "request_id": request_id,
        "records": len(messages),
        "duration_ms": 41,
        "cold_start": True,
        "left_out": 0,
        "messages": messages,
    }
    return json.dumps({**reply, **more})


def mark(number, due_at_ms=1_000_000, run=RUN):
    return f"{run}.0.{number}.{due_at_ms}"


@pytest.fixture
def tally():
    return Tally(RUN, ours=lambda _sender, their_ms: their_ms, began_at_ms=0)


@pytest.fixture
def replies(tally):
    return Replies(tally, max_receive_count=3)


def test_reply_tells_the_latencies_of_its_messages(replies, tally):
    reply, latencies_ms = replies.take(
        body([mark(0), "done", 1], [mark(1, 1_000_100), "duplicate", 2], [mark(2), "failed", 1], [None, "done", 1]),
        received_at_ms=1_000_500,
    )
    assert latencies_ms == [500, 400]
    assert (reply.records, reply.duration_ms, reply.cold_start) == (4, 41, True)
    assert tally.processed == 2
    assert (replies.batch_records.max, replies.cold_starts) == (4, 1)
    assert replies.batch_duration.max == pytest.approx(41_000, rel=1e-3)


def test_reply_that_comes_twice_counts_once(replies, tally):
    assert replies.take(body([mark(0), "done", 1]), received_at_ms=1_000_500)
    assert replies.take(body([mark(0), "done", 1]), received_at_ms=1_000_900) is None
    assert (replies.batch_records.count, tally.processed) == (1, 1)


def test_message_that_is_done_twice_counts_once(replies, tally):
    replies.take(body([mark(0), "done", 1]), received_at_ms=1_000_500)
    _, latencies_ms = replies.take(body([mark(0), "duplicate", 2], request_id="r2"), received_at_ms=1_000_900)
    assert latencies_ms == []
    assert (replies.batch_records.count, tally.processed) == (2, 1)


def test_last_failure_of_a_message_settles_it(replies, tally):
    replies.take(body([mark(0), "failed", 2]), received_at_ms=1_000_500)
    assert tally.oldest_due_ms({"0": (1, 0)}) is not None
    replies.take(body([mark(0), "failed", 3], request_id="r2"), received_at_ms=1_000_500)
    assert tally.oldest_due_ms({"0": (1, 0)}) is None
    assert tally.processed == 0


def test_replies_to_other_runs_are_passed_over(replies):
    assert replies.take(body([mark(0, run="ffffffff"), "done", 1]), received_at_ms=1_000_500) is None
    assert (replies.batch_records.count, replies.strange) == (0, 0)


def test_left_out_records_are_counted(replies):
    replies.take(body([mark(0), "done", 1], left_out=12), received_at_ms=1_000_500)
    assert replies.left_out == 12


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "not json",
        "{}",
        "[" * 100_000,
        body(redrive_reply=2),
        body(messages=[["a", "done"]]),
        body(messages=7),
        body(records="many"),
        body(duration_ms=None),
        body([mark(0), "done", 1], duration_ms=float("nan")),
        body([mark(0), "done", 1], duration_ms=float("inf")),
        body([mark(0), "done", 1], duration_ms=10**400),
        body([mark(0), "done", 1], records=float("inf")),
        body([mark(0), "done", float("inf")]),
    ],
)
def test_what_is_no_reply_is_counted_as_strange(replies, text):
    assert parse_reply(text) is None
    assert replies.take(text, received_at_ms=0) is None
    assert replies.strange == 1


def test_the_reference_handlers_own_reply_is_read():
    assert MARK_ATTRIBUTE == ATTRIBUTE_NAME
    (received,) = parse_event(
        build_event([standard_record("{}", message_attributes={MARK_ATTRIBUTE: MessageAttribute.string(mark(5))})])
    )
    items = [Item(index=0, received=received, fate=Fate.PROCESSED)]
    reply = parse_reply(reply_body(items, request_id="r", duration_ms=7, cold_start=False))
    assert [(one.number, outcome, receives) for one, outcome, receives in reply.messages] == [(5, "done", 1)]
