"""A handler that nothing is known of is compared with itself."""

from dataclasses import replace

import pytest

from redrive.scenarios.catalogue.metamorphic import SCENARIOS, mutants
from redrive.scenarios.consumer import Consumer, QueueSpec
from redrive.scenarios.evidence_table import Writing
from redrive.scenarios.history import Called
from redrive.scenarios.judgement import Verdict, judge
from redrive.scenarios.metamorphic import Dropped, alone, alone_and_reversed
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.simulator import trace
from redrive.simulator.faults import CrashAt
from redrive.simulator.function import Ending


def acknowledged(story, name, *, works=True):
    told = story(name, looks_at_effects=False).delivered(name)
    if works:
        told.add(Called(told.now_ms, 0, 1, "s3", "PutObject", "ok", "hash", Writing.SAME, "", (told.id_of(name),)))
    return told.returned().history()


def failed(story, name):
    told = story(name, looks_at_effects=False)
    for _ in range(3):
        told.delivered(name).returned(name)
    return told.dead_lettered(name).history()


def verdict_of(name, told, *related):
    (judgement,) = judge(replace(told.history(), related=related), [name])
    return judgement


class TestRelatedPlans:
    PLAN = Plan(
        messages=tuple(PlannedMessage(key=key, body=key, at_ms=at_ms) for key, at_ms in (("a", 0), ("b", 5), ("c", 9))),
        faults=(CrashAt(invocation=0),),
        batch_size=4,
    )

    def test_each_message_alone_and_nothing_goes_wrong(self):
        plans = alone(self.PLAN)
        assert [[message.key for message in plan.messages] for plan in plans] == [["a"], ["b"], ["c"]]
        assert {(plan.faults, plan.batch_size, plan.messages[0].at_ms) for plan in plans} == {((), 4, 0)}

    def test_the_other_way_round_at_the_same_times(self):
        turned = alone_and_reversed(self.PLAN)[-1]
        assert [(message.key, message.at_ms) for message in turned.messages] == [("c", 0), ("b", 5), ("a", 9)]


class TestInCompany:
    def test_failed_alone_and_acknowledged_in_company(self, story):
        told = story("a", "b", looks_at_effects=False).delivered("a", "b").returned()
        found = verdict_of("failure-kept", told, failed(story, "a"), acknowledged(story, "b"))
        assert [violation.business_keys for violation in found.violations] == [("a",)]
        assert "reported as failed" in found.violations[0].message

    def test_failed_alone_and_in_company(self, story):
        told = story("a", "b", looks_at_effects=False).delivered("a", "b").returned("a")
        for _ in range(2):
            told.delivered("a").returned("a")
        told.dead_lettered("a")
        related = failed(story, "a"), acknowledged(story, "b")
        assert verdict_of("failure-kept", told, *related).verdict is Verdict.HOLDS
        assert verdict_of("outcome-isolated", told, *related).verdict is Verdict.HOLDS

    def test_comes_back_because_of_its_neighbour(self, story):
        told = story("a", "b", looks_at_effects=False).delivered("a", "b").ended(Ending.RAISED)
        told.delivered("b").returned()
        for _ in range(2):
            told.delivered("a").ended(Ending.RAISED)
        found = verdict_of("outcome-isolated", told.dead_lettered("a"), failed(story, "a"), acknowledged(story, "b"))
        assert [violation.business_keys for violation in found.violations] == [("b",)]
        assert "came back once before it was acknowledged, and alone not at all" in found.violations[0].message

    def test_ends_in_the_dead_letter_queue_because_of_its_neighbour(self, story):
        told = story("a", "b", looks_at_effects=False)
        for _ in range(3):
            told.delivered("a", "b").ended(Ending.RAISED)
        told.dead_lettered("a", "b")
        found = verdict_of("outcome-isolated", told, failed(story, "a"), acknowledged(story, "b"))
        assert "ended otherwise among others than alone: dead-lettered" in found.violations[0].message

    def test_faults_make_a_difference_of_their_own(self, story):
        told = story("a", looks_at_effects=False).delivered("a").fault().ended(Ending.CRASHED)
        told.delivered("a").returned()
        assert verdict_of("outcome-isolated", told, acknowledged(story, "a")).verdict is Verdict.HOLDS

    def test_cannot_tell_of_a_handler_that_fails_all_that_ought_to_be_valid(self, story):
        told = story("a", looks_at_effects=False)
        for _ in range(3):
            payload = '{"errorType": "KeyError", "errorMessage": "order"}'
            told.delivered("a").ended(Ending.RAISED, payload=payload)
        told.dead_lettered("a")
        found = verdict_of("failure-kept", told, told.history())
        assert found.verdict is Verdict.UNKNOWN
        assert "KeyError: order" in found.reason
        assert "--body" in found.reason


