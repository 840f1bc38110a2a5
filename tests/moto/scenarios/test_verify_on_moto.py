"""``redrive verify --on moto``: the same scenarios in real time, on the queues of moto's server."""

import json
import os
import subprocess
import sys
import textwrap
import time

import pytest

from redrive.fixtures.faults import (
    CrashAt,
    DependencyDown,
    DuplicateDelivery,
    FailedDelete,
    LateVisibility,
    LostDelete,
    Moment,
    Throttle,
    TimeoutAt,
)
from redrive.scenarios import Consumer, Effect, QueueSpec, Verdict
from redrive.scenarios.environment_kinds import MOTO
from redrive.scenarios.environments.moto import MotoEnvironment
from redrive.scenarios.handler_runtime import HandlerRuntime, RuntimeKind
from redrive.scenarios.history import Called
from redrive.scenarios.place import Place
from redrive.scenarios.plan import Kind, Plan, PlannedMessage
from redrive.scenarios.rogues import ROGUES
from redrive.scenarios.strikes import has_struck
from redrive.scenarios.target import REFERENCE, handler_of, load_target
from redrive.scenarios.verification import jobs_of, verify_scenario
from redrive.simulator import trace
from redrive.simulator.function import Ending

from .effects_table import make_table

pytestmark = pytest.mark.once

ON_MOTO = Place(kind=MOTO)
VISIBILITY_TIMEOUT_S = 1

HANDLER = """
import json, time
import boto3
from botocore.config import Config
table = boto3.resource("dynamodb", config=Config(retries={"total_max_attempts": 1})).Table("effects")

def handler(event, context):
    failed = []
    for record in event["Records"]:
        if record["body"] == "poison":
            failed.append({"itemIdentifier": record["messageId"]})
            continue
        if record["body"] == "sleepy":
            time.sleep(60)
        table.update_item(
            Key={"key": record["body"]}, UpdateExpression="ADD done :one", ExpressionAttributeValues={":one": 1}
        )
    return {"batchItemFailures": failed}
"""


def rows(aws):
    for item in aws.client("dynamodb").scan(TableName="effects")["Items"]:
        yield from [Effect(key=item["key"]["S"])] * int(item["done"]["N"])


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "live_handler.py"
    path.write_text(textwrap.dedent(HANDLER))
    return f"{path}:handler"


@pytest.fixture(scope="module")
def environment():
    with MotoEnvironment().running() as running:
        yield running


@pytest.fixture
def run(environment, target):
    def run_plan(*bodies, max_receive_count=2, group=None, **fields):
        consumer = Consumer(
            handler=target,
            valid=str,
            effects=rows,
            setup=make_table,
            queue=QueueSpec(
                visibility_timeout_s=VISIBILITY_TIMEOUT_S, function_timeout_s=1, max_receive_count=max_receive_count
            ),
        )
        kinds = {"poison": Kind.POISON}
        messages = tuple(
            PlannedMessage(key=body, body=body, kind=kinds.get(body, Kind.VALID), group=group) for body in bodies
        )
        return environment.run(Plan(messages=messages, **fields), consumer, handler_of(consumer), seed=0)

    return run_plan


def events(history, kind):
    return [event for event in history.events if isinstance(event, kind)]


def endings(history):
    return [event.ending for event in events(history, trace.Ended)]


