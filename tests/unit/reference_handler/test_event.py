import pytest

from redrive.fixtures import sample_events
from redrive.fixtures.event_builder import MessageAttribute, fifo_record, standard_record
from redrive.reference_handler.event import EventError, Malformed, Record, parse_event

SURROGATE = "\ud800"


def parsed(*records):
    return parse_event({"Records": list(records)})


def content(record):
    (received,) = parsed(record)
    return received.content


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (None, "not an object but NoneType"),
        ([], "not an object but list"),
        ("{}", "not an object but str"),
        ({}, "no Records"),
        ({"Records": None}, "no Records"),
        ({"records": []}, "no Records"),
        ({"Records": {}}, "Records is not a list but dict"),
        ({"Records": "[]"}, "Records is not a list but str"),
        ({"Records": [None]}, r"Records\[0\] is not an object but NoneType"),
        ({"Records": [standard_record("a"), "b"]}, r"Records\[1\] is not an object but str"),
        ({"Records": [{"body": "secret"}]}, r"Records\[0\] has no messageId"),
        ({"Records": [{"messageId": "", "body": "secret"}]}, r"Records\[0\] has no messageId"),
        ({"Records": [{"messageId": 7, "body": "secret"}]}, r"Records\[0\] has no messageId"),
    ],
)
def test_an_event_that_cannot_be_answered_is_refused_as_a_whole(event, problem):
    with pytest.raises(EventError, match=problem) as caught:
        parse_event(event)
    assert "secret" not in str(caught.value)


def test_no_records_are_fine():
    assert parse_event({"Records": []}) == []


def test_everything_of_a_record_is_kept():
    record = standard_record(
        "zażółć \U0001f600\r\n\t",
        receive_count=3,
        message_attributes={
            "text": MessageAttribute.string("x", label="label"),
            "count": MessageAttribute.number("1.50", label="price"),
            "bytes": MessageAttribute.binary(bytes(range(256)), label="png"),
        },
    )
    (received,) = parsed(record)
    assert received.receive_count == 3
    assert received.message_group is received.order_group is None
    read = received.content
    assert isinstance(read, Record)
    assert read.body == record["body"]
    assert read.receipt_handle == record["receiptHandle"]
    assert read.md5_of_body == record["md5OfBody"]
    assert read.md5_of_message_attributes == record["md5OfMessageAttributes"]
    assert read.attributes == record["attributes"]
    assert read.queue_arn == record["eventSourceARN"]
    assert read.aws_region == "us-east-1"
    assert read.message_attributes["text"].string_value == "x"
    assert read.message_attributes["count"].data_type == "Number.price"
    assert read.message_attributes["count"].string_value == "1.50"
    assert read.message_attributes["bytes"].binary_value == bytes(range(256))


def test_list_values_are_kept_though_sqs_does_not_send_them_yet():
    record = standard_record("a")
    record["messageAttributes"] = {
        "names": {"dataType": "String", "stringListValues": ["a", "b"]},
        "blobs": {"dataType": "Binary", "binaryListValues": ["AP8=", ""]},
    }
    attributes = content(record).message_attributes
    assert attributes["names"].string_list_values == ("a", "b")
    assert attributes["blobs"].binary_list_values == (b"\x00\xff", b"")


def test_a_bare_record_is_enough():
    assert content({"messageId": "m", "body": ""}) == Record(message_id="m", body="")
    absent = dict.fromkeys(["attributes", "messageAttributes", "md5OfMessageAttributes", "eventSourceARN"])
    assert content({"messageId": "m", "body": "b", **absent}) == Record(message_id="m", body="b")


