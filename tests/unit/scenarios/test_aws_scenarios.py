"""What can be asked on AWS, and with which reason the rest is not."""

import pytest

from redrive.scenarios.aws_scenarios import AwsPlace, aws_jobs, of_stack, spec_of_stack
from redrive.scenarios.aws_verification import plan_on_stack
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.consumer import Claim, Consumer
from redrive.scenarios.environment_kinds import AWS
from redrive.scenarios.environments.aws_account import Account, SessionAws
from redrive.scenarios.environments.aws_names import PLANNED
from redrive.scenarios.errors import InputError, UnknownName
from redrive.scenarios.invariants import INVARIANTS
from redrive.scenarios.reference import consumer as reference
from redrive.scenarios.target import Target

PLACE = AwsPlace(queue=spec_of_stack(reference))


def jobs(consumer=reference, names=(), *, fifo_queue=True, standard_queue=True, unseen=None):
    consumer = of_stack(consumer, ["table"])
    found = aws_jobs(consumer, names, PLACE, fifo_queue=fifo_queue, standard_queue=standard_queue, unseen=unseen)
    return {job.name: job for job in found}


def test_what_needs_no_fault_is_asked_and_all_else_has_a_reason():
    found = jobs()
    asked = {name for name, job in found.items() if job.why_not() is None}
    assert {"happy-path", "partial-failure", "poison-to-dlq", "fifo-order", "producer-duplicate"} <= asked
    assert all(CATALOGUE[name].required <= AWS.capabilities for name in asked)
    assert len(asked) >= 15
    # A scenario that is not asked and not even looked at costs nothing.
    assert not any(job.is_worth_a_look() for name, job in found.items() if name not in asked)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash-after-effect", "faults at AWS calls"),
        ("empty-event", "events of its own making"),
        ("warm-start", "cold"),
        ("poison-redriven", "dead-letter queue"),
        ("largest-batch[large-batches]", "another configuration"),
    ],
)
def test_reasons(name, reason):
    assert reason in jobs()[name].why_not()


def test_bodies_in_s3_are_not_put_anywhere():
    # With the claim as well: it is not for a missing claim that they are left out.
    found = aws_jobs(reference, (), PLACE, fifo_queue=True, standard_queue=True)
    reasons = {job.name: job.why_not() for job in found if job.name.startswith("s3-pointer")}
    assert len(reasons) >= 3
    assert all(reasons.values())


def test_a_queue_is_asked_about_its_own_type_alone():
    standard, fifo = jobs(fifo_queue=False), jobs(standard_queue=False)
    assert "standard queue" in standard["fifo-order"].why_not()
    assert "FIFO queue" in fifo["happy-path"].why_not()


def test_where_invocations_are_not_seen_only_effects_and_ends_are_judged():
    found = jobs(unseen="no journal")
    assert found["happy-path"].why_not() is None
    assert set(found["happy-path"].scenario.invariants) == {"no-loss", "no-invention", "effects-once"}
    assert "no journal" in found["alone-and-among-others"].why_not()
    assert all(name in INVARIANTS for job in found.values() for name in job.scenario.invariants)


def test_the_consumer_is_as_it_is_deployed():
    shaped = jobs()["happy-path"].consumer
    assert shaped.setup is None
    assert Claim.OVERSIZE not in shaped.claims
    assert (shaped.queue.visibility_timeout_s, shaped.queue.function_timeout_s) == (15, 5)
    assert shaped.environment == {}


def test_bodies_are_for_keys_that_each_run_replaces():
    plain = Consumer(handler="a:b", valid=lambda key: f"<{key}>", poison=lambda key: f"!{key}")
    shaped = PLACE.shaped(plain)
    assert shaped.valid("key-1") == f"<{PLANNED}key-1>"
    assert shaped.poison("key-1") == f"!{PLANNED}key-1"
    assert PLACE.shaped(Consumer(handler="a:b", valid=str)).poison is None


def test_an_unknown_scenario_is_a_usage_error():
    with pytest.raises(UnknownName):
        jobs(names=("no-such",))


ACCOUNT = Account(
    account="123456789012", arn="arn:aws:iam::123456789012:user/me", region="eu-west-1", aws=SessionAws(None)
)


def target(consumer=reference):
    return Target(name="the target", consumer=consumer)


def test_the_plan_says_where_what_and_how_much():
    planned = plan_on_stack(target(), ACCOUNT, (), examples=2)
    text = "\n".join(planned.lines())
    assert "account 123456789012, region eu-west-1, as arn:aws:iam::123456789012:user/me" in text
    assert [stack.fifo for stack in planned.stacks] == [False, True]
    for stack in planned.stacks:
        for resource in stack.resources:
            assert resource.name in text
            assert resource.type in text
    assert "about $0.0" in text


def test_only_the_stacks_that_are_needed_are_planned():
    assert [s.fifo for s in plan_on_stack(target(), ACCOUNT, ("happy-path",), examples=1).stacks] == [False]
    assert [s.fifo for s in plan_on_stack(target(), ACCOUNT, ("fifo-order",), examples=1).stacks] == [True]
    assert plan_on_stack(target(), ACCOUNT, ("crash-after-effect",), examples=1).stacks == ()


def test_each_plan_has_names_of_its_own():
    names = {plan_on_stack(target(), ACCOUNT, ("happy-path",), examples=1).stacks[0].name for _ in range(5)}
    assert len(names) == 5


def test_more_examples_cost_more():
    few = plan_on_stack(target(), ACCOUNT, ("happy-path",), examples=1).cost().usd
    many = plan_on_stack(target(), ACCOUNT, ("happy-path",), examples=10).cost().usd
    assert many > few > 0


def test_another_handler_is_not_deployed():
    with pytest.raises(InputError, match="--queue-url"):
        plan_on_stack(target(Consumer(handler="shop:handler", valid=str)), ACCOUNT, (), examples=None)
