"""The consumer: what it claims, and what its defaults are."""

import dataclasses

import pytest

from redrive.scenarios import Claim, Consumer, Effect, QueueSpec
from redrive.scenarios.capabilities import Capability
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.scenario import Scenario


def consumer(**fields):
    return Consumer(handler="shop:handler", valid=str, **fields)


def test_claims_may_be_words():
    promised = consumer(claims={"partial-batch", "ordered"})
    assert promised.claims == {Claim.PARTIAL_BATCH, Claim.ORDERED}
    assert all(isinstance(claim, Claim) for claim in promised.claims)
    assert promised.claims_to_be(Claim.ORDERED)
    assert not promised.claims_to_be(Claim.IDEMPOTENT)


def test_unknown_claim_is_refused_with_the_claims_there_are():
    with pytest.raises(ValueError, match="no claim named 'exactly-once'") as refused:
        consumer(claims={"partial-batch", "exactly-once"})
    for claim in Claim:
        assert claim in str(refused.value)


def test_nothing_need_be_claimed():
    assert consumer(claims=set()).claims == frozenset()


def test_order_is_not_claimed_unless_said():
    assert consumer().claims == {Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS}


def test_consumer_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        consumer().handler = "other:handler"


def test_default_queue_is_one_that_lambda_accepts():
    spec = QueueSpec()
    assert spec.function_timeout_s * 6 <= spec.visibility_timeout_s
    assert spec.report_batch_item_failures
    assert spec.max_receive_count == 3


def test_effect_may_tell_the_body_it_came_from():
    assert Effect(key="a").body is None
    assert Effect(key="a", body="b") != Effect(key="a")


def scenario(**fields):
    return Scenario(name="s", family="f", summary="", plans=lambda _: None, **{"invariants": ("no-loss",), **fields})


def test_only_promises_are_held_against_it():
    everything = scenario(invariants=("no-loss", "effects-once", "poison-isolated", "dead-lettered", "order-kept"))
    assert everything.judged_by(consumer(claims=set())) == ("no-loss",)
    assert everything.judged_by(consumer(claims={"idempotent"})) == ("no-loss", "effects-once")
    assert everything.judged_by(consumer(claims=set(Claim))) == everything.invariants


def test_scenario_of_an_unknown_invariant_is_refused():
    with pytest.raises(ValueError, match="'no-harm', which does not exist"):
        scenario(invariants=("no-loss", "no-harm"))


@pytest.mark.parametrize(
    ("asked", "of", "why"),
    [
        ({}, {}, None),
        ({"needs": frozenset({Claim.ORDERED})}, {}, "not claimed: ordered"),
        ({"needs": frozenset({Claim.ORDERED})}, {"claims": {"ordered"}}, None),
        (
            {"needs": frozenset({Claim.ORDERED, Claim.IDEMPOTENT})},
            {"claims": set()},
            "not claimed: idempotent, ordered",
        ),
        ({"poison": True}, {}, "the consumer does not say what poison is"),
        ({"poison": True}, {"poison": str}, None),
        (
            {},
            {"queue": QueueSpec(fifo=True)},
            "the consumer's queue is FIFO, and this happens on standard queues only",
        ),
        ({"fifo": True}, {"queue": QueueSpec(fifo=True)}, None),
    ],
)
def test_why_a_scenario_cannot_be_asked(asked, of, why):
    assert scenario(**asked).why_not(consumer(**of)) == why


def test_catalogue_has_a_dozen_scenarios_under_their_own_names():
    assert len(CATALOGUE) >= 12
    for name, entry in CATALOGUE.items():
        assert entry.name == name
        assert entry.summary.endswith(".")
        assert entry.invariants


def test_claims_are_those_of_the_documents():
    assert set(Claim) == {"partial-batch", "idempotent", "ordered", "dead-letters", "deadline-aware", "oversize"}


def test_what_is_not_claimed_is_looked_at():
    everything = scenario(invariants=("no-loss", "effects-once", "order-kept"))
    assert everything.observed_of(consumer(claims={"idempotent"})) == ("order-kept",)
    assert everything.observed_of(consumer(claims=set(Claim))) == ()


def test_unclaimed_scenario_may_be_tried_unless_it_cannot_be():
    ordered = scenario(needs=frozenset({Claim.ORDERED}), poison=True)
    bare = consumer()
    assert ordered.unclaimed(bare) == (Claim.ORDERED,)
    assert ordered.why_not(bare) == "not claimed: ordered"
    assert ordered.why_not_even_tried(bare) == "the consumer does not say what poison is"
    assert ordered.why_not_even_tried(consumer(poison=str)) is None


@pytest.mark.parametrize(
    ("needed", "there", "why"),
    [
        (frozenset(), frozenset(), None),
        ({Capability.VIRTUAL_TIME}, set(Capability), None),
        (
            {Capability.VIRTUAL_TIME},
            {Capability.CONCURRENCY},
            "the runtime or the environment has no virtual time",
        ),
        (
            {Capability.VIRTUAL_TIME, Capability.CALL_FAULTS},
            set(),
            "the runtime or the environment has no faults at AWS calls, no virtual time",
        ),
    ],
)
def test_what_runtime_or_environment_lacks_is_said(needed, there, why):
    assert scenario(capabilities=frozenset(needed)).why_not(consumer(), there) == why


def test_scenario_that_strikes_needs_faults_at_calls_unless_it_says_otherwise():
    assert scenario().required == frozenset()
    assert scenario(strikes=True).required == {Capability.CALL_FAULTS}
    messages = frozenset({Capability.LOST_DELETES})
    assert scenario(strikes=True, capabilities=messages).required == messages


def test_queue_on_which_the_situation_cannot_arise():
    small = scenario(unfit=lambda asked: "too small" if asked.queue.batch_size < 10 else None)
    assert small.why_not(consumer()) is None
    assert small.why_not(consumer(queue=QueueSpec(batch_size=9))) == "too small"


def test_no_more_examples_than_the_scenario_is_worth():
    assert scenario().examples(12) == 12
    assert scenario(examples_most=2).examples(12) == 2
    assert scenario(examples_most=20).examples(12) == 12
