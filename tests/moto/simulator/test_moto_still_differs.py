"""Each entry of the table in ``scenarios/parity.py``, shown on queues that are new: what AWS does, and what moto does.

The simulator stands for AWS. When moto mends one of these the test says so, and the entry goes.
"""

from importlib.metadata import version

import pytest

from redrive.scenarios.parity import peer

from .moto_endpoint import simulated_endpoint
from .queue_comparison import Refused
from .queue_requests import Long, changed, text
from .side import Side

MOTO = peer("moto")
OK = "accepted"
INVALID = "InvalidParameterValue"
MISSING = "MissingParameter"
UNKNOWN = "ReceiptHandleIsInvalid"
BATCH = "AWS.SimpleQueueService."
TOO_MANY = f"{BATCH}TooManyEntriesInBatchRequest"
NOT_DISTINCT = f"{BATCH}BatchEntryIdsNotDistinct"
INVALID_ID = f"{BATCH}InvalidBatchEntryId"


def sends(**message):
    return lambda side: side.create().outcome("send_message", **{"MessageBody": "a", **message})


def sends_fifo(**message):
    given = {"MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "1"}
    return lambda side: side.create(fifo=True).outcome("send_message", **changed(given, message))


def batch(method, *entries, fifo=False):
    """How a batch is refused, or else each of its entries."""

    def outcomes(side):
        side.create(fifo=fifo)
        return side.outcomes(method, *entries)

    return outcomes


def send_entries(*ids, **message):
    return [{"Id": entry_id, "MessageBody": "a", **message} for entry_id in ids]


def unknown_entries(*ids, **more):
    return [{"Id": entry_id, "ReceiptHandle": f"unknown {number}", **more} for number, entry_id in enumerate(ids)]


def request_codes(method, *batches):
    """How each batch is refused as a whole, or that it is not."""

    def codes(side):
        side.create()
        return [side.outcome(method, Entries=entries) for entries in batches]

    return codes


ELEVEN = "abcdefghijk"


def attributes_accepted(side):
    side.create()
    given = [
        {f"n{number}": text("1") for number in range(11)},
        *({name: text("1")} for name in ("AWS.n", "amazon.n", ".n", "n.", "n..m", "n" * 257)),
        {"n": text("")},
        {"n": text("one", "Number")},
        {"n": text("1" * 39, "Number")},
    ]
    return {side.outcome("send_message", MessageBody="a", MessageAttributes=attributes) for attributes in given}


def refused_and_enqueued(side):
    refused = side.create().outcome("send_message", MessageBody="a", MessageAttributes={"a b": text("1")})
    return refused, side.count()


def negative_timeouts(side):
    side.create().send("a")
    (handle,) = side.handles()
    return (
        side.outcome("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=-1),
        side.outcome("receive_message", VisibilityTimeout=-1),
    )


def twelve_hours_from(side):
    """A change to 12 hours at the moment of the receive, an hour after the send."""
    side.create().send("a")
    side.passes(3_600_000)
    (handle,) = side.handles()
    return side.outcome("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=43_200)


def hidden_by_an_old_receipt(side):
    side.create().send("a")
    (handle,) = side.handles(VisibilityTimeout=1)
    side.passes(2_000)
    side.outcome("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=30)
    return side.bodies()


def changed_when_gone(side):
    side.create().send("a")
    (handle,) = side.handles()
    side.outcome("delete_message", ReceiptHandle=handle)
    return side.outcome("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=1)


def twelve_hours_in_a_batch(side):
    side.create().send("a")
    (handle,) = side.handles()
    side.passes(10_000)
    entry = {"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": 43_200}
    return side.outcomes("change_message_visibility_batch", entry)


def status_of_an_unknown_receipt(side):
    refused = side.create().ask("delete_message", ReceiptHandle="unknown")
    assert isinstance(refused, Refused)
    return refused


def deleted_when_expired(side):
    side.create(fifo=True).send("a")
    (handle,) = side.handles(VisibilityTimeout=1)
    side.passes(2_000)
    return side.outcome("delete_message", ReceiptHandle=handle)


def dead_letter(side, fifo=False):
    """A message that was moved, with the receipt handle that it had before."""
    side.create(fifo=fifo, redrive_after=1).send("a")
    (handle,) = side.handles(VisibilityTimeout=1)
    side.passes(2_000)
    assert side.bodies() == []
    return handle


def deleted_from_the_dead_letter_queue(side):
    handle = dead_letter(side)
    return side.outcome("delete_message", QueueUrl=side.dead, ReceiptHandle=handle)


def deleted_when_moved(side):
    handle = dead_letter(side)
    return side.outcome("delete_message", ReceiptHandle=handle)


def age_of_a_dead_letter_ms(side):
    dead_letter(side, fifo=True)
    (message,) = side.receive(QueueUrl=side.dead)
    return side.endpoint.now_ms() - int(message["Attributes"]["SentTimestamp"])


def has_its_source(side):
    dead_letter(side)
    (message,) = side.receive(QueueUrl=side.dead)
    return "DeadLetterQueueSourceArn" in message["Attributes"]


def moves_back(side):
    dead_letter(side)
    try:
        side.endpoint.client.start_message_move_task(SourceArn=side.dead_arn)
    except NotImplementedError:
        return "not implemented"
    side.passes(1_000)
    return side.bodies()


def left_after_its_retention(side):
    side.create(MessageRetentionPeriod="60").send("old")
    side.passes(30_000)
    side.send("new")
    side.passes(40_000)
    return side.count(), side.bodies()


def delayed_by_the_queue(side):
    side.create(fifo=True, DelaySeconds="10").send("a", DelaySeconds=0)
    return side.bodies()


def visible_again_together(side):
    side.create(fifo=True).send("a", "b")
    assert side.bodies(VisibilityTimeout=1) == ["a", "b"]
    side.passes(2_000)
    return side.bodies()[0]


def all_of_each_group(side):
    side.create(fifo=True)
    for body in ("g1", "h1"):
        side.send(body, MessageGroupId=body[0])
    assert side.bodies(VisibilityTimeout=1) == ["g1", "h1"]
    side.passes(2_000)
    side.send("g2")
    return sorted(side.bodies())


def one_group_first(side):
    side.create(fifo=True)
    for body in ("g1", "h1", "g2", "h2"):
        side.send(body, MessageGroupId=body[0])
    return side.bodies(MaxNumberOfMessages=2)


def answers_with_the_first(side):
    side.create(fifo=True)
    first, second = (side.send("a") for _ in range(2))
    return first == second


def deduplicated_when_deleted(side):
    side.create(fifo=True).send("a")
    (handle,) = side.handles()
    side.outcome("delete_message", ReceiptHandle=handle)
    side.send("a")
    return side.bodies()


def deduplicated_in_the_group(side):
    side.create(fifo=True, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for group in "gh":
        side.send("a", MessageGroupId=group)
    return side.bodies()


def sequence_numbers_grow(side):
    side.create(fifo=True, ContentBasedDeduplication="true")
    answers = [side.send(str(number), MessageDeduplicationId=None) for number in range(3)]
    numbers = [answer.get("SequenceNumber") for answer in answers]
    return None not in numbers and numbers == sorted(numbers)


def traced_in_a_batch(side):
    trace = {"AWSTraceHeader": text("Root=1")}
    side.create().outcomes("send_message_batch", *send_entries("a", MessageSystemAttributes=trace))
    (message,) = side.receive()
    return message["Attributes"].get("AWSTraceHeader")


def receives_by_attempt(side):
    side.create(fifo=True).send("a")
    return [side.bodies(ReceiveRequestAttemptId="x") for _ in range(2)]


SHOWN = {
    "S01-empty": (sends(MessageBody=""), MISSING, OK),
    "S01-bytes": (sends(MessageBody=Long("é" * 524_289)), INVALID, OK),
    "S01-attributes": (sends(MessageBody=Long("a" * 1_048_576), MessageAttributes={"n": text("1")}), INVALID, OK),
    "S02-entries": (
        batch(
            "send_message_batch",
            *send_entries("a"),
            {"Id": "b", "MessageBody": "a", "MessageAttributes": {"n": text("1", "Text")}},
        ),
        {"a": OK, "b": INVALID},
        INVALID,
    ),
    "S02-ids": (batch("send_message_batch", *send_entries("é")), INVALID_ID, {"é": OK}),
    "S02-size": (
        batch("send_message_batch", *send_entries("a", "b", MessageBody=Long("é" * 300_000))),
        f"{BATCH}BatchRequestTooLong",
        {"a": OK, "b": OK},
    ),
    "S02-delete": (
        request_codes(
            "delete_message_batch",
            unknown_entries(*ELEVEN),
            unknown_entries("a", "a"),
            unknown_entries("a b"),
            [{"Id": entry_id, "ReceiptHandle": "twice"} for entry_id in "ab"],
        ),
        [TOO_MANY, NOT_DISTINCT, INVALID_ID, OK],
        [OK, OK, OK, NOT_DISTINCT],
    ),
    "S02-visibility": (
        request_codes(
            "change_message_visibility_batch",
            [],
            unknown_entries(*ELEVEN, VisibilityTimeout=1),
            unknown_entries("a", "a", VisibilityTimeout=1),
            unknown_entries("a b", VisibilityTimeout=1),
        ),
        [f"{BATCH}EmptyBatchRequest", TOO_MANY, NOT_DISTINCT, INVALID_ID],
        [OK, OK, OK, OK],
    ),
    "S02-group": (
        batch("send_message_batch", *send_entries("a", MessageDeduplicationId="1"), fifo=True),
        INVALID,
        MISSING,
    ),
    "S03-characters": (sends(MessageBody="\x0b"), "InvalidMessageContents", OK),
    "S04-attributes": (attributes_accepted, {INVALID}, {OK}),
    "S04-enqueued": (refused_and_enqueued, (INVALID, 0), (INVALID, 1)),
    "S05-negative": (negative_timeouts, (INVALID, INVALID), (OK, OK)),
    "S06-limit": (twelve_hours_from, OK, INVALID),
    "S06-receipt": (hidden_by_an_old_receipt, ["a"], []),
    "S06-gone": (changed_when_gone, INVALID, UNKNOWN),
    "S06-batch": (twelve_hours_in_a_batch, {"a": INVALID}, INVALID),
    "S08-status": (status_of_an_unknown_receipt, Refused(UNKNOWN, 404), Refused(UNKNOWN, 400)),
    "S08-expired": (deleted_when_expired, INVALID, OK),
    "S08-foreign": (deleted_from_the_dead_letter_queue, UNKNOWN, OK),
    "S09-gone": (deleted_when_moved, OK, UNKNOWN),
    "S11-fifo": (age_of_a_dead_letter_ms, 0, 2_000),
    "S12-absent": (moves_back, ["a"], "not implemented"),
    "S13-kept": (left_after_its_retention, (1, ["new"]), (2, [])),
    "S14-negative": (sends(DelaySeconds=-1), INVALID, OK),
    "S14-fifo": (delayed_by_the_queue, [], ["a"]),
    "S18-order": (visible_again_together, "a", "b"),
    "S18-few": (all_of_each_group, ["g1", "g2", "h1"], ["g1", "h1"]),
    "S18-groups": (one_group_first, ["g1", "g2"], ["g1", "h1"]),
    "S19-first": (answers_with_the_first, True, False),
    "S19-deleted": (deduplicated_when_deleted, [], ["a"]),
    "S19-scope": (deduplicated_in_the_group, ["a", "a"], ["a"]),
    "S19-id": (sends_fifo(MessageDeduplicationId="1 2"), INVALID, OK),
    "S19-standard": (sends(MessageDeduplicationId="1"), INVALID, OK),
    "S20-sequence": (sequence_numbers_grow, True, False),
    "S20-group": (sends_fifo(MessageGroupId="g h"), INVALID, OK),
    "S21-group": (sends(MessageGroupId="g h"), INVALID, OK),
    "S23-source": (has_its_source, True, False),
    "S23-trace": (traced_in_a_batch, "Root=1", None),
    "S24-ignored": (receives_by_attempt, [["a"], ["a"]], [["a"], []]),
    "S24-standard": (lambda side: side.create().outcome("receive_message", ReceiveRequestAttemptId="x"), INVALID, OK),
}
"""By the id of the entry: how to see it, what AWS does, and what moto does."""


def test_every_entry_is_shown():
    assert sorted(SHOWN) == sorted(deviation.id for deviation in MOTO.deviations)


@pytest.mark.parametrize(("shown", "aws", "moto_s"), SHOWN.values(), ids=SHOWN)
def test_moto_still_differs(request, moto, shown, aws, moto_s):
    entry = request.node.callspec.id
    assert shown(Side(simulated_endpoint())) == aws, "the simulator does not do what AWS does"
    seen = shown(Side(moto))
    here = f"moto {version('moto')} (the table: {MOTO.version})"
    assert seen != aws, f"{here} does what AWS does: take {entry} out of scenarios/parity.py and out of this test"
    assert seen == moto_s, f"{here} differs in another way: describe {entry} anew in scenarios/parity.py"
