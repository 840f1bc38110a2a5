"""Handlers that nothing is said of: each bug is found, and no alarm is raised about those that are right.

They make what they need themselves, as there is no ``setup``.
"""

import json
import sys
import textwrap
from collections import Counter

import pytest

from redrive.scenarios.catalogue.metamorphic import SCENARIOS
from redrive.scenarios.cli import main
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.evidence_table import Writing
from redrive.scenarios.judgement import Verdict
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.scenarios.target import handler_of, load_target
from redrive.scenarios.verification import jobs_of, verify_scenario
from redrive.simulator.faults import DuplicateDelivery

pytestmark = pytest.mark.once

AGREEMENT = [scenario.name for scenario in SCENARIOS]
OTHERS = ["happy-path", "duplicate-delivery", "whole-batch-failure", "dependency-lost", "crash-after-effect"]

SHARED = """
    import json, time, uuid
    from functools import cache
    import boto3

    @cache
    def table():
        dynamodb = boto3.resource("dynamodb")
        try:
            dynamodb.create_table(
                TableName="orders",
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        except dynamodb.meta.client.exceptions.ResourceInUseException:
            pass
        return dynamodb.Table("orders")

    @cache
    def sqs():
        return boto3.client("sqs")

    @cache
    def queue_url():
        return sqs().create_queue(QueueName="orders-done")["QueueUrl"]

    def key_of(record):
        return json.loads(record["body"])["id"]

    def put(record):
        table().put_item(Item={"id": key_of(record)})

    def each(event, work):
        failed = []
        for record in event["Records"]:
            try:
                work(record)
            except Exception:
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}
"""

WRONG = {
    "swallows_all_errors": (
        """
        def handler(event, context):
            for record in event["Records"]:
                try:
                    put(record)
                except Exception as error:
                    print("failed", error)
        """,
        {"acknowledged-without-work"},
    ),
    "has_no_table_and_does_not_notice": (
        """
        def handler(event, context):
            for record in event["Records"]:
                try:
                    boto3.resource("dynamodb").Table("nowhere").put_item(Item={"id": key_of(record)})
                except Exception as error:
                    print("failed", error)
        """,
        {"acknowledged-after-failure"},
    ),
    "fails_the_whole_batch_for_one": (
        """
        def handler(event, context):
            for record in event["Records"]:
                put(record)
        """,
        {"outcome-isolated"},
    ),
    "sends_once_more_for_each_delivery": (
        """
        def send(record):
            sqs().send_message(QueueUrl=queue_url(), MessageBody=json.dumps({"done": key_of(record)}))

        def handler(event, context):
            return each(event, send)
        """,
        {"unconditional-write-twice"},
    ),
    "counts_each_delivery": (
        """
        def count(record):
            table().update_item(
                Key={"id": key_of(record)},
                UpdateExpression="SET seen_at = :now ADD times :one",
                ExpressionAttributeValues={":one": 1, ":now": int(time.time())},
            )

        def handler(event, context):
            return each(event, count)
        """,
        {"unconditional-write-twice"},
    ),
    "makes_up_a_key": (
        """
        def insert(record):
            table().put_item(Item={"id": str(uuid.uuid4()), "order": key_of(record)})

        def handler(event, context):
            return each(event, insert)
        """,
        {"unconditional-write-twice"},
    ),
    "reports_only_the_last_failure": (
        """
        def handler(event, context):
            failed = each(event, put)["batchItemFailures"]
            return {"batchItemFailures": failed[-1:]}
        """,
        {"failure-kept", "order-indifferent"},
    ),
    "forgets_the_first_record": (
        """
        def handler(event, context):
            if len(event["Records"]) > 1:
                event["Records"].pop(0)
            return each(event, put)
        """,
        {"acknowledged-without-work"},
    ),
    "failures_of_the_invocation_before": (
        """
        failed = []

        def handler(event, context):
            failed.extend(each(event, put)["batchItemFailures"])
            return {"batchItemFailures": failed}
        """,
        {"warm-as-cold"},
    ),
    "works_while_it_is_cold": (
        """
        seen = set()

        def put_if_new(record):
            kind = type(json.loads(record["body"])).__name__
            if kind not in seen:
                put(record)
                seen.add(kind)

        def handler(event, context):
            return each(event, put_if_new)
        """,
        {"warm-as-cold", "acknowledged-without-work"},
    ),
}

