"""S22, S23, E20, E21 and E22: what the function finds in its event."""

import hashlib
import json
import random
import struct

import pytest

from redrive.fixtures.event_builder import MessageAttribute
from redrive.simulator import Queue, QueueConfig
from redrive.simulator.event_source import record_of as event_record

ATTRIBUTES = {
    "b": MessageAttribute.binary(b"\x00\xff"),
    "a": MessageAttribute.string("text"),
    "n": MessageAttribute.number("1.50", label="price"),
}


def record_of(body="body", *, fifo=False, at_ms=7_000, receives=1, **send):
    """The record of one message, sent at 5,000 ms and received as often as said."""
    queue = Queue(QueueConfig(name="orders", fifo=fifo, visibility_timeout_s=10), rng=random.Random(1))
    queue.send(5_000, body, **send)
    for turn in range(receives):
        received = queue.receive(at_ms + turn * 10_000)
    (delivery,) = received.delivered
    return event_record(delivery, queue_arn=queue.config.arn)


def test_S22_md5_of_the_body_is_over_its_exact_bytes():
    assert record_of("hello")["md5OfBody"] == "5d41402abc4b2a76b9719d911017c592"
    assert record_of("ä\n")["md5OfBody"] == hashlib.md5("ä\n".encode()).hexdigest()


def test_S22_md5_of_message_attributes_is_over_sorted_names_each_part_behind_its_length():
    def part(value):
        return struct.pack(">I", len(value)) + value

    encoded = (
        (part(b"a") + part(b"String") + b"\x01" + part(b"text"))
        + (part(b"b") + part(b"Binary") + b"\x02" + part(b"\x00\xff"))
        + (part(b"n") + part(b"Number.price") + b"\x01" + part(b"1.50"))
    )
    record = record_of(message_attributes=ATTRIBUTES)
    assert record["md5OfMessageAttributes"] == hashlib.md5(encoded).hexdigest()


def test_S23_standard_record_has_four_system_attributes_all_of_them_strings():
    attributes = record_of()["attributes"]
    sender_id = attributes.pop("SenderId")
    assert isinstance(sender_id, str)
    assert attributes == {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "5000",
        "ApproximateFirstReceiveTimestamp": "7000",
    }


def test_S23_receive_count_grows_and_the_first_receive_stays():
    attributes = record_of(receives=3)["attributes"]
    assert attributes["ApproximateReceiveCount"] == "3"
    assert attributes["ApproximateFirstReceiveTimestamp"] == "7000"


def test_S23_fifo_record_adds_sequence_number_group_and_deduplication_id():
    record = record_of(fifo=True, group="g", deduplication_id="d")
    added = record["attributes"].keys() - record_of()["attributes"].keys()
    assert added == {"SequenceNumber", "MessageGroupId", "MessageDeduplicationId"}
    assert record["attributes"]["MessageGroupId"] == "g"
    assert record["attributes"]["MessageDeduplicationId"] == "d"
    assert len(record["attributes"]["SequenceNumber"]) == 20


def test_S23_trace_header_is_a_system_attribute_if_it_was_sent():
    header = "Root=1-5759e988-bd862e3fe1be46a994272793"
    assert record_of(trace_header=header)["attributes"]["AWSTraceHeader"] == header


def test_S23_record_from_a_dead_letter_queue_names_its_source():
    rng = random.Random(1)
    dead_letters = Queue(QueueConfig(name="dead"), rng=rng)
    queue = Queue(
        QueueConfig(name="orders", visibility_timeout_s=10, max_receive_count=1), rng=rng, dead_letters=dead_letters
    )
    queue.send(0, "a")
    queue.receive(0)
    queue.receive(10_000)
    received = dead_letters.receive(20_000).delivered
    record = event_record(received[0], queue_arn=dead_letters.config.arn)
    assert record["attributes"]["DeadLetterQueueSourceArn"] == "arn:aws:sqs:us-east-1:123456789012:orders"
    assert record["attributes"]["ApproximateReceiveCount"] == "2"
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:dead"


def test_S23_each_record_has_the_receive_count_of_its_own_receive():
    queue = Queue(QueueConfig(visibility_timeout_s=10), rng=random.Random(1))
    queue.send(0, "a")
    batch = [*queue.receive(0).delivered, *queue.receive(10_000).delivered]
    records = [event_record(delivery, queue_arn=queue.config.arn) for delivery in batch]
    assert [record["attributes"]["ApproximateReceiveCount"] for record in records] == ["1", "2"]


def test_E20_record_has_exactly_the_fields_of_the_recordings():
    record = record_of()
    assert list(record) == [
        "messageId",
        "receiptHandle",
        "body",
        "attributes",
        "messageAttributes",
        "md5OfBody",
        "eventSource",
        "eventSourceARN",
        "awsRegion",
    ]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:orders"
    assert record["awsRegion"] == "us-east-1"


def test_E20_md5_of_message_attributes_is_there_only_if_there_are_any():
    assert "md5OfMessageAttributes" not in record_of()
    assert "md5OfMessageAttributes" in record_of(message_attributes=ATTRIBUTES)


def test_E20_fifo_queue_arn_ends_in_fifo():
    record = record_of(fifo=True, group="g", deduplication_id="d")
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:orders.fifo"


def test_E21_message_attribute_has_one_value_two_empty_lists_and_its_type():
    assert record_of(message_attributes=ATTRIBUTES)["messageAttributes"] == {
        "a": {"stringValue": "text", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
        "b": {"binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        "n": {"stringValue": "1.50", "stringListValues": [], "binaryListValues": [], "dataType": "Number.price"},
    }


@pytest.mark.parametrize("body", ['{"b": 1,  "a":\t2.0}\n', " ", "\ud7ff\U0001f600\ue000", '"', "\\u0041", "a\r\nb"])
def test_E22_body_arrives_byte_for_byte(body):
    assert record_of(body)["body"] == body
    # And still does after the event has crossed a process boundary.
    assert json.loads(json.dumps(record_of(body)))["body"] == body
