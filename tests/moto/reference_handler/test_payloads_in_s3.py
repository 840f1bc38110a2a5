"""The handler with a body that is in S3, through the SDK and to its row."""

import hashlib
import json

import pytest

from redrive.fixtures.event_builder import MessageAttribute, build_event, standard_record
from redrive.reference_handler import app
from redrive.reference_handler.proto.sqs_messages_pb2 import SqsMessage
from redrive.scenarios.plan import PointerKind
from redrive.scenarios.pointers import BUCKET, extended_client

THREE_MIB = 3 * 1_048_576


@pytest.fixture
def handler(dynamodb, monkeypatch):
    for name, value in {
        "REDRIVE_SINK": "dynamodb",
        "REDRIVE_TABLE": "orders",
        "REDRIVE_BUSINESS_KEY_POINTER": "/order",
        "REDRIVE_PAYLOAD_BUCKETS": BUCKET,
    }.items():
        monkeypatch.setenv(name, value)
    app._warm_start.cache_clear()
    yield app.lambda_handler
    app._warm_start.cache_clear()


@pytest.fixture
def pointed(aws):
    """A record that points to its body, as the producer's library would send it."""

    def pointed(body, kind=PointerKind.GOOD, number=0):
        size = MessageAttribute.number(len(body.encode()))
        pointer = extended_client()(aws, body, kind)
        return standard_record(pointer, number=number, message_attributes={"ExtendedPayloadSize": size})

    return pointed


def body_of(size_bytes):
    return json.dumps({"order": "A-1", "padding": ""})[:-2].ljust(size_bytes - 2, "x") + '"}'


def test_body_is_in_the_row(handler, pointed, items, lambda_context):
    record = pointed('{"order": "A-1"}')
    assert handler(build_event([record]), lambda_context()) == {"batchItemFailures": []}
    row = items()["A-1"]
    assert row["body"] == '{"order": "A-1"}'
    assert SqsMessage.FromString(row["message"].value).body == '{"order": "A-1"}'


def test_body_that_no_item_takes_stays_in_s3_and_the_row_says_where(handler, pointed, items, aws, lambda_context):
    body = body_of(THREE_MIB)
    assert handler(build_event([pointed(body)]), lambda_context()) == {"batchItemFailures": []}
    row = items()["A-1"]
    assert (row["status"], row["revision"], "body" in row) == ("done", 1, False)
    assert (row["body_bytes"], row["body_sha256"]) == (THREE_MIB, hashlib.sha256(body.encode()).hexdigest())
    bucket, key = row["body_location"].removeprefix("s3://").split("/", 1)
    assert aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode() == body
    message = SqsMessage.FromString(row["message"].value)
    assert not message.HasField("body")
    assert message.md5_of_body == hashlib.md5(body.encode()).hexdigest()


def test_the_same_as_large_in_the_message_fails_alone(handler, items, lambda_context):
    record = standard_record(body_of(410_000))
    answer = handler(build_event([record]), lambda_context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    assert items() == {}


@pytest.mark.parametrize("kind", [PointerKind.MISSING, PointerKind.FOREIGN])
def test_what_is_not_to_be_had_fails_alone_and_is_not_logged(handler, pointed, items, lambda_context, capsys, kind):
    bad, good = pointed('{"order": "secret"}', kind), pointed('{"order": "A-1"}', number=1)
    answer = handler(build_event([bad, good]), lambda_context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": bad["messageId"]}]}
    assert list(items()) == ["A-1"]
    output = capsys.readouterr().out
    assert "secret" not in output
    assert hashlib.sha256(b'{"order": "secret"}').hexdigest() not in output
    assert ("NoSuchKey" if kind is PointerKind.MISSING else "does not name") in output