def without(record, name):
    return {key: value for key, value in record.items() if key != name}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"body": None}, "body is missing"),
        ({"body": 7}, "body is not a string"),
        ({"body": {"order": 1}}, "body is not a string"),
        ({"body": f"a{SURROGATE}"}, "body has a lone surrogate"),
        ({"receiptHandle": 7}, "receiptHandle is not a string"),
        ({"md5OfBody": []}, "md5OfBody is not a string"),
        ({"md5OfMessageAttributes": {}}, "md5OfMessageAttributes is not a string"),
        ({"eventSource": 1}, "eventSource is not a string"),
        ({"eventSourceARN": ["arn"]}, "eventSourceARN is not a string"),
        ({"awsRegion": SURROGATE}, "awsRegion has a lone surrogate"),
        ({"attributes": []}, "attributes is not an object"),
        ({"attributes": {"SentTimestamp": 1}}, "system attribute 'SentTimestamp' is not a string"),
        ({"attributes": {"SentTimestamp": None}}, "system attribute 'SentTimestamp' is missing"),
        ({"attributes": {SURROGATE: "x"}}, "name of a system attribute has a lone surrogate"),
        ({"messageAttributes": "none"}, "messageAttributes is not an object"),
        ({"messageAttributes": {"a": None}}, "message attribute 'a' is not an object"),
        ({"messageAttributes": {SURROGATE: {}}}, "name of a message attribute has a lone surrogate"),
    ],
)
def test_a_malformed_record_is_told_apart_and_its_values_are_not_repeated(changes, reason):
    before, bad, after = parsed(
        standard_record("a", number=1),
        {**standard_record("b", number=2), **changes},
        standard_record("c", number=3),
    )
    assert isinstance(bad.content, Malformed)
    assert reason in bad.content.reason
    assert before.content.body == "a"
    assert after.content.body == "c"


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        ({}, "dataType of message attribute 'a' is missing"),
        ({"stringValue": "secret"}, "dataType of message attribute 'a' is missing"),
        ({"dataType": 1, "stringValue": "secret"}, "dataType of message attribute 'a' is not a string"),
        ({"dataType": "", "stringValue": "secret"}, "none of String, Number and Binary"),
        ({"dataType": "Strings", "stringValue": "secret"}, "none of String, Number and Binary"),
        ({"dataType": "String"}, "no value of its dataType"),
        ({"dataType": "String", "binaryValue": "AA=="}, "no value of its dataType"),
        ({"dataType": "Binary.png", "stringValue": "secret"}, "no value of its dataType"),
        ({"dataType": "Number", "stringValue": 5}, "stringValue of message attribute 'a' is not a string"),
        ({"dataType": "Binary", "binaryValue": "AP8*="}, "binaryValue of message attribute 'a' is not base64"),
        ({"dataType": "Binary", "binaryValue": "AP8"}, "is not base64"),
        ({"dataType": "Binary", "binaryValue": "AA==AA=="}, "is not base64"),
        ({"dataType": "Binary", "binaryValue": "AA ==\n"}, "is not base64"),
        ({"dataType": "Binary", "binaryValue": "żółć"}, "is not base64"),
        ({"dataType": "Binary", "binaryValue": b"AA=="}, "is not a string"),
        ({"dataType": "String", "stringListValues": "ab"}, "stringListValues of message attribute 'a' is not a list"),
        ({"dataType": "String", "stringListValues": [1]}, "a string list value of message attribute 'a'"),
        ({"dataType": "Binary", "binaryListValues": ["?"]}, "a binary list value of message attribute 'a'"),
    ],
)
def test_a_malformed_message_attribute_makes_its_record_malformed(attribute, reason):
    bad = content({**standard_record("a"), "messageAttributes": {"a": attribute}})
    assert isinstance(bad, Malformed)
    assert reason in bad.reason
    assert "secret" not in bad.reason


def test_a_hostile_name_is_shown_short_and_in_ascii():
    bad = content({**standard_record("a"), "messageAttributes": {"\n\u202e" + "x" * 10_000: {}}})
    assert bad.reason.isascii()
    assert "\n" not in bad.reason
    assert len(bad.reason) < 200


def test_S23_an_unknown_system_attribute_and_unknown_fields_are_no_problem():
    for received in parse_event(sample_events.load("unknown-fields")):
        assert received.content.attributes["AttributeOfTomorrow"] == "1"


@pytest.mark.parametrize(
    "name", sorted(set(sample_events.names()) - {"malformed-no-message-id", "malformed-no-records"})
)
def test_sample_events_are_read(name):
    event = sample_events.load(name)
    records = parse_event(event)
    assert [received.message_id for received in records] == [raw["messageId"] for raw in event["Records"]]
    malformed = [index for index, received in enumerate(records) if isinstance(received.content, Malformed)]
    assert malformed == ([1] if name == "malformed-binary-value" else [])


class TestOrder:
    def test_S18_records_of_a_fifo_queue_are_ordered_by_group(self):
        first, second = parsed(fifo_record("a", "g1"), fifo_record("b", "g2", number=2))
        assert (first.order_group, second.order_group) == ("g1", "g2")

    def test_S21_a_group_on_a_standard_queue_orders_nothing(self):
        (received,) = parsed(standard_record("a", system_attributes={"MessageGroupId": "tenant"}))
        assert received.message_group == "tenant"
        assert received.order_group is None

    def test_group_and_sequence_number_tell_a_fifo_queue_without_its_arn(self):
        (received,) = parsed(without(fifo_record("a", "g1"), "eventSourceARN"))
        assert received.order_group == "g1"

    def test_a_malformed_record_still_has_its_group(self):
        (received,) = parsed({**fifo_record("a", "g1"), "body": None})
        assert isinstance(received.content, Malformed)
        assert received.order_group == "g1"

    @pytest.mark.parametrize("attributes", [None, [], {}, {"MessageGroupId": 7}, {"MessageGroupId": ""}])
    def test_a_record_that_does_not_say_its_group_makes_the_batch_one_group(self, attributes):
        bad = {**fifo_record("b", "g2", number=2), "attributes": attributes}
        groups = {received.order_group for received in parsed(fifo_record("a", "g1"), bad, fifo_record("c", "g3"))}
        assert len(groups) == 1
        assert None not in groups

    @pytest.mark.parametrize("count", ["", "x", "-1", "1" * 5000, "\u0663", 3, None])
    def test_a_receive_count_that_is_none_is_not_known(self, count):
        record = standard_record("a")
        record["attributes"]["ApproximateReceiveCount"] = count
        (received,) = parsed(record)
        assert received.receive_count is None