RIGHT = {
    "drops_invalid_input": """
        def valid_key(record):
            try:
                key = key_of(record)
                key.encode()
                return key if isinstance(key, str) else None
            except (ValueError, KeyError, TypeError, AttributeError):
                return None

        def work(record):
            key = valid_key(record)
            if key:
                table().put_item(Item={"id": key})

        def handler(event, context):
            return each(event, work)
    """,
    "puts_on_condition_and_then_sends": """
        def work(record):
            key = key_of(record)
            row = table().get_item(Key={"id": key}, ConsistentRead=True).get("Item", {})
            if row.get("sent"):
                return
            try:
                table().put_item(Item={"id": key}, ConditionExpression="attribute_not_exists(id)")
            except table().meta.client.exceptions.ConditionalCheckFailedException:
                pass
            sqs().send_message(QueueUrl=queue_url(), MessageBody=json.dumps({"done": key}))
            table().update_item(
                Key={"id": key}, UpdateExpression="SET sent = :yes", ExpressionAttributeValues={":yes": True}
            )

        def handler(event, context):
            return each(event, work)
    """,
    "puts_with_the_time": """
        def work(record):
            table().put_item(Item={"id": key_of(record), "at": int(time.time()), "body": record["body"]})

        def handler(event, context):
            return each(event, work)
    """,
    "fails_the_whole_batch_on_purpose": """
        from redrive.scenarios import Consumer, QueueSpec

        def handler(event, context):
            for record in event["Records"]:
                put(record)

        consumer = Consumer(
            handler=f"{__file__}:handler",
            valid=lambda key: json.dumps({"id": key}),
            queue=QueueSpec(report_batch_item_failures=False),
            claims={"idempotent"},
        )
    """,
    "logs_only": """
        def handler(event, context):
            for record in event["Records"]:
                print(record["body"])
    """,
    "counts_its_runs_and_tells_a_metric": """
        def handler(event, context):
            table().update_item(
                Key={"id": "runs"}, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": 1}
            )
            return each(event, put)
    """,
}


@pytest.fixture(scope="module")
def environment():
    with SimulatedEnvironment().running() as running:
        yield running


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a handler's module; what it is called it may be called once."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def write_file(name, code, attribute="handler"):
        path = tmp_path / f"bare_{name}.py"
        path.write_text(textwrap.dedent(SHARED) + textwrap.dedent(code))
        return f"{path}:{attribute}"

    yield write_file
    for name in [name for name in sys.modules if name.startswith("bare_") and name not in before]:
        del sys.modules[name]


def results_of(target, environment, names, **options):
    consumer = load_target(target).consumer
    return [verify_scenario(job, environment, seed=0, **options) for job in jobs_of(consumer, names)]


@pytest.mark.parametrize("name", WRONG)
def test_bug_is_found_without_a_definition(name, write, environment):
    code, expected = WRONG[name]
    asked = [scenario.name for scenario in SCENARIOS if expected & set(scenario.invariants)]
    results = results_of(write(name, code), environment, asked, shrink=False)
    assert {finding.invariant for result in results for finding in result.violations} >= expected


@pytest.mark.parametrize("name", RIGHT)
def test_right_handler_raises_no_alarm(name, write, environment):
    code = RIGHT[name]
    target = write(name, code, "consumer" if "Consumer(" in code else "handler")
    names = [*AGREEMENT, *OTHERS]
    alarms = {
        result.name: [finding.message for finding in result.violations] or result.reason
        for result in results_of(target, environment, names, examples=4, shrink=False)
        if result.verdict in {Verdict.VIOLATED, Verdict.UNKNOWN}
    }
    assert alarms == {}


