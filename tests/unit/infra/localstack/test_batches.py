"""What the mended poller does to the messages of one poll."""

import base64
import json

import pytest

from redrive.fixtures.event_builder import build_event, build_record
from redrive.infra.localstack.plugins.batches import PAYLOAD_BYTES_MAX, batches_by_size, for_filters, with_lists
from redrive.simulator import event_source

ARN = "arn:aws:sqs:us-east-1:000000000000:orders"
SOURCE = {"eventSourceARN": ARN, "eventSource": "aws:sqs", "awsRegion": "us-east-1"}


def record(body):
    whole = build_record(body=body, queue_arn=ARN, message_id="one", receipt_handle="two", system_attributes={})
    return {name: value for name, value in whole.items() if name not in SOURCE}


def event_bytes(batch):
    event = build_event([{**one, **SOURCE} for one in batch])
    return len(json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode())


def test_limit_is_the_simulators():
    assert PAYLOAD_BYTES_MAX == event_source.PAYLOAD_BYTES_MAX


def test_E02_few_records_are_one_batch():
    records = [record("a"), record("b")]
    assert list(batches_by_size(records, SOURCE)) == [records]
    assert list(batches_by_size([], SOURCE)) == []


@pytest.mark.parametrize("more", [0, 1])
def test_E02_batch_takes_exactly_6_mb(more):
    first = record("a")
    room = PAYLOAD_BYTES_MAX - event_bytes([first, record("b")])
    second = record("b" * (1 + room + more))
    assert event_bytes([first, second]) == PAYLOAD_BYTES_MAX + more
    expected = [[first, second]] if more == 0 else [[first], [second]]
    assert list(batches_by_size([first, second], SOURCE)) == expected


def test_E02_size_counts_bytes_of_utf_8_and_order_is_kept():
    records = [record("é" * 1_000_000 + str(number)) for number in range(7)]
    assert [len(batch) for batch in batches_by_size(records, SOURCE)] == [3, 3, 1]
    assert [one for batch in batches_by_size(records, SOURCE) for one in batch] == records


def test_E02_binary_attribute_counts_as_base64():
    data = b"\x00" * 1_000_001
    text = base64.b64encode(data).decode()
    records = [{"messageId": str(number), "messageAttributes": {"a": {"binaryValue": data}}} for number in range(5)]
    encoded = [{**one, "messageAttributes": {"a": {"binaryValue": text}}} for one in records]
    sizes = [len(batch) for batch in batches_by_size(records, SOURCE)]
    assert sizes == [len(batch) for batch in batches_by_size(encoded, SOURCE)] == [4, 1]


@pytest.mark.parametrize(
    ("body", "seen"),
    [('{"a":1}', {"a": 1}), ('"quoted"', "quoted"), ("null", None), ("plain", "plain"), ("{not", "{not"), ("", "")],
)
def test_E12_filters_see_json_as_data(body, seen):
    one = record(body)
    assert for_filters(one) == {**one, "body": seen}
    assert one["body"] == body


def test_E12_filters_stand_numbers_and_nesting_of_any_size():
    assert for_filters(record("9" * 5_000))["body"] == float("inf")
    assert for_filters(record("9" * 4_300))["body"] == int("9" * 4_300)
    assert for_filters(record("-" + "9" * 4_300))["body"] == float("-inf")
    deep = "[" * 100_000
    assert for_filters(record(deep))["body"] == deep


def test_E21_attributes_have_their_lists():
    plain = {"messageAttributes": {"a": {"stringValue": "x", "dataType": "String"}}}
    lists = {"stringListValues": [], "binaryListValues": []}
    assert with_lists(plain) == {"messageAttributes": {"a": {"stringValue": "x", "dataType": "String", **lists}}}
    assert with_lists({"body": "x"}) == {"body": "x", "messageAttributes": {}}
