import json

from redrive.fixtures import sample_events
from redrive.fixtures.event_builder import MessageAttribute, standard_record
from redrive.reference_handler.convert import to_message
from redrive.reference_handler.event import Record, parse_event
from redrive.reference_handler.proto.sqs_messages_pb2 import SqsMessage

AT_US = 1_735_775_999_999_999  # the last microsecond of 2025-01-01


def test_every_field_survives_the_wire():
    raw = standard_record(
        "\x00 \u007f zażółć \U0001f600 \r\n",
        message_attributes={
            "text": MessageAttribute.string("\U0001f600", label="emoji"),
            "count": MessageAttribute.number("123456789012345678901234567890.12345678"),
            "bytes": MessageAttribute.binary(bytes(range(256)), label="png"),
        },
    )
    raw["messageAttributes"]["lists"] = {
        "dataType": "String",
        "stringListValues": ["a", ""],
        "binaryListValues": ["AP8="],
    }
    (received,) = parse_event({"Records": [raw]})
    message = SqsMessage.FromString(to_message(received.content, ingested_at_us=AT_US).SerializeToString())
    assert message.message_id == raw["messageId"]
    assert message.receipt_handle == raw["receiptHandle"]
    assert message.body == raw["body"]
    assert message.md5_of_body == raw["md5OfBody"]
    assert message.md5_of_message_attributes == raw["md5OfMessageAttributes"]
    assert dict(message.attributes) == raw["attributes"]
    assert message.queue_arn == raw["eventSourceARN"]
    assert message.aws_region == "us-east-1"
    assert (message.ingested_at, message.ingested_date) == (AT_US, 20_089)
    attributes = message.message_attributes
    assert set(attributes) == {"text", "count", "bytes", "lists"}
    assert (attributes["text"].data_type, attributes["text"].string_value) == ("String.emoji", "\U0001f600")
    assert attributes["count"].string_value == "123456789012345678901234567890.12345678"
    assert (attributes["bytes"].data_type, attributes["bytes"].binary_value) == ("Binary.png", bytes(range(256)))
    assert list(attributes["lists"].string_list_values) == ["a", ""]
    assert list(attributes["lists"].binary_list_values) == [b"\x00\xff"]
    assert not attributes["bytes"].HasField("string_value")
    assert not attributes["text"].HasField("binary_value")


def test_the_day_begins_at_midnight_utc():
    record = Record(message_id="m", body="b")
    days = [to_message(record, ingested_at_us=AT_US + later).ingested_date for later in (0, 1)]
    assert days == [20_089, 20_090]


def test_what_a_record_lacks_the_message_lacks():
    message = to_message(Record(message_id="m", body=""), ingested_at_us=0)
    fields = {field.name for field, _ in message.ListFields()}
    assert fields == {"message_id", "body", "ingested_at", "ingested_date"}


def test_E22_the_bodies_of_all_samples_arrive_byte_for_byte():
    for name in set(sample_events.names()) - {"malformed-no-message-id", "malformed-no-records"}:
        event = json.loads(json.dumps(sample_events.load(name)))
        for raw, received in zip(event["Records"], parse_event(event), strict=True):
            if isinstance(received.content, Record):
                assert to_message(received.content, ingested_at_us=0).body.encode() == raw["body"].encode()
