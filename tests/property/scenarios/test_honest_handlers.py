"""Handlers that are right, each in a way of its own, pass the whole catalogue: no false alarms."""

import sys
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

HONEST = Path(__file__).parent / "honest"

STANDARD = {name for name, scenario in CATALOGUE.items() if not scenario.fifo}
FIFO = {name for name, scenario in CATALOGUE.items() if scenario.fifo}
NEEDS_POISON = {name for name, scenario in CATALOGUE.items() if scenario.poison}

# Which scenarios each must have been put through; the others must say why they could not be asked.
HANDLERS = {
    "honest_one_write:consumer": STANDARD,
    "honest_claim:consumer": STANDARD,
    "honest_whole_batch:consumer": STANDARD - {"partial-failure"},
    "honest_batch_of_one:consumer": STANDARD,
    "honest_one_try:consumer": STANDARD,
    "honest_threads:consumer": STANDARD,
    "honest_asyncio:consumer": STANDARD,
    "honest_asyncio_blocking:consumer": STANDARD,
    "honest_bisecting:consumer": STANDARD,
    "honest_batch_write:consumer": STANDARD,
    "honest_objects:consumer": STANDARD,
    "honest_parking:consumer": STANDARD,
    "honest_fifo_documented:consumer": FIFO,
    "honest_fifo_by_group:consumer": FIFO,
    "honest_bare:handler": STANDARD - NEEDS_POISON - {"whole-batch-failure", "dependency-lost"},
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


@pytest.mark.parametrize("name", HANDLERS)
def test_passes_the_whole_catalogue(name, environment):
    results = [
        verify_scenario(job, environment, seed=3, examples=3, shrink=False) for job in jobs_of(consumer_of(name))
    ]
    alarms = {
        result.name: [finding.message for finding in result.violations] or result.reason
        for result in results
        if result.verdict in {Verdict.VIOLATED, Verdict.UNKNOWN}
    }
    assert alarms == {}
    assert {result.name for result in results if result.verdict is Verdict.HOLDS} >= HANDLERS[name]


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
