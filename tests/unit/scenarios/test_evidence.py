"""What a call would do if it were made again, a hash that is the same in every process, and what it changes."""

import datetime as dt
import hashlib
import io
import json
import os
import subprocess
import sys
from decimal import Decimal

import pytest

from redrive.scenarios.evidence import call_of_request, read_call
from redrive.scenarios.evidence_table import RULES, SERVICES, Writing, rule_of
from redrive.scenarios.mentions import Records


def writing(service, operation, **parameters):
    return read_call(service, operation, parameters).writing


def update(expression, **values):
    return writing(
        "dynamodb",
        "UpdateItem",
        TableName="t",
        Key={"id": {"S": "1"}},
        UpdateExpression=expression,
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
    )


ONE = {"N": "1"}


class TestWhatASecondCallWouldDo:
    @pytest.mark.parametrize(
        ("service", "operation", "expected"),
        [
            ("dynamodb", "GetItem", Writing.READS),
            ("dynamodb", "BatchGetItem", Writing.READS),
            ("s3", "HeadObject", Writing.READS),
            ("kms", "GenerateDataKey", Writing.READS),
            ("sts", "AssumeRole", Writing.READS),
            ("dynamodb", "PutItem", Writing.SAME),
            ("dynamodb", "DeleteItem", Writing.SAME),
            ("dynamodb", "BatchWriteItem", Writing.SAME),
            ("s3", "PutObject", Writing.SAME),
            ("sqs", "DeleteMessage", Writing.SAME),
            ("ssm", "PutParameter", Writing.SAME),
            ("sqs", "SendMessage", Writing.ADDS),
            ("sns", "Publish", Writing.ADDS),
            ("eventbridge", "PutEvents", Writing.ADDS),
            ("events", "PutEvents", Writing.ADDS),
            ("kinesis", "PutRecord", Writing.ADDS),
            ("firehose", "PutRecordBatch", Writing.ADDS),
            ("sfn", "StartExecution", Writing.ADDS),
            ("ses", "SendEmail", Writing.ADDS),
            ("lambda", "Invoke", Writing.ADDS),
            ("cloudwatch", "PutMetricData", Writing.TELEMETRY),
            ("monitoring", "PutMetricData", Writing.TELEMETRY),
            ("cloudwatch-logs", "PutLogEvents", Writing.TELEMETRY),
            ("some-new-service", "SendThing", Writing.ADDS),
            ("some-new-service", "DeleteThing", Writing.SAME),
            ("some-new-service", "CreateThing", Writing.UNKNOWN),
        ],
    )
    def test_by_operation(self, service, operation, expected):
        assert writing(service, operation) is expected

    @pytest.mark.parametrize(
        ("service", "operation", "parameters"),
        [
            ("dynamodb", "PutItem", {"ConditionExpression": "attribute_not_exists(id)"}),
            ("dynamodb", "TransactWriteItems", {"ClientRequestToken": "token"}),
            ("s3", "PutObject", {"IfNoneMatch": "*"}),
            ("sqs", "SendMessage", {"QueueUrl": "https://q.fifo", "MessageBody": "b"}),
            ("sqs", "SendMessage", {"MessageDeduplicationId": "1"}),
            ("sqs", "SendMessageBatch", {"QueueUrl": "https://q.fifo"}),
            ("sns", "Publish", {"TopicArn": "arn:aws:sns:eu-west-1:1:t.fifo"}),
            ("sfn", "StartExecution", {"name": "order-1"}),
            ("ecs", "RunTask", {"clientToken": "order-1"}),
        ],
    )
    def test_guarded_by_a_parameter(self, service, operation, parameters):
        assert writing(service, operation) is not Writing.GUARDED
        assert writing(service, operation, **parameters) is Writing.GUARDED

    def test_dry_run_of_a_function_changes_nothing(self):
        assert writing("lambda", "Invoke", InvocationType="DryRun") is Writing.READS

    def test_method_tells_where_the_name_does_not(self):
        assert rule_of("new", "FrobnicateThing", "GET").writing is Writing.READS
        assert rule_of("new", "FrobnicateThing", "POST").writing is Writing.UNKNOWN

    def test_every_rule_has_a_reason(self):
        rules = [*SERVICES.values(), *(rule for service in RULES.values() for rule in service.values())]
        assert [rule for rule in rules if not rule.why] == []


