"""The sink whose write is also the ledger's."""

import pytest

from redrive.reference_handler.convert import to_message
from redrive.reference_handler.deadline import Deadline
from redrive.reference_handler.event import Record
from redrive.reference_handler.ledger.dynamodb import DynamoDBLedger
from redrive.reference_handler.ledger.ledger import Claim
from redrive.reference_handler.proto.sqs_messages_pb2 import SqsMessage
from redrive.reference_handler.sinks.dynamodb import ITEM_BYTES_MAX, DynamoDBSink
from redrive.reference_handler.sinks.sink import COMPLETED, Effect, Row

NOW_MS = 1_735_689_600_123
TIME = Deadline(remaining_ms=lambda: 30_000, reserve_ms=1_000)


@pytest.fixture
def ledger(dynamodb):
    return DynamoDBLedger(dynamodb, table="orders", ttl_s=86_400)


@pytest.fixture
def sink(dynamodb):
    return DynamoDBSink(dynamodb, table="orders")


def row(key="A-1", body="zażółć \U0001f600", group=None):
    record = Record(message_id=f"id of {key}", body=body)
    message = to_message(record, ingested_at_us=NOW_MS * 1_000)
    return Row(business_key=key, message=message, message_group=group)


def claim(ledger, owner, *, at_ms=NOW_MS, key="A-1"):
    return ledger.claim(key, owner=owner, lease_until_ms=at_ms + 10_000, now_ms=at_ms)


def write(sink, one, owner="one"):
    return sink.write([one], owner=owner, deadline=TIME)[one.business_key]


@pytest.mark.parametrize("group", [None, "tenant"])
def test_the_claimed_item_becomes_the_row(ledger, sink, items, group):
    claim(ledger, "one")
    written = row(group=group)
    assert write(sink, written) == COMPLETED
    item = items()["A-1"]
    assert SqsMessage.FromString(item.pop("message").value) == written.message
    assert item.pop("message_group", None) == group
    assert item == {
        "business_key": "A-1",
        "status": "done",
        "owner": "one",
        "message_id": "id of A-1",
        "body": "zażółć \U0001f600",
        "processed_at": "2025-01-01T00:00:00.123000+00:00",
        "revision": 1,
    }


def test_the_row_stays_for_good(ledger, sink):
    claim(ledger, "one")
    write(sink, row())
    assert claim(ledger, "two", at_ms=NOW_MS + 10 * 365 * 86_400_000) is Claim.DONE


def test_without_a_claim_nothing_is_written(sink, items):
    assert write(sink, row()).effect is Effect.FAILED
    assert items() == {}


def test_who_lost_the_lease_writes_nothing(ledger, sink, items):
    claim(ledger, "one")
    claim(ledger, "two", at_ms=NOW_MS + 10_000)
    outcome = write(sink, row())
    assert (outcome.effect, outcome.reason) == (Effect.FAILED, "the lease went to another invocation")
    assert items()["A-1"]["status"] == "in_progress"
    assert write(sink, row(), owner="two") == COMPLETED


def test_who_lost_the_race_does_not_overwrite_the_row(ledger, sink, items):
    claim(ledger, "one")
    claim(ledger, "two", at_ms=NOW_MS + 10_000)
    write(sink, row(body="of two"), owner="two")
    assert write(sink, row(body="of one")).effect is Effect.FAILED
    assert items()["A-1"]["body"] == "of two"
    assert items()["A-1"]["revision"] == 1


def test_a_released_key_is_not_written(ledger, sink, items):
    claim(ledger, "one")
    ledger.release("A-1", owner="one")
    assert write(sink, row()).effect is Effect.FAILED
    assert items() == {}


def test_a_write_whose_answer_was_lost_is_written_once_and_no_failure(ledger, sink, items, lose_answer):
    claim(ledger, "one")
    attempts = lose_answer("UpdateItem")
    assert write(sink, row()) == COMPLETED
    assert attempts == [1, 2]
    assert items()["A-1"]["revision"] == 1


def test_another_message_is_not_taken_for_the_one_that_was_written(ledger, sink, items):
    claim(ledger, "one")
    write(sink, row(body="first"))
    assert write(sink, row(body="second")).effect is Effect.FAILED
    assert items()["A-1"]["body"] == "first"


def test_what_was_written_is_not_released(ledger, sink):
    claim(ledger, "one")
    write(sink, row())
    assert not ledger.release("A-1", owner="one")
    assert claim(ledger, "two") is Claim.DONE


def test_what_an_item_cannot_hold_fails_with_a_reason(ledger, sink, items):
    claim(ledger, "one")
    outcome = write(sink, row(body="x" * (ITEM_BYTES_MAX // 2)))
    assert (outcome.effect, outcome.reason) == (
        Effect.FAILED,
        "larger than an item of DynamoDB can be (400 KB)",
    )
    assert items()["A-1"]["status"] == "in_progress"


def test_what_dynamodb_finds_too_large_is_an_error(ledger, sink, dynamodb):
    claim(ledger, "one")
    just_too_large = row(body="x" * (ITEM_BYTES_MAX // 2 - 50))
    with pytest.raises(dynamodb.exceptions.ClientError, match=r"(?i)size"):
        write(sink, just_too_large)
