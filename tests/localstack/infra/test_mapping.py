"""Messages on their way through LocalStack's own mapping: where it would differ from AWS, the plugin mends it."""

import hashlib
import json

import pytest

# Writes each body that it gets into the table, with its record and the number of records that came with it.
EFFECTS = """
import boto3
table = boto3.resource("dynamodb").Table("effects")

def handler(event, context):
    failures = []
    for record in event["Records"]:
        body = record["body"]
        if body.startswith("poison"):
            failures.append({"itemIdentifier": record["messageId"]})
        elif body.startswith("raise"):
            raise ValueError(body)
        elif body.startswith("hang"):
            time.sleep(60)
        elif body.startswith("exit"):
            os._exit(1)
        else:
            key = record["messageId"] + "/" + record["attributes"]["ApproximateReceiveCount"]
            fixed = {"records": len(event["Records"]), "record": json.dumps({**record, "body": body[:10_000]})}
            table.put_item(Item={"business_key": key, **fixed})
    return {"batchItemFailures": failures}
"""


@pytest.fixture
def effects(localstack_aws):
    """What the function has written: the record of each delivery that had an effect, in no order."""
    key = {"AttributeName": "business_key"}
    localstack_aws.client("dynamodb").create_table(
        TableName="effects",
        AttributeDefinitions=[{**key, "AttributeType": "S"}],
        KeySchema=[{**key, "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table = localstack_aws.resource("dynamodb").Table("effects")

    def read():
        items = table.scan(ConsistentRead=True)["Items"]
        return [{**json.loads(item["record"]), "records": int(item["records"])} for item in items]

    return read


def deliveries(recorder, message_id):
    """The receive counts with which the function was given a message."""
    records = [record for call in recorder.of("/began") for record in call["event"]["Records"]]
    return [
        int(record["attributes"]["ApproximateReceiveCount"]) for record in records if record["messageId"] == message_id
    ]


def test_S10_poison_goes_to_the_dlq_with_its_id_after_exactly_its_deliveries(
    function, queue, mapping, recorder, effects, eventually
):
    its = queue(visibility_timeout_s=1, max_receive_count=3)
    poison, good = its.send("poison"), its.send("good")
    mapping(its, function(EFFECTS, timeout_s=1, variables=recorder.variables))
    assert eventually(its.dead) == {poison: "poison"}
    assert deliveries(recorder, poison) == [1, 2, 3]
    assert deliveries(recorder, good) == [1]
    assert [record["messageId"] for record in effects()] == [good]
    eventually(lambda: its.left() == 0)


BODIES = (
    '{"a":1}',
    '{"a": 1,  "b":[1.0, 1e2]}',
    '"quoted"',
    "9" * 5_000,
    '"\\u00e9"',
    "é 😀",
    "[]",
    "null",
    "{not json",
)


def test_E22_bodies_arrive_byte_for_byte(function, queue, mapping, effects, eventually):
    its = queue()
    sent = {its.send(body): body for body in BODIES}
    mapping(its, function(EFFECTS))
    found = eventually(lambda: len(effects()) == len(BODIES) and effects())
    assert {record["messageId"]: record["body"] for record in found} == sent
    for record in found:
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()
    eventually(lambda: its.left() == 0)


@pytest.mark.parametrize("body", ["raise", "exit"])
def test_fifo_group_that_fails_leaves_the_others_alone(function, queue, mapping, recorder, effects, eventually, body):
    its = queue(fifo=True, visibility_timeout_s=6, max_receive_count=1)
    sent = {
        group: its.send(text, MessageGroupId=group, MessageDeduplicationId=group)
        for group, text in {"first": body, "second": "good", "third": "good too"}.items()
    }
    mapping(its, function(EFFECTS, timeout_s=1, variables=recorder.variables))
    assert eventually(its.dead) == {sent["first"]: body}
    assert {record["messageId"] for record in effects()} == {sent["second"], sent["third"]}
    assert [deliveries(recorder, message_id) for message_id in sent.values()] == [[1], [1], [1]]


def test_fifo_groups_that_hang_do_not_keep_another_until_its_visibility_timeout(
    function, queue, mapping, recorder, effects, eventually
):
    its = queue(fifo=True, visibility_timeout_s=16, max_receive_count=1)
    # One after the other they would take 20 s.
    hanging = {its.send("hang", MessageGroupId=f"{n}", MessageDeduplicationId=f"{n}"): "hang" for n in range(4)}
    good = its.send("good", MessageGroupId="good", MessageDeduplicationId="good")
    mapping(its, function(EFFECTS, timeout_s=5, variables=recorder.variables))
    eventually(lambda: its.left() == 0, within_s=60)
    assert [record["messageId"] for record in effects()] == [good]
    assert eventually(lambda: len(its.dead()) == 4 and its.dead()) == hanging
    assert deliveries(recorder, good) == [1]


def test_E02_event_is_6_mb_at_most(function, queue, mapping, recorder, effects, eventually):
    its = queue(visibility_timeout_s=30)
    for number in range(8):
        its.send(str(number) * 1_048_576)
    mapping(its, function(EFFECTS, timeout_s=20, variables=recorder.variables))
    eventually(lambda: len(effects()) == 8, within_s=60)
    events = [call["event"] for call in recorder.of("/began")]
    sizes = [len(json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()) for event in events]
    assert max(sizes) <= 6_291_456
    assert [record["messageId"] for event in events for record in event["Records"]]
    assert sorted(len(event["Records"]) for event in events) == [3, 5]
    assert {record["attributes"]["ApproximateReceiveCount"] for record in effects()} == {"1"}


def test_E11_lost_deletion_gives_a_second_delivery(function, queue, mapping, recorder, effects, eventually):
    its = queue(visibility_timeout_s=2, max_receive_count=5)
    lost, other = its.send("lost"), its.send("other")
    recorder.lose.append(lost)
    mapping(its, function(EFFECTS, timeout_s=1, variables=recorder.variables))
    eventually(lambda: len(deliveries(recorder, lost)) == 2)
    eventually(lambda: its.left() == 0)
    assert (deliveries(recorder, lost), deliveries(recorder, other)) == ([1, 2], [1])
    assert its.dead() == {}
    assert len(effects()) == 3


def test_E12_filter_reads_json_and_drops_what_does_not_match(function, queue, mapping, recorder, effects, eventually):
    its = queue()
    kept = its.send('{"kind":"order"}')
    for body in ('{"kind":"other"}', "no json", '{"kind":%s}' % ("9" * 5_000)):
        its.send(body)
    pattern = json.dumps({"body": {"kind": ["order"]}})
    mapping(its, function(EFFECTS, variables=recorder.variables), FilterCriteria={"Filters": [{"Pattern": pattern}]})
    eventually(lambda: its.left() == 0)
    assert [(record["messageId"], record["body"]) for record in eventually(effects)] == [(kept, '{"kind":"order"}')]
    assert its.dead() == {}


def test_E07_unknown_item_identifier_fails_the_batch(function, queue, mapping, recorder, eventually):
    its = queue(visibility_timeout_s=1, max_receive_count=1)
    message_id = its.send("any")
    code = 'def handler(event, context): return {"batchItemFailures": [{"itemIdentifier": "another"}]}'
    mapping(its, function(code, timeout_s=1, variables=recorder.variables))
    assert eventually(its.dead) == {message_id: "any"}
    assert [call["ending"] for call in recorder.of("/ended")] == ["returned"]


def test_S23_E21_record_has_the_attributes(function, queue, mapping, effects, eventually):
    its = queue(fifo=True)
    attributes = {
        "text": {"DataType": "String", "StringValue": "é"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff\x01"},
    }
    its.send("good", MessageAttributes=attributes, MessageGroupId="one", MessageDeduplicationId="two")
    mapping(its, function(EFFECTS))
    [record] = eventually(effects)
    assert record["messageAttributes"]["text"] == {
        "stringValue": "é",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "String",
    }
    assert record["messageAttributes"]["bytes"]["binaryValue"] == "AP8B"
    assert record["attributes"]["MessageGroupId"] == "one"
    assert record["attributes"]["MessageDeduplicationId"] == "two"
    assert len(record["attributes"]["SequenceNumber"]) == 20
    assert (record["eventSource"], record["eventSourceARN"]) == ("aws:sqs", its.arn)