class TestOrder:
    def run(self, story, *names, reported):
        told = story(*names, looks_at_effects=False).delivered(*names).returned(reported)
        for _ in range(2):
            told.delivered(reported).returned(reported)
        return told.dead_lettered(reported)

    def test_outcome_goes_with_the_place(self, story):
        told, turned = self.run(story, "a", "b", reported="b"), self.run(story, "b", "a", reported="a")
        found = verdict_of("order-indifferent", told, turned.history())
        assert found.verdict is Verdict.VIOLATED
        assert "at place 2 of the batch" in found.violations[1].message

    def test_outcome_goes_with_the_message(self, story):
        told, turned = self.run(story, "a", "b", reported="b"), self.run(story, "b", "a", reported="b")
        assert verdict_of("order-indifferent", told, turned.history()).verdict is Verdict.HOLDS

    def test_other_batches_are_not_compared(self, story):
        told = self.run(story, "a", "b", reported="b")
        turned = story("b", "a", looks_at_effects=False).delivered("b").returned().delivered("a").returned()
        assert verdict_of("order-indifferent", told, turned.history()).verdict is Verdict.HOLDS


class TestWarm:
    def spaced(self, story, *, works=True, fails=False):
        """``a`` and then ``b`` in the same environment, which ``a`` has left warm."""
        told = story("a", "b", looks_at_effects=False).delivered("a").returned().delivered("b")
        last = max(n for n, event in enumerate(told.events) if isinstance(event, trace.Began))
        told.events[last] = told.events[last]._replace(environment=0, cold=False)
        if works:
            told.add(Called(told.now_ms, 1, 1, "s3", "PutObject", "ok", "hash", Writing.SAME, "", (told.id_of("b"),)))
        if not fails:
            return told.returned()
        for _ in range(2):
            told.returned("b").delivered("b")
        return told.returned("b").dead_lettered("b")

    def test_comes_to_the_same(self, story):
        assert verdict_of("warm-as-cold", self.spaced(story), acknowledged(story, "b")).verdict is Verdict.HOLDS

    def test_fails_where_it_is_warm(self, story):
        found = verdict_of("warm-as-cold", self.spaced(story, fails=True), acknowledged(story, "b"))
        assert "dead-lettered after it came back 3 times in a warm" in found.violations[0].message

    def test_does_nothing_where_it_is_warm(self, story):
        found = verdict_of("warm-as-cold", self.spaced(story, works=False), acknowledged(story, "b"))
        assert "a write was made for it in a cold environment only" in found.violations[0].message

    def test_cold_ones_are_not_compared(self, story):
        told = story("b", looks_at_effects=False).delivered("b").returned()
        assert verdict_of("warm-as-cold", told, acknowledged(story, "b")).verdict is Verdict.HOLDS


class TestDropped:
    def notes(self, story, *related):
        dropped = Dropped()
        told = story("a", looks_at_effects=False).delivered("a").returned()
        dropped.see(replace(told.history(), related=related))
        return dropped.notes()

    def test_bodies_that_were_acknowledged_without_effect(self, story):
        (note,) = self.notes(story, acknowledged(story, "a"), acknowledged(story, "b", works=False))
        assert note == "dropped: 1 body was acknowledged without effect: 'body of b'"

    def test_handler_that_does_nothing_for_anybody_drops_nothing(self, story):
        assert self.notes(story, acknowledged(story, "a", works=False)) == ()

    def test_failed_is_not_dropped(self, story):
        assert self.notes(story, acknowledged(story, "a"), failed(story, "b")) == ()


def all_mutants(body, key="key-1"):
    return [mutant for group in mutants(body, key) for mutant in group]


class TestMutants:
    def test_of_an_object(self):
        plain, odd = mutants('{"id": "key-1", "n": 1}\n', "key-1")
        assert {'{"id": "key-1", "n": 1', "{}", "null"} <= set(plain)
        assert {'{"n": 1}', '{"id": ["key-1"], "n": 1}'} <= set(odd)

    def test_of_another_text(self):
        assert "plain tex" in all_mutants("plain text")

    @pytest.mark.parametrize("body", ["x", "{}", "null", "0", '{"id": "key-1"}'])
    def test_are_bodies_that_a_queue_takes_and_other_than_the_valid_one(self, body):
        made = all_mutants(body)
        assert body not in made
        assert all(made)
        for mutant in made:
            assert all(char in "\t\n\r" or char >= " " for char in mutant)
            mutant.encode()


def test_scenarios_are_for_consumers_that_do_not_say_what_their_effects_are():
    assert {scenario.family for scenario in SCENARIOS} == {"agreement"}
    assert all(scenario.related is not None for scenario in SCENARIOS)


def test_without_a_redrive_policy_odd_bodies_are_not_sent():
    consumer = Consumer(handler=lambda event, context: None, valid=str, queue=QueueSpec(max_receive_count=None))
    why_not = {scenario.name: scenario.why_not(consumer) for scenario in SCENARIOS}
    assert {name for name, reason in why_not.items() if reason is not None} == {
        "alone-and-among-others",
        "odd-bodies-warm",
    }