def test_finding_is_shrunk_to_the_messages_that_matter(write, environment):
    code, _ = WRONG["reports_only_the_last_failure"]
    (result,) = results_of(write("shrunk", code), environment, ["alone-and-among-others"])
    assert [len(finding.plan.messages) for finding in result.violations if finding.invariant == "failure-kept"] == [2]


def test_what_is_dropped_is_said_and_not_held_against_it(write, capsys):
    target = write("dropping", RIGHT["drops_invalid_input"])
    with pytest.raises(SystemExit) as ended:
        main(["verify", target, "--scenario", "alone-and-among-others", "--jobs", "1", "--examples", "6"])
    output = capsys.readouterr().out
    assert ended.value.code == 0, output
    assert "dropped: " in output
    assert "bodies were acknowledged without effect: '0'" in output


def test_body_that_the_handler_does_not_take_is_no_verdict(write, environment):
    code = """
        def work(record):
            table().put_item(Item={"id": json.loads(record["body"])["order_number"]})

        def handler(event, context):
            return each(event, work)
    """
    results = results_of(write("other_body", code), environment, ["alone-and-among-others", "happy-path"], shrink=False)
    verdicts = {result.name: result.verdict for result in results}
    assert verdicts == {"alone-and-among-others": Verdict.UNKNOWN, "happy-path": Verdict.HOLDS}
    (reason,) = [result.reason for result in results if result.reason is not None]
    assert "--body" in reason


class TestWhatIsRecorded:
    CODE = """
        from concurrent.futures import ThreadPoolExecutor

        def work(record):
            key = key_of(record)
            table().put_item(Item={"id": key, "tags": {"red", "green", "blue"}})
            boto3.client("dynamodb").transact_write_items(
                TransactItems=[{"Put": {"TableName": "orders", "Item": {"id": {"S": key}}}}]
            )
            boto3.client("dynamodb").transact_write_items(
                TransactItems=[{"Put": {"TableName": "orders", "Item": {"id": {"S": key}}}}], ClientRequestToken=key
            )

        def handler(event, context):
            with ThreadPoolExecutor(1) as pool:
                list(pool.map(work, event["Records"]))
    """

    @pytest.fixture
    def history(self, write, environment):
        def run(name="recorded"):
            consumer = load_target(write(name, self.CODE)).consumer
            bodies = {key: json.dumps({"id": key}) for key in ("key-1", "key-2")}
            plan = Plan(
                messages=tuple(PlannedMessage(key=key, body=body) for key, body in bodies.items()),
                faults=(DuplicateDelivery(message=0, after_ms=1_000),),
            )
            return environment.run(plan, consumer, handler_of(consumer), seed=1)

        return run

    def test_calls_are_for_their_records_also_from_threads(self, history):
        found = history()
        ids = {fate.message.key: fate.message_id for fate in found.fates}
        puts = [call.about for call in found.called if call.operation == "PutItem"]
        assert puts == [(ids["key-1"],), (ids["key-2"],), (ids["key-1"],)]
        assert [call.about for call in found.called if call.operation == "CreateTable"] == [()]

    def test_the_same_call_has_the_same_hash_and_target(self, history):
        first, other, again = (call for call in history().called if call.operation == "PutItem")
        assert (first.parameters, first.target) == (again.parameters, again.target)
        assert first.parameters != other.parameters
        assert first.target != other.target
        assert first.target.partition(":")[0] == other.target.partition(":")[0]

    def test_token_that_the_sdk_makes_up_is_neither_a_guard_nor_in_the_hash(self, history):
        transactions = [call for call in history().called if call.operation == "TransactWriteItems"]
        assert Counter(call.writing for call in transactions) == {Writing.SAME: 3, Writing.GUARDED: 3}
        made_up = [call.parameters for call in transactions if call.writing is Writing.SAME]
        assert made_up[0] == made_up[2] != made_up[1]

    def test_two_runs_are_alike(self, history):
        assert history("one").digest == history("two").digest

    def test_no_body_and_no_parameter_is_in_it(self, history):
        assert "key-1" not in repr(history().events)