class TestARun:
    def test_what_is_sent_together_comes_in_one_batch_and_is_done(self, run):
        history = run("order-1", "order-2", "order-3")
        assert history.finished
        assert [event.size for event in events(history, trace.Began)] == [3]
        assert history.done == {"order-1", "order-2", "order-3"}
        assert all(fate.acknowledged and fate.receives == 1 for fate in history.fates)
        assert [call.operation for call in history.called] == ["UpdateItem"] * 3
        assert [call.about for call in history.called] == [(fate.message_id,) for fate in history.fates]

    def test_poison_is_dead_lettered_under_its_id_after_exactly_its_receives(self, run):
        history = run("poison", "a")
        fate = history.fates[0]
        assert history.finished
        assert (fate.dead_lettered_after, fate.receives) == (2, 2)
        assert [delivery.receive_count for delivery in fate.deliveries] == [1, 2]
        assert {delivery.message_id for delivery in fate.deliveries} == {fate.message_id}
        assert history.fates[1].receives == 1

    def test_what_is_moved_back_has_another_id_and_is_counted_anew(self, run):
        history = run("poison", redrive_at_ms=(60_000,))
        (moved,) = events(history, trace.Redriven)
        assert moved.message_id != moved.new_message_id == history.fates[0].message_id
        assert [event.message_id for event in events(history, trace.DeadLettered)] == list(moved[1:])
        assert [delivery.receive_count for delivery in history.fates[0].deliveries] == [1, 2, 1, 2]

    def test_S18_messages_of_a_group_come_back_together_and_in_order(self, run):
        history = run("a", "b", "c", fifo=True, group="g", faults=(DependencyDown(invocation=0),))
        batches = [record.message_ids for record in history.invocations.values()]
        assert batches == [[fate.message_id for fate in history.fates]] * 2
        assert [effect.key for effect in history.effects] == ["a", "b", "c"]

    def test_pause_is_over_when_nothing_is_left_to_happen(self, run):
        began_s = time.monotonic()
        history = run("a", empty_events_at_ms=(3_600_000,))
        assert [event.size for event in events(history, trace.Began)] == [1, 0]
        assert time.monotonic() - began_s < 30

    def test_without_a_dead_letter_queue_it_does_not_go_on_for_ever(self, run):
        history = run("poison", max_receive_count=None)
        assert not history.finished
        assert len(history.fates[0].deliveries) >= 5


class TestFaultsAtCalls:
    @pytest.mark.parametrize(("moment", "done"), [(Moment.BEFORE, []), (Moment.AFTER, ["a"])])
    def test_crash(self, run, moment, done):
        history = run("a", faults=(CrashAt(invocation=0, moment=moment),))
        assert endings(history) == [Ending.CRASHED, Ending.RETURNED]
        assert [effect.key for effect in history.effects if effect.invocation == 0] == done
        assert [event.environment for event in events(history, trace.Began)] == [1, 2], "the process is gone"

    def test_hang_until_the_timeout(self, run):
        history = run("a", faults=(TimeoutAt(invocation=0),))
        assert endings(history) == [Ending.TIMED_OUT, Ending.RETURNED]
        (first, _) = events(history, trace.Ended)
        assert first.at_ms - events(history, trace.Began)[0].at_ms >= 1_000

    def test_handler_that_sleeps_past_its_timeout(self, run):
        history = run("sleepy", max_receive_count=1)
        assert endings(history) == [Ending.TIMED_OUT]
        assert history.fates[0].dead_lettered_after == 1
        assert history.done == set()

    def test_endpoint_that_is_down(self, run):
        history = run("a", faults=(DependencyDown(invocation=0),))
        assert endings(history) == [Ending.RAISED, Ending.RETURNED]
        assert events(history, Called)[0].answer == "not sent: the endpoint is down"


