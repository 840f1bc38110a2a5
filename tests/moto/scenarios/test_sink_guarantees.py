"""What each sink of the reference handler promises: `dynamodb` and `delta` keep it, and `memory` promises nothing.

The memory sink's rows are in a module of the execution environment. The looks at effects below find them there: one for
as long as the environment lives, the other remembers what was written by those that are dead.
"""

import gc
import sys
from dataclasses import replace
from types import ModuleType

import pytest

from redrive.scenarios import Claim, Effect, Verdict, reference
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.judgement import judge
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.scenarios.target import handler_of
from redrive.scenarios.verification import Job, verify_scenario
from redrive.simulator.faults import CrashAt, DuplicateDelivery, Moment

ROWS_MODULE = "redrive.reference_handler.sinks.memory"


@pytest.fixture(scope="module")
def simulated():
    with SimulatedEnvironment().running() as environment:
        yield environment


def verified(simulated, consumer, scenario, *, examples=3):
    job = Job(name=scenario, scenario=CATALOGUE[scenario], consumer=consumer)
    return verify_scenario(job, simulated, seed=7, examples=examples, shrink=False)


def keys(number):
    return [f"key-{position + 1}" for position in range(number)]


def ran(simulated, consumer, *faults, messages=2, batch_size=10):
    plan = Plan(
        messages=tuple(PlannedMessage(key=key, body=f'{{"order":"{key}"}}') for key in keys(messages)),
        faults=faults,
        batch_size=batch_size,
    )
    return simulated.run(plan, consumer, handler_of(consumer), seed=1)


def verdicts(history):
    names = ("no-loss", "no-invention", "effects-once", "body-exact")
    return {judgement.invariant: judgement.verdict for judgement in judge(history, names)}


KEPT = dict.fromkeys(("no-loss", "no-invention", "effects-once", "body-exact"), Verdict.HOLDS)

EVERY_STEP = [
    CrashAt(invocation=0, call=call, moment=moment) for call in range(1, 5) for moment in (Moment.BEFORE, Moment.AFTER)
]


class TestDynamoDB:
    """Ledger and effect in one conditional write: exactly once."""

    def test_promises_effects_once(self):
        assert reference.consumer.claims == set(Claim)
        assert "effects-once" in CATALOGUE["crash-after-effect"].judged_by(reference.consumer)

    @pytest.mark.parametrize("fault", EVERY_STEP, ids=str)
    def test_crash_at_every_step_of_two_messages(self, simulated, fault):
        history = ran(simulated, reference.consumer, fault)
        assert history.struck
        assert history.calls > 2
        assert verdicts(history) == KEPT
        assert history.done == set(keys(2))

    def test_crash_after_effect(self, simulated):
        result = verified(simulated, reference.consumer, "crash-after-effect")
        assert (result.verdict, result.examples) == (Verdict.HOLDS, 3)

    def test_a_second_write_would_show(self, simulated):
        """The guard against a look that finds every row once whatever happened: a row written twice counts twice."""

        def writes_again(aws):
            rows = list(reference.consumer.effects(aws))
            if rows:
                aws.client("dynamodb").update_item(
                    TableName=reference.TABLE,
                    Key={"business_key": {"S": rows[0].key}},
                    UpdateExpression="ADD revision :one",
                    ExpressionAttributeValues={":one": {"N": "1"}},
                )
            return reference.consumer.effects(aws)

        history = ran(simulated, replace(reference.consumer, effects=writes_again), messages=1)
        assert verdicts(history)["effects-once"] is Verdict.VIOLATED


class TestDelta:
    """A merge by business key: one row for each."""

    @pytest.fixture(autouse=True)
    def _installed(self):
        for module in ("deltalake", "arro3.core"):
            pytest.importorskip(module, reason="the Delta sink needs the extra redrive[delta]")

    def test_promises_effects_once(self):
        assert "effects-once" in CATALOGUE["crash-after-effect"].judged_by(reference.delta)

    def test_crash_after_effect(self, simulated):
        result = verified(simulated, reference.delta, "crash-after-effect")
        assert (result.verdict, result.examples) == (Verdict.HOLDS, 3)

    @pytest.mark.parametrize("ledger", ["memory", "dynamodb"])
    def test_crash_at_the_end_of_a_batch_whose_rows_are_written(self, simulated, ledger):
        """With a ledger in memory nobody remembers the first time but the table."""
        consumer = replace(reference.delta, environment={**reference.delta.environment, "REDRIVE_LEDGER": ledger})
        history = ran(simulated, consumer, CrashAt(invocation=0, call=99))
        assert [len(fate.deliveries) for fate in history.fates] == [2, 2]
        assert verdicts(history) == KEPT
        assert history.done == set(keys(2))


def lists_of_rows():
    """Those of the memory sink, in whatever execution environment still exists."""
    gc.collect()
    modules = [found for found in gc.get_objects() if isinstance(found, ModuleType) and found.__name__ == ROWS_MODULE]
    return [module.ROWS for module in modules if module is not sys.modules.get(ROWS_MODULE)]


def effects_of(lists):
    return [Effect(key=row.business_key, body=row.message.body) for rows in lists for row in rows]


class EveryWrite:
    """Looks at the rows that were ever written, as whoever they were passed on to would."""

    def __init__(self):
        self.lists = []

    def forget(self, _):
        self.lists = []

    def look(self, _):
        self.lists += [rows for rows in lists_of_rows() if not any(rows is known for known in self.lists)]
        return effects_of(self.lists)


class TestMemory:
    """A list: nothing is promised, and what could go wrong does."""

    consumer = replace(reference.memory, effects=lambda _: effects_of(lists_of_rows()), claims=frozenset(Claim))

    @pytest.fixture
    def watched(self):
        writes = EveryWrite()
        return replace(self.consumer, effects=writes.look, setup=writes.forget)

    def test_promises_nothing_about_effects(self):
        assert Claim.IDEMPOTENT not in reference.memory.claims
        assert reference.memory.effects is None

    def test_duplicate_that_reaches_the_same_execution_environment_is_recognised(self, simulated):
        history = ran(simulated, self.consumer, DuplicateDelivery(message=0, after_ms=1000))
        assert history.deliveries == 3
        assert verdicts(history) == KEPT

    def test_crash_after_the_effect_is_followed_by_the_same_effect(self, simulated, watched):
        history = ran(simulated, watched, CrashAt(invocation=0, call=1))
        assert verdicts(history) == {**KEPT, "effects-once": Verdict.VIOLATED}

    def test_rows_of_acknowledged_messages_are_lost_with_their_execution_environment(self, simulated):
        history = ran(simulated, self.consumer, CrashAt(invocation=1, call=1), batch_size=1)
        (judgement,) = judge(history, ["no-loss"])
        assert judgement.verdict is Verdict.VIOLATED
        assert [violation.business_keys for violation in judgement.violations] == [("key-1",)]
        assert "its effect is gone again" in judgement.violations[0].message

    def test_crash_after_effect(self, simulated, watched):
        result = verified(simulated, watched, "crash-after-effect", examples=1)
        assert result.verdict is Verdict.VIOLATED
        assert "effects-once" in {finding.invariant for finding in result.violations}

    def test_without_a_look_at_the_effects_nobody_sees_it(self, simulated):
        """What the consumer of the reference handler says of itself: only what it promises is held against it."""
        assert verified(simulated, reference.memory, "crash-after-effect").verdict is Verdict.HOLDS
