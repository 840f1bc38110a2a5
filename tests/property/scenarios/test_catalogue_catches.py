"""Each scenario that no rogue is named for catches a handler that is careless about what it is about."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from redrive.scenarios import Claim, QueueSpec, Verdict
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.rogues import ROGUES
from redrive.scenarios.target import load_target
from redrive.scenarios.verification import jobs_of, verify_scenario

pytestmark = pytest.mark.once

CARELESS = Path(__file__).parent / "careless"

LARGE = QueueSpec(batch_size=300, batching_window_s=1)
OVERSIZE = frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS, Claim.OVERSIZE})
ORDERED = frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS, Claim.IDEMPOTENT, Claim.ORDERED})
IN_TIME = frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS, Claim.DEADLINE_AWARE})

# Scenario, by which invariant, and a rogue or a handler of the folder `careless` with what its consumer is given.
CAUGHT = [
    ("interleaved-duplicate", "effects-once", "careless_state:looks_first", {}),
    ("three-at-once", "effects-once", "careless_state:looks_first", {}),
    ("dependency-lost", "no-loss", "swallowed_exception", {}),
    ("function-timeout", "no-loss", "careless_state:begins_once", {}),
    ("failed-delete", "effects-once", "not_idempotent", {}),
    ("reordered", "no-loss", "careless_state:skips_what_is_older", {}),
    ("transient-failure", "no-loss", "swallowed_exception", {}),
    ("dependency-outage", "no-loss", "swallowed_exception", {}),
    ("throttled-calls", "no-loss", "swallows_client_error", {}),
    ("throttled-function", "no-loss", "receive_count_means_duplicate", {}),
    ("poison-at-each-position", "no-loss", "stops_at_first_failure_standard", {}),
    ("only-poison", "dead-lettered", "drops_poison", {}),
    ("unparsable-body", "poison-isolated", "careless_shapes:takes_no_envelope", {}),
    ("missing-business-key", "no-invention", "invents_default_key", {}),
    ("redriven-when-mended", "dead-lettered", "careless_state:knows_the_message", {}),
    ("poison-redriven", "dead-lettered", "drops_poison", {}),
    ("retention-ends", "no-loss", "careless_state:begins_once", {}),
    ("timeout-at-each-record", "no-loss", "careless_state:begins_once", {}),
    ("slow-dependency", "deadline-kept", "careless_state:minds_no_deadline", {"claims": IN_TIME}),
    ("visible-again-while-working", "effects-once", "careless_state:looks_first", {}),
    ("clock-skew", "no-loss", "careless_state:trusts_the_clock", {}),
    ("delayed-messages", "no-loss", "careless_state:trusts_the_clock", {}),
    ("fifo-failure-blocks-its-group", "poison-isolated", "careless_state:stops_all_groups", {"claims": ORDERED}),
    ("fifo-duplicate", "effects-once", "careless_state:does_it_again", {"claims": ORDERED}),
    ("fifo-outage", "no-loss", "careless_state:begins_once", {"claims": ORDERED}),
    ("fifo-backlog", "no-loss", "fifo_newest_only", {}),
    ("send-refused", "no-loss", "first_record_only", {}),
    ("largest-message", "body-exact", "careless_shapes:cuts_long_bodies", {}),
    ("largest-payload", "dead-lettered", "careless_shapes:logs_the_batch_first", {"queue": LARGE}),
    ("largest-batch", "no-loss", "careless_shapes:one_item_for_the_batch", {"queue": LARGE}),
    ("s3-pointer", "oversize-done", "careless_shapes:resolves_nothing", {"claims": OVERSIZE}),
    ("s3-pointer-to-nothing", "dead-lettered", "careless_shapes:skips_what_is_missing", {"claims": OVERSIZE}),
    ("s3-pointer-elsewhere", "dead-lettered", "careless_shapes:resolves_any_bucket", {"claims": OVERSIZE}),
    ("attribute-types", "dead-lettered", "careless_shapes:reads_binary_as_text", {}),
    ("unicode", "no-loss", "drops_what_is_not_ascii", {}),
    ("unknown-fields", "dead-lettered", "careless_shapes:takes_known_fields_only", {}),
    ("sns-envelope", "poison-isolated", "careless_shapes:takes_no_envelope", {}),
    ("empty-event", "response-valid", "careless_shapes:answers_with_the_last_failures", {}),
    ("warm-start", "same-answer", "careless_state:works_when_cold_only", {}),
    ("leak-between-invocations", "same-answer", "careless_state:stays_broken", {}),
    ("two-environments", "same-answer", "careless_state:works_when_cold_only", {}),
    ("every-outcome", "response-valid", "returns_list_of_ids", {}),
]


@pytest.fixture(scope="module")
def environment():
    with SimulatedEnvironment().running() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def handlers_of_this_folder():
    path, modules = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(CARELESS))
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if name.startswith("careless_") and name not in modules]:
        del sys.modules[name]


def consumer_of(name, options):
    module, colon, handler = name.partition(":")
    if not colon:
        return load_target(ROGUES[name].target).consumer
    return importlib.import_module(module).consumer_of(handler, **options)


def ask(scenario, consumer, environment, **options):
    (job,) = jobs_of(consumer, [scenario])
    return verify_scenario(job, environment, seed=5, replay="redrive verify …", shrink=False, **options)


@pytest.mark.parametrize(("scenario", "invariant", "handler", "options"), CAUGHT, ids=[each[0] for each in CAUGHT])
def test_scenario_catches_a_careless_handler(scenario, invariant, handler, options, environment):
    result = ask(scenario, consumer_of(handler, options), environment)
    assert result.verdict is Verdict.VIOLATED, f"{result.verdict}: {result.reason}"
    assert invariant in {finding.invariant for finding in result.violations}


def test_every_scenario_catches_somebody():
    elsewhere = {rogue.scenario for rogue in ROGUES.values()}
    by_comparison = {scenario.name for scenario in CATALOGUE.values() if scenario.related is not None}
    at_every_call = {scenario.name for scenario in CATALOGUE.values() if scenario.at_every_call}
    assert set(CATALOGUE) - elsewhere - by_comparison - at_every_call <= {each[0] for each in CAUGHT}


@pytest.mark.parametrize("scenario", ["s3-pointer", "s3-pointer-to-nothing", "s3-pointer-elsewhere"])
def test_pointers_resolved_with_care_hold(scenario, environment):
    consumer = consumer_of("careless_shapes:resolves_its_own_bucket", {"claims": OVERSIZE})
    result = ask(scenario, consumer, environment, examples=3)
    assert result.verdict is Verdict.HOLDS, result.reason or result.violations


class TestNotClaimed:
    """Nothing of it is held against the consumer, and what is seen is said."""

    def test_invariant_that_does_not_hold_is_noted(self, environment):
        consumer = consumer_of("careless_state:looks_first", {"claims": frozenset({Claim.PARTIAL_BATCH})})
        result = ask("concurrent-duplicate", consumer, environment)
        assert result.verdict is Verdict.HOLDS
        assert "not claimed, and not so: idempotent (effects-once)" in result.notes

    def test_invariant_that_holds_is_noted_too(self, environment):
        consumer = consumer_of("careless_state:minds_no_deadline", {"claims": frozenset({Claim.PARTIAL_BATCH})})
        result = ask("concurrent-duplicate", consumer, environment)
        assert result.verdict is Verdict.HOLDS
        assert "not claimed, but so: idempotent (effects-once)" in result.notes

    @pytest.mark.parametrize(
        ("handler", "seen"),
        [
            ("careless_shapes:takes_no_envelope", "and not so (poison-isolated)"),
            ("careless_shapes:resolves_nothing", "but so"),
        ],
    )
    def test_scenario_is_tried_a_few_times_and_skipped(self, handler, seen, environment):
        consumer = consumer_of(handler, {"claims": frozenset({Claim.DEAD_LETTERS})})
        result = ask("partial-failure", consumer, environment)
        assert (result.verdict, result.reason) == (Verdict.SKIPPED, f"not claimed: partial-batch; {seen}")
        assert result.examples == 3
        assert not result.violations

    def test_scenario_that_cannot_be_tried_is_not(self, environment):
        consumer = replace(consumer_of("careless_shapes:resolves_nothing", {"claims": frozenset()}), poison=None)
        result = ask("partial-failure", consumer, environment)
        assert (result.reason, result.examples) == ("not claimed: partial-batch", 0)
