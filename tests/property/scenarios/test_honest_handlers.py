"""Handlers that are right, each in a way of its own, pass the whole catalogue: no false alarms."""

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from redrive.scenarios import QueueSpec
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.judgement import Verdict, judge
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.scenarios.target import handler_of, load_target
from redrive.scenarios.verification import jobs_of, verify_scenario
from redrive.simulator.faults import ConcurrentDuplicate, CrashAt, DuplicateDelivery, LostDelete, Moment

pytestmark = pytest.mark.once

HONEST = Path(__file__).parent / "honest"

HANDLERS = (
    "honest_one_write:consumer",
    "honest_claim:consumer",
    "honest_whole_batch:consumer",
    "honest_batch_of_one:consumer",
    "honest_one_try:consumer",
    "honest_threads:consumer",
    "honest_thread_clients:consumer",
    "honest_asyncio:consumer",
    "honest_asyncio_blocking:consumer",
    "honest_task_group:consumer",
    "honest_event_loop:consumer",
    "honest_bisecting:consumer",
    "honest_batch_write:consumer",
    "honest_objects:consumer",
    "honest_files:consumer",
    "honest_parking:consumer",
    "honest_own_session:consumer",
    "honest_outbox:consumer",
    "honest_sqlite:consumer",
    "honest_logging:consumer",
    "honest_object:consumer",
    "honest_wrapped:consumer",
    "honest_powertools:consumer",
    "honest_powertools_fifo:consumer",
    "honest_fifo_documented:consumer",
    "honest_fifo_by_group:consumer",
    "honest_bare:handler",
)

# What has no AWS call to fail cannot be asked whether it survives that.
WITHOUT_CALLS = {"honest_bare:handler", "honest_sqlite:consumer"}
NO_CALLS = "the handler makes no AWS call that could fail"

SHARES = 6
# Batches of ten thousand are asked for by one of them.
TWO_UNLESS = {"largest-batch": 1}

NEEDS = {
    "honest_powertools:consumer": "aws_lambda_powertools",
    "honest_powertools_fifo:consumer": "aws_lambda_powertools",
}


@pytest.fixture(scope="module")
def environment():
    path, modules = list(sys.path), set(sys.modules)
    try:
        with SimulatedEnvironment().running() as running:
            yield running
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if name.startswith("honest_") and name not in modules]:
            del sys.modules[name]


def consumer_of(name):
    module, _, attribute = name.partition(":")
    return load_target(f"{HONEST / module}.py:{attribute}").consumer


def askable(consumer):
    return [job for job in jobs_of(consumer) if job.why_not() is None]


def share_of(name):
    """A part of what can be asked of a handler, and another part for the next one, where there are many alike."""
    consumer = consumer_of(name)
    jobs = askable(consumer)
    return jobs if consumer.queue.fifo or name in WITHOUT_CALLS else jobs[HANDLERS.index(name) % SHARES :: SHARES]


def without_effects(name):
    """What is asked of a handler only if it does not say what its effects are."""
    consumer = consumer_of(name)
    asked = {job.name for job in askable(consumer)}
    return [job for job in askable(replace(consumer, effects=None)) if job.name not in asked]


def assert_all_hold(name, jobs, environment):
    results = [verify_scenario(job, environment, seed=3, examples=2, shrink=False) for job in jobs]
    alarms = {
        result.name: [finding.message for finding in result.violations] or result.reason
        for result in results
        if result.verdict in {Verdict.VIOLATED, Verdict.UNKNOWN}
    }
    assert alarms == {}
    # There is no other way out: whatever could be asked of it held.
    left_out = {result.name: result.reason for result in results if result.verdict is Verdict.SKIPPED}
    assert set(left_out.values()) <= ({NO_CALLS} if name in WITHOUT_CALLS else set()), left_out


def skip_unless_installed(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"{name} is about {NEEDS[name]}")


@pytest.mark.parametrize("name", HANDLERS)
def test_passes_its_share_of_the_catalogue(name, environment):
    skip_unless_installed(name)
    assert_all_hold(name, share_of(name), environment)


@pytest.mark.parametrize("name", [name for name in HANDLERS if name != "honest_bare:handler"])
def test_passes_what_is_asked_without_knowing_its_effects(name, environment):
    skip_unless_installed(name)
    assert_all_hold(name, without_effects(name), environment)


def test_each_scenario_is_asked_of_two_honest_handlers():
    asked = Counter()
    for name in set(HANDLERS) - set(NEEDS):
        asked.update({job.scenario.name for job in (*share_of(name), *without_effects(name))})
    assert {name for name in CATALOGUE if asked[name] < TWO_UNLESS.get(name, 2)} == set()


def test_every_honest_handler_is_asked():
    assert {name.partition(":")[0] for name in HANDLERS} == {path.stem for path in HONEST.glob("*.py")} - {
        "honest_orders"
    }


@pytest.mark.parametrize(
    ("handler", "max_receive_count", "faults"),
    [
        pytest.param(
            "honest_one_write",
            3,
            [DuplicateDelivery(message=0, after_ms=after_ms) for after_ms in (0, 1_000, 60_000)],
            id="delivered again after each success",
        ),
        pytest.param("honest_one_write", 1, [LostDelete(message=0)], id="deletion lost, and no other try"),
        pytest.param(
            "honest_claim",
            2,
            [
                ConcurrentDuplicate(invocation=0, call=1, moment=Moment.AFTER),
                CrashAt(invocation=0, call=2, moment=Moment.BEFORE),
            ],
            id="leased by an invocation that crashed meanwhile",
        ),
    ],
)
def test_valid_message_that_the_rules_dead_letter_is_not_held_against_the_consumer(
    handler, max_receive_count, faults, environment
):
    consumer = replace(consumer_of(f"{handler}:consumer"), queue=QueueSpec(max_receive_count=max_receive_count))
    plan = Plan(messages=(PlannedMessage(key="key-1", body=consumer.valid("key-1")),), faults=tuple(faults))
    history = environment.run(plan, consumer, handler_of(consumer), seed=0)
    assert history.fates[0].dead_lettered_after == max_receive_count, "the run does not get to what it is about"
    (judgement,) = judge(history, ["dead-lettered"])
    assert judgement.verdict is Verdict.HOLDS, judgement.violations
