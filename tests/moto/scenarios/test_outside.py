"""Handlers in processes of their own, in the simulated environment: faults at their calls, their end, their clock."""

import textwrap
import threading
import time

import pytest

from redrive.fixtures.faults import (
    Answer,
    ConcurrentDuplicate,
    CrashAt,
    DependencyDown,
    ErrorAnswer,
    Moment,
    SlowAt,
)
from redrive.fixtures.runtimes.runtime import RuntimeUnavailable
from redrive.scenarios import Consumer, Effect, QueueSpec
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.handler_runtime import HandlerRuntime, RuntimeKind
from redrive.scenarios.history import Called
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.simulator.function import Ending
from redrive.simulator.trace import Ended

from .effects_table import make_table

pytest.importorskip("awslambdaric", reason="awslambdaric runs Python handlers in processes: pip install awslambdaric")

pytestmark = pytest.mark.once

VISIBILITY_TIMEOUT_S = 2

HANDLER = """
import json, os, time
import boto3
from botocore.config import Config
table = boto3.resource("dynamodb", config=Config(retries={"total_max_attempts": 1})).Table("effects")

def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        age_s = time.time() - int(record["attributes"]["SentTimestamp"]) / 1000
        if "sleep" in order:
            time.sleep(order["sleep"])
        table.put_item(Item={"key": record["body"], "young": -60 < age_s < 600, "shop": os.environ["SHOP"]})
        table.put_item(Item={"key": "last", "young": True, "shop": os.environ["SHOP"]})
"""


def rows(aws):
    for item in aws.client("dynamodb").scan(TableName="effects")["Items"]:
        yield Effect(key=item["key"]["S"], body=f"{item['young']['BOOL']} {item['shop']['S']}")


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "shop_handler.py"
    path.write_text(textwrap.dedent(HANDLER))
    return f"{path}:handler"


@pytest.fixture(scope="module")
def environment():
    with SimulatedEnvironment(HandlerRuntime(kind=RuntimeKind.PROCESS)).running() as running:
        yield running


@pytest.fixture
def run(environment, target):
    def run_plan(*faults, body="{}", max_receive_count=None):
        consumer = Consumer(
            handler=target,
            valid=str,
            effects=rows,
            setup=make_table,
            queue=QueueSpec(
                visibility_timeout_s=VISIBILITY_TIMEOUT_S, function_timeout_s=2, max_receive_count=max_receive_count
            ),
            environment={"SHOP": "corner"},
        )
        plan = Plan(messages=(PlannedMessage(key="a", body=body),), faults=faults)
        return environment.run(plan, consumer, target, seed=1)

    return run_plan


def endings(history):
    return [event.ending for event in history.events if isinstance(event, Ended)]


def answers(history, invocation=0):
    return [event.answer for event in history.events if isinstance(event, Called) and event.invocation == invocation]


def test_it_works_on_the_tables_of_the_environment_by_its_own_clock(run):
    history = run()
    assert endings(history) == [Ending.RETURNED]
    assert {(effect.key, effect.body) for effect in history.effects} == {("{}", "True corner"), ("last", "True corner")}
    assert [(event.service, event.operation) for event in history.events if isinstance(event, Called)] == [
        ("dynamodb", "PutItem")
    ] * 2


@pytest.mark.parametrize(
    ("call", "moment", "done"), [(1, Moment.AFTER, {"{}"}), (2, Moment.BEFORE, {"{}"})], ids=["after", "before"]
)
def test_killed_at_a_call_it_has_done_what_came_before(run, call, moment, done):
    threads, began_s = threading.active_count(), time.monotonic()
    history = run(CrashAt(invocation=0, call=call, moment=moment))
    assert endings(history) == [Ending.CRASHED, Ending.RETURNED]
    assert {effect.key for effect in history.effects if effect.invocation == 0} == done
    assert history.fates[0].acknowledged
    assert time.monotonic() - began_s >= VISIBILITY_TIMEOUT_S, "what the queue waits is waited for"
    # The connections of the proxy end by themselves once the process is gone.
    give_up_s = time.monotonic() + 30
    while threading.active_count() > threads and time.monotonic() < give_up_s:
        time.sleep(0.01)
    assert threading.active_count() <= threads


def test_error_answer_and_refused_connection_reach_it(run):
    throttled = run(ErrorAnswer(invocation=0, answer=Answer.THROTTLED))
    assert answers(throttled) == ["ProvisionedThroughputExceededException"]
    down = run(DependencyDown(invocation=0))
    assert answers(down) == ["not sent: the endpoint is down"]
    assert endings(throttled) == endings(down) == [Ending.RAISED, Ending.RETURNED]


def test_hanging_or_sleeping_it_is_killed_at_its_timeout(run):
    slow = run(SlowAt(invocation=0, duration_ms=60_000))
    assert endings(slow) == [Ending.TIMED_OUT, Ending.RETURNED]
    asleep = run(body='{"sleep": 30}', max_receive_count=1)
    assert endings(asleep) == [Ending.TIMED_OUT]
    assert asleep.fates[0].dead_lettered_after == 1


def test_two_processes_are_interleaved_at_their_calls(run):
    history = run(ConcurrentDuplicate(invocation=0, held_ms=0))
    assert endings(history) == [Ending.RETURNED] * 2
    assert [event.invocation for event in history.events if isinstance(event, Called)] == [1, 0, 1, 0]


def test_command_that_cannot_be_started_says_so(environment, target):
    runtime = HandlerRuntime(kind=RuntimeKind.PROCESS, command="/no/such/bootstrap")
    with SimulatedEnvironment(runtime).running() as nowhere:
        consumer = Consumer(handler=target, valid=str, queue=QueueSpec(max_receive_count=1))
        with pytest.raises(RuntimeUnavailable, match="no/such/bootstrap"):
            nowhere.run(Plan(messages=(PlannedMessage(key="a", body="{}"),)), consumer, target, seed=1)