class TestUpdatesOfItems:
    @pytest.mark.parametrize(
        ("expression", "values"),
        [
            ("ADD times :one", {"one": ONE}),
            ("SET times = times + :one", {"one": ONE}),
            (
                "SET body = :body, times = if_not_exists(times, :zero)+:one",
                {"one": ONE, "zero": ONE, "body": {"S": "b"}},
            ),
            ("SET stock = stock - :one", {"one": ONE}),
            ("set seen = list_append(seen, :more)", {"more": {"L": []}}),
            ("REMOVE lease ADD #n :one", {"one": ONE}),
        ],
    )
    def test_adds(self, expression, values):
        assert update(expression, **values) is Writing.ADDS

    @pytest.mark.parametrize(
        ("expression", "values"),
        [
            ("SET body = :body", {"body": {"S": "a + b"}}),
            ("SET times = if_not_exists(times, :one)", {"one": ONE}),
            ("REMOVE lease", {}),
            ("ADD tags :tags", {"tags": {"SS": ["red"]}}),
            ("DELETE tags :tags", {"tags": {"SS": ["red"]}}),
            ("SET #address = :address", {"address": {"S": "1"}}),
        ],
    )
    def test_leaves_the_same_behind(self, expression, values):
        assert update(expression, **values) is Writing.SAME

    def test_in_a_transaction(self):
        add = {"Update": {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": ONE}}}
        put = {"Put": {"Item": {"id": {"S": "1"}}}}
        once = {"Put": {"Item": {"id": {"S": "1"}}, "ConditionExpression": "attribute_not_exists(id)"}}
        assert writing("dynamodb", "TransactWriteItems", TransactItems=[put]) is Writing.SAME
        assert writing("dynamodb", "TransactWriteItems", TransactItems=[put, add]) is Writing.ADDS
        assert writing("dynamodb", "TransactWriteItems", TransactItems=[once, add]) is Writing.GUARDED

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            ('SELECT * FROM "orders"', Writing.READS),
            ("INSERT INTO orders VALUE {'id': '1'}", Writing.GUARDED),
            ("UPDATE orders SET times = times + 1 WHERE id = '1'", Writing.ADDS),
            ("UPDATE orders SET state = 'done' WHERE id = '1'", Writing.SAME),
            ("DELETE FROM orders WHERE id = '1'", Writing.SAME),
        ],
    )
    def test_partiql(self, statement, expected):
        assert writing("dynamodb", "ExecuteStatement", Statement=statement) is expected


class TestHashOfParameters:
    def hash_of(self, **parameters):
        return read_call("s3", "PutObject", parameters).parameters

    def test_order_of_names_does_not_matter_and_values_do(self):
        assert self.hash_of(Bucket="b", Key="k") == self.hash_of(Key="k", Bucket="b")
        assert self.hash_of(Bucket="b", Key="k") != self.hash_of(Bucket="b", Key="l")
        assert self.hash_of(Key="1") != self.hash_of(Key=1)

    def test_file_is_what_is_in_it_and_can_still_be_read(self):
        file = io.BytesIO(b"before, body")
        file.seek(8)
        assert self.hash_of(Body=file) == self.hash_of(Body=b"body")
        assert file.read() == b"body"

    def test_what_can_be_read_but_once_is_left_alone(self):
        read, write = os.pipe()
        os.write(write, b"body")
        os.close(write)
        with os.fdopen(read, "rb", buffering=0) as pipe:
            self.hash_of(Body=pipe)
            assert pipe.read() == b"body"

    @pytest.mark.parametrize("value", [Decimal("1.10"), dt.datetime(2026, 1, 1, tzinfo=dt.UTC), b"\xff\x00"])
    def test_values_that_json_does_not_know(self, value):
        assert self.hash_of(Body=value) == self.hash_of(Body=value)
        assert self.hash_of(Body=value) != self.hash_of(Body="other")

    def test_is_the_same_in_every_process(self):
        code = (
            "from redrive.scenarios.evidence import read_call\n"
            "item = {'id': {'S': '1'}, 'tags': {'SS': list({'red', 'green', 'blue', 'white'})}}\n"
            "print(read_call('dynamodb', 'PutItem', {'TableName': 't', 'Item': item}).parameters)"
        )
        seen = {
            subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for seed in ("1", "2", "3")
        }
        assert len(seen) == 1


