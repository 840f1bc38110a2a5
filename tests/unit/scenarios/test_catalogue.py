"""The catalogue as a whole: what every scenario of it is like, and what plans it makes."""

import json
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from redrive.fixtures.faults import (
    STANDARD_ONLY,
    MessageFault,
    SlowAt,
    TimeoutAt,
)
from redrive.scenarios import catalogue
from redrive.scenarios.capabilities import Capability, needed_by
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.consumer import Claim, Consumer, QueueSpec
from redrive.scenarios.crash_points import simplest
from redrive.scenarios.plan import Kind
from redrive.scenarios.plan_json import plan_as_json, plan_from_json

FAMILIES = {
    "delivery",
    "failure",
    "poison",
    "dead-letters",
    "time",
    "fifo",
    "size",
    "shape",
    "state",
    "response",
}

CONSUMER = Consumer(
    handler="shop:handler",
    valid=lambda key: json.dumps({"order": key, "note": "Größe"}),
    poison=lambda key: f"{key}, which is no order",
    claims=set(Claim),
)
LARGE = replace(CONSUMER, queue=QueueSpec(batch_size=50, batching_window_s=1))

# Seconds that a queue of which the time is not ours can be waited for.
PATIENCE_MS = 400_000

# A batch of more than 6 MB, or as large as can be, is nothing small.
LARGE_BY_NATURE = {"largest-payload", "largest-batch"}


def plans_of(scenario):
    return scenario.plans(LARGE if scenario.unfit(CONSUMER) is not None else CONSUMER)


@cache
def each_plan(name):
    scenario = CATALOGUE[name]
    plans = []

    @settings(
        max_examples=1 if name in LARGE_BY_NATURE else 20,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(plans_of(scenario))
    def collect(plan):
        plans.append(plan)

    collect()
    return plans


every_scenario = pytest.mark.parametrize("scenario", CATALOGUE.values(), ids=CATALOGUE)


def test_at_least_38_scenarios_in_all_families():
    assert len(CATALOGUE) >= 38
    assert {scenario.family for scenario in CATALOGUE.values()} >= FAMILIES


def test_no_name_is_there_twice():
    families = catalogue._FAMILIES
    names = [scenario.name for family in families for scenario in family]
    assert sorted(names) == sorted(CATALOGUE)


@every_scenario
def test_summary_is_a_line_in_plain_words(scenario):
    assert scenario.summary.endswith(".")
    assert "\n" not in scenario.summary
    assert len(scenario.summary) <= 150
    assert scenario.invariants


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - LARGE_BY_NATURE))
def test_simplest_plan_is_small(name):
    plan = simplest(plans_of(CATALOGUE[name]))
    assert len(plan.messages) <= 5
    assert len(plan.faults) <= 3


@every_scenario
def test_plans_are_what_the_queue_and_the_mapping_take(scenario):
    consumer = LARGE if scenario.unfit(CONSUMER) is not None else CONSUMER
    for plan in each_plan(scenario.name):
        assert 1 <= plan.batch_size <= consumer.queue.batch_size
        assert plan.fifo == scenario.fifo
        assert (Claim.ORDERED in scenario.needs) == scenario.fifo
        assert all((message.group is not None) == plan.fifo for message in plan.messages)
        assert not (plan.fifo and any(isinstance(fault, STANDARD_ONLY) for fault in plan.faults))
        struck = [fault.message for fault in plan.faults if isinstance(fault, MessageFault)]
        assert all(number < len(plan.messages) for number in struck)
        assert scenario.poison or Kind.POISON not in {m.kind for m in plan.messages} or CONSUMER.poison is not None


@every_scenario
def test_plans_go_through_json(scenario):
    plan = each_plan(scenario.name)[-1]
    written = json.loads(json.dumps(plan_as_json(plan)))
    assert plan_from_json(written) == plan


def needed(plan):
    """What a run of the plan cannot do without."""
    found = set().union(*(needed_by(type(fault)) for fault in plan.faults))
    if plan.concurrency > 1:
        found.add(Capability.CONCURRENCY)
    if plan.empty_events_at_ms or plan.event_changes:
        found.add(Capability.OWN_EVENTS)
    if max([0, *(getattr(fault, "after_ms", 0) for fault in plan.faults)]) > PATIENCE_MS:
        found.add(Capability.LONG_PAUSES)
    waits_ms = [message.at_ms - before.at_ms for before, message in zip(plan.messages, plan.messages[1:], strict=False)]
    if max([0, *waits_ms, *plan.redrive_at_ms]) > PATIENCE_MS:
        found.add(Capability.LONG_PAUSES)
    if max([plan.queue_delay_s, *(message.delay_s or 0 for message in plan.messages)]) * 1000 > PATIENCE_MS:
        found.add(Capability.VIRTUAL_TIME)
    return found


def had(scenario):
    """What it can do with: in virtual time pauses are as long as they like."""
    return scenario.required | ({Capability.LONG_PAUSES} if Capability.VIRTUAL_TIME in scenario.required else set())


@every_scenario
def test_capabilities_are_what_the_plans_need(scenario):
    if scenario.at_every_call:
        assert Capability.CALL_FAULTS in scenario.required
        return
    plans = each_plan(scenario.name)
    assert set().union(*map(needed, plans)) <= had(scenario)
    waits = any(isinstance(fault, SlowAt | TimeoutAt) for plan in plans for fault in plan.faults)
    assert not waits or Capability.CALL_FAULTS in scenario.required


@every_scenario
def test_capabilities_that_no_plan_needs_are_not_asked_for(scenario):
    faults = set(Capability) - {Capability.VIRTUAL_TIME, Capability.LONG_PAUSES}
    if scenario.at_every_call:
        return
    assert scenario.required & faults <= set().union(*map(needed, each_plan(scenario.name)))