class TestFaultsAtMessages:
    @pytest.mark.parametrize(
        ("fault", "told"),
        [(LostDelete(message=0), trace.DeleteLost), (FailedDelete(message=0), trace.DeleteRefused)],
        ids=["lost", "failed"],
    )
    def test_deletion_that_comes_to_nothing(self, run, fault, told):
        history = run("a", "b", faults=(fault,))
        assert has_struck(history, [fault])
        assert len(events(history, told)) == 1
        assert [fate.receives for fate in history.fates] == [2, 1]
        assert all(fate.acknowledged for fate in history.fates)

    def test_duplicate_after_the_deletion(self, run):
        fault = DuplicateDelivery(message=0, after_ms=1_000)
        history = run("a", "b", faults=(fault,))
        assert has_struck(history, [fault])
        assert [fate.receives for fate in history.fates] == [2, 1]
        assert [effect.key for effect in history.effects].count("a") == 2
        (back,) = events(history, trace.Reappeared)
        deleted = [event for event in events(history, trace.Deleted) if event.message_id == back.message_id]
        assert deleted[0].at_ms + 900 <= back.at_ms <= deleted[1].at_ms

    def test_throttled_for_a_while(self, run):
        history = run("a", faults=(Throttle(invocation=0, for_ms=500),))
        assert len(events(history, trace.Throttled)) == 1
        assert history.fates[0].acknowledged

    def test_throttled_for_longer_than_the_batch_is_held(self, run):
        history = run("a", faults=(Throttle(invocation=0, for_ms=4_000),))
        assert [event.receive_count for event in events(history, trace.LetGo)] == [1]
        assert history.fates[0].receives == 2
        assert history.fates[0].acknowledged

    def test_visible_late(self, run):
        fault = LateVisibility(message=0, by_ms=1_000)
        history = run("a", "b", faults=(fault,))
        assert has_struck(history, [fault])
        first, second = events(history, trace.Began)
        assert (first.size, second.size) == (1, 1)
        assert history.invocations[1].message_ids == [history.fates[0].message_id]


def verified(names, target=REFERENCE, *, environment, place=ON_MOTO, examples=1):
    jobs = jobs_of(load_target(target).consumer, names, place=place)
    return {job.name: verify_scenario(job, environment, examples=examples, shrink=False) for job in jobs}


HOLD = [
    "happy-path",
    "duplicate-delivery",
    "lost-acknowledgement",
    "whole-batch-failure",
    "crash-after-effect",
    "poison-to-dlq",
    "fifo-order",
    "s3-pointer",
    "every-outcome",
]


def test_reference_handler_is_right_there_too(environment):
    results = verified(HOLD, environment=environment)
    assert {name: result.verdict for name, result in results.items()} == dict.fromkeys(HOLD, Verdict.HOLDS)
    assert all(result.deliveries for result in results.values())


@pytest.mark.parametrize(
    "name",
    ["not_idempotent", "swallowed_exception", "whole_batch_raise", "dedup_by_message_id", "writes_before_validating"],
)
def test_rogue_is_caught_there_too(environment, name):
    rogue = ROGUES[name]
    (result,) = verified([rogue.scenario], rogue.target, environment=environment, examples=2).values()
    assert rogue.caught_by in [finding.invariant for finding in result.violations]


def test_what_moto_cannot_show_is_skipped_with_the_reason(environment):
    results = verified(["clock-skew", "concurrent-duplicate", "send-refused"], environment=environment)
    assert {result.verdict for result in results.values()} == {Verdict.SKIPPED}
    assert "no virtual time" in results["clock-skew"].reason
    assert "no invocations at once" in results["concurrent-duplicate"].reason
    assert "(S01-empty)" in results["send-refused"].reason


def test_handler_in_a_process_of_its_own_is_killed_at_a_call():
    pytest.importorskip("awslambdaric", reason="awslambdaric runs Python handlers in processes")
    place = Place(kind=MOTO, runtime=HandlerRuntime(kind=RuntimeKind.PROCESS))
    with place.environment().running() as environment:
        results = verified(["crash-after-effect"], environment=environment, place=place)
    assert results["crash-after-effect"].verdict is Verdict.HOLDS
    assert results["crash-after-effect"].deliveries > 1


def test_command_says_where_and_how_to_come_back(tmp_path):
    rogue = ROGUES["not_idempotent"]
    arguments = [rogue.target, "--on", "moto", "--scenario", rogue.scenario, "--json", str(tmp_path / "out.json")]
    done = subprocess.run(
        [sys.executable, "-m", "redrive.scenarios.cli", "verify", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 1, done.stderr
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["environment"] == "moto"
    (scenario,) = report["scenarios"]
    assert f"{rogue.target} --on moto --scenario" in scenario["violations"][0]["replay"]
    assert f"{rogue.target} --on moto --scenario" in done.stdout