class TestTarget:
    def target(self, operation, keys_of_tables=None, **parameters):
        service = "s3" if "Object" in operation else "dynamodb"
        return read_call(service, operation, parameters, keys_of_tables=keys_of_tables).target

    def test_is_the_key_whatever_is_put_there(self):
        one = self.target("PutObject", Bucket="b", Key="k", Body=b"1")
        assert one == self.target("PutObject", Bucket="b", Key="k", Body=b"2")
        assert one != self.target("PutObject", Bucket="b", Key="l", Body=b"1")

    def test_is_in_a_place_of_its_own(self):
        one, two = (self.target("PutObject", Bucket="b", Key=key) for key in "kl")
        assert one.partition(":")[0] == two.partition(":")[0]

    def test_of_an_item_is_by_the_key_of_its_table(self):
        keys = {"t": ("id",)}
        one, two, three = ({"id": {"S": key}, "at": {"N": at}} for key, at in (("1", "5"), ("1", "6"), ("2", "5")))
        assert self.target("PutItem", keys, TableName="t", Item=one) == self.target(
            "PutItem", keys, TableName="t", Item=two
        )
        assert self.target("PutItem", keys, TableName="t", Item=one) != self.target(
            "PutItem", keys, TableName="t", Item=three
        )

    def test_of_an_item_of_a_table_that_nobody_knows_is_not_known(self):
        assert self.target("PutItem", TableName="t", Item={"id": {"S": "1"}}) == ""


class TestRequestsThatAProxySaw:
    def test_json(self):
        body = json.dumps({"TableName": "t", "Key": {"id": {"S": "1"}}, "UpdateExpression": "REMOVE a"}).encode()
        call = call_of_request(
            "dynamodb", "UpdateItem", headers={"Content-Type": "application/x-amz-json-1.0"}, body=body
        )
        asked = {"TableName": "t", "Key": {"id": {"S": "1"}}, "UpdateExpression": "REMOVE a"}
        assert call == read_call("dynamodb", "UpdateItem", asked, method="POST")

    def test_form(self):
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        call = call_of_request(
            "sns", "Publish", headers=headers, body=b"Action=Publish&Message=key-1&TopicArn=arn%3At.fifo"
        )
        assert call.writing is Writing.GUARDED
        assert "key-1" in call.texts

    def test_object(self):
        call = call_of_request(
            "s3", "PutObject", method="PUT", path="/bucket/a/b?x-id=PutObject", body=b"body of key-1"
        )
        assert call.target == read_call("s3", "PutObject", {"Bucket": "bucket", "Key": "a/b"}).target
        assert call.writing is Writing.SAME
        once = call_of_request("s3", "PutObject", method="PUT", path="/bucket/a", headers={"If-None-Match": "*"})
        assert once.writing is Writing.GUARDED

    @pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
    def test_body_that_is_not_what_it_says(self, body):
        headers = {"content-type": "application/json"}
        assert call_of_request("dynamodb", "PutItem", headers=headers, body=body).writing is Writing.SAME


def records(*bodies):
    return Records({"Records": [{"messageId": f"id-{n}", "body": body} for n, body in enumerate(bodies)]})


class TestWhichRecordACallIsFor:
    def about(self, given, **parameters):
        return read_call("dynamodb", "PutItem", parameters).evidence(given).about

    def test_by_its_message_id(self):
        assert self.about(records("a", "b"), Item={"id": {"S": "id-1"}}) == ("id-1",)

    def test_by_its_body(self):
        assert self.about(records("plain one", "plain two"), Item={"body": {"S": "plain two"}}) == ("id-1",)

    def test_by_a_value_of_its_body(self):
        given = records('{"order": {"number": "key-1"}}', '{"order": {"number": "key-2"}}')
        assert self.about(given, Item={"id": {"S": "key-2"}}) == ("id-1",)
        assert self.about(given, Item={"id": {"S": "ORDER#key-2"}}) == ("id-1",)
        assert self.about(given, Key="orders/key-1.json") == ("id-0",)
        assert self.about(given, MessageBody='{"shipped": "key-1"}') == ("id-0",)

    def test_key_that_another_begins_with_is_another(self):
        given = records('{"id": "key-1"}', '{"id": "key-10"}')
        assert self.about(given, Item={"id": {"S": "key-10"}}) == ("id-1",)
        assert self.about(given, Item={"id": {"S": "key-1"}}) == ("id-0",)

    def test_batch_write_is_for_several(self):
        given = records('{"id": "key-1"}', '{"id": "key-2"}', '{"id": "key-3"}')
        entries = [{"MessageBody": "key-3"}, {"MessageBody": "key-1"}]
        assert self.about(given, Entries=entries) == ("id-0", "id-2")

    def test_what_several_bodies_have_says_nothing(self):
        given = records('{"id": "key-1", "state": "new"}', '{"id": "key-2", "state": "new"}')
        assert self.about(given, Item={"state": {"S": "new"}}) == ()

    def test_equal_bodies_are_equally_meant(self):
        assert self.about(records('{"id": "key-1"}', '{"id": "key-1"}'), Key="key-1") == ("id-0", "id-1")

    def test_small_numbers_and_short_words_say_nothing(self):
        assert (
            self.about(records('{"id": "key-1", "n": 1, "to": "me"}'), Item={"n": {"N": "1"}, "to": {"S": "me"}}) == ()
        )

    def test_by_a_word_of_a_body_that_does_not_parse(self):
        assert self.about(records('{"id": "key-1", ', "no key"), Key="key-1") == ("id-0",)

    def test_common_word_is_telling_as_a_whole_and_not_within(self):
        given = records('{"id": "key-1", "kind": "order"}', '{"id": "key-2", "kind": "refund"}')
        assert self.about(given, Key="order") == ("id-0",)
        assert self.about(given, Key="order/key-2") == ("id-1",)

    def test_by_the_hash_of_its_body(self):
        digest = hashlib.sha256(b'{"a": 1}').hexdigest()
        assert self.about(records('{"a": 1}', "other"), Key=f"{digest}.json") == ("id-0",)
        assert self.about(records('{"a": 1}', "other"), Key=hashlib.sha256(b"third").hexdigest()) == ()

    def test_in_a_large_batch(self):
        given = records(*(f'{{"id": "key-{n}"}}' for n in range(5_000)))
        assert self.about(given, Item={"id": {"S": "key-4999"}}) == ("id-4999",)
        assert self.about(given, Item={"id": {"S": "order#key-77"}}) == ("id-77",)

    @pytest.mark.parametrize("event", [{}, {"Records": []}, {"Records": None}, {"Records": [{}]}])
    def test_event_without_records(self, event):
        assert self.about(Records(event), Key="key-1") == ()

    def test_nothing_of_the_parameters_is_kept(self):
        call = read_call("dynamodb", "PutItem", {"TableName": "t", "Item": {"id": {"S": "secret-1"}}})
        assert "secret-1" not in repr(call)
        assert "secret-1" not in repr(call.evidence(records('{"id": "secret-1"}')))
