"""Equal batches, deadlines, bodies in S3, and messages that a consumer may do as it likes with: told by hand."""

from dataclasses import replace

import pytest

from redrive.scenarios.invariants import INVARIANTS
from redrive.scenarios.judgement import Verdict, judge
from redrive.scenarios.plan import Kind, PointerKind
from redrive.simulator import trace
from redrive.simulator.faults import DependencyDown, SlowAt, TimeoutAt
from redrive.simulator.function import Ending

SECOND_MS = 1_000


def changed(told, **fields):
    """The story with these fields in the messages named."""
    told.plan = replace(
        told.plan,
        messages=tuple(replace(message, **fields.get(message.key, {})) for message in told.plan.messages),
    )
    return told


def judged(invariant, told, *, finished=True):
    (judgement,) = judge(told.history(finished=finished), [invariant])
    return judgement.verdict


def found(invariant, told):
    (judgement,) = judge(told.history(), [invariant])
    assert judgement.verdict is Verdict.VIOLATED, judgement
    return [(violation.business_keys, violation.message) for violation in judgement.violations]


class TestSameAnswer:
    @pytest.fixture
    def twins(self, story):
        return lambda *names: changed(
            story(*names),
            **{name: {"likeness": name.rpartition("-")[0]} for name in names},
        )

    def test_same_outcome_of_equal_batches(self, twins):
        told = twins("x-1", "y-1", "x-2", "y-2").delivered("x-1", "y-1").returned("y-1")
        assert judged("same-answer", told.delivered("x-2", "y-2").returned("y-2")) is Verdict.HOLDS

    def test_other_outcome_is_a_violation_that_says_which_environments(self, twins):
        told = twins("x-1", "x-2").delivered("x-1").returned().delivered("x-2").returned("x-2")
        ((keys, message),) = found("same-answer", told)
        assert keys == ("x-1", "x-2")
        assert "succeeded in invocation 1 in a cold environment" in message
        assert "failed in invocation 2 in a cold environment" in message

    def test_only_the_first_delivery_counts(self, twins):
        told = twins("x-1", "x-2").delivered("x-1").returned("x-1").delivered("x-1").returned()
        assert judged("same-answer", told.delivered("x-2").returned("x-2")) is Verdict.HOLDS

    def test_among_other_neighbours_it_is_another_question(self, twins):
        told = twins("x-1", "y-1", "x-2").delivered("x-1", "y-1").returned("x-1", "y-1").delivered("x-2").returned()
        assert judged("same-answer", told) is Verdict.HOLDS

    def test_what_a_fault_struck_is_left_out(self, twins):
        told = twins("x-1", "x-2").delivered("x-1").fault().ended(Ending.CRASHED).delivered("x-2").returned()
        assert judged("same-answer", told) is Verdict.HOLDS

    def test_of_other_making_may_come_to_something_else(self, story):
        told = story("a", "b").delivered("a").returned().delivered("b").returned("b")
        assert judged("same-answer", told) is Verdict.HOLDS


class TestDeadlineKept:
    def test_ended_by_its_timeout_with_nothing_in_its_way(self, story):
        ((keys, message),) = found("deadline-kept", story("a").delivered("a").ended(Ending.TIMED_OUT))
        assert keys == ("a",)
        assert "invocation 1 was ended by its timeout" in message

    def test_ended_otherwise(self, story):
        assert judged("deadline-kept", story("a").delivered("a").ended(Ending.CRASHED)) is Verdict.HOLDS
        assert judged("deadline-kept", story("a").delivered("a").returned()) is Verdict.HOLDS

    # A step takes a second: the fault strikes one before the end.
    @pytest.mark.parametrize(
        ("fault", "verdict"),
        [
            pytest.param(TimeoutAt(invocation=0), Verdict.HOLDS, id="hung"),
            pytest.param(SlowAt(invocation=0, duration_ms=50 * SECOND_MS), Verdict.HOLDS, id="a call beyond the end"),
            pytest.param(
                SlowAt(invocation=0, duration_ms=SECOND_MS), Verdict.VIOLATED, id="a call no longer than most"
            ),
            pytest.param(DependencyDown(invocation=0), Verdict.VIOLATED, id="calls that fail at once"),
        ],
    )
    def test_excused_only_by_a_single_call_that_took_it_there(self, story, fault, verdict):
        told = story("a").delivered("a").fault(fault).ended(Ending.TIMED_OUT)
        assert judged("deadline-kept", told) is verdict

    def test_a_long_call_that_left_time_is_no_excuse(self, story):
        told = story("a").delivered("a").fault(SlowAt(invocation=0, duration_ms=2 * SECOND_MS))
        told.now_ms += 5 * SECOND_MS
        assert judged("deadline-kept", told.ended(Ending.TIMED_OUT)) is Verdict.VIOLATED

    def test_fault_of_another_invocation_is_no_excuse(self, story):
        told = story("a", "b").delivered("a").fault(TimeoutAt(invocation=0)).ended(Ending.TIMED_OUT)
        ((keys, _),) = found("deadline-kept", told.delivered("b").ended(Ending.TIMED_OUT))
        assert keys == ("b",)


class TestOversizeDone:
    @pytest.fixture
    def pointing(self, story):
        return lambda pointer=PointerKind.GOOD: changed(
            story("a", max_receive_count=1), a={"pointer": pointer, "kind": Kind.ANY, "payload": "large"}
        )

    def test_done(self, pointing):
        told = pointing().delivered("a").effects("a", body="large").returned()
        assert judged("oversize-done", told) is Verdict.HOLDS

    def test_dead_lettered(self, pointing):
        ((keys, message),) = found("oversize-done", pointing().delivered("a").returned("a").dead_lettered("a"))
        assert keys == ("a",)
        assert "has its body in S3, and was dead-lettered after 1 deliveries" in message

    def test_acknowledged_without_its_effect(self, pointing):
        ((_, message),) = found("oversize-done", pointing().delivered("a").returned())
        assert "acknowledged without its effect" in message

    def test_dead_lettered_by_no_fault_of_its_own(self, pointing):
        told = pointing().delivered("a").fault().ended(Ending.CRASHED).dead_lettered("a")
        assert judged("oversize-done", told) is Verdict.HOLDS

    @pytest.mark.parametrize("pointer", [PointerKind.MISSING, PointerKind.FOREIGN])
    def test_of_other_pointers_it_says_nothing(self, pointing, pointer):
        told = pointing(pointer).delivered("a").returned("a").dead_lettered("a")
        assert judged("oversize-done", told) is Verdict.HOLDS

    def test_effect_may_be_made_from_what_is_pointed_to_or_from_the_pointer(self, pointing):
        assert judged("body-exact", pointing().delivered("a").effects("a", body="large")) is Verdict.HOLDS
        assert judged("body-exact", pointing().delivered("a").effects("a", body="body of a")) is Verdict.HOLDS
        assert judged("body-exact", pointing().delivered("a").effects("a", body="other")) is Verdict.VIOLATED


class TestWhatTheConsumerDecides:
    @pytest.mark.parametrize("kind", [Kind.EITHER, Kind.ANY])
    def test_may_be_done_or_dead_lettered(self, story, kind):
        done = changed(story("a"), a={"kind": kind}).delivered("a").effects("a").returned()
        dead = changed(story("a", max_receive_count=1), a={"kind": kind}).delivered("a").returned("a")
        for told in (done, dead.dead_lettered("a")):
            for invariant in ("no-loss", "dead-lettered", "poison-isolated"):
                assert judged(invariant, told) is Verdict.HOLDS

    def test_only_what_may_be_dropped_may_be_acknowledged_without_its_effect(self, story):
        told = {kind: changed(story("a"), a={"kind": kind}).delivered("a").returned() for kind in Kind}
        verdicts = {kind: judged("no-loss", told[kind]) for kind in Kind}
        assert verdicts.pop(Kind.ANY) is Verdict.HOLDS
        assert set(verdicts.values()) == {Verdict.VIOLATED}

    def test_its_neighbours_are_held_against_the_consumer_all_the_same(self, story):
        told = changed(story("a", "b"), a={"kind": Kind.ANY}).delivered("a", "b").returned("a", "b")
        ((keys, message),) = found("poison-isolated", told)
        assert keys == ("b",)
        assert "with 'a' in its batch" in message


class TestRefused:
    def refused(self, story):
        told = story("a", "b", sent=False).sent("a")
        told.events.append(trace.SendRefused(told.now_ms, 1, "MissingParameter"))
        return told.delivered("a").effects("a").returned()

    def test_is_not_lost(self, story):
        assert judged("no-loss", self.refused(story)) is Verdict.HOLDS

    def test_is_known_by_its_code(self, story):
        assert [fate.refused for fate in self.refused(story).history().fates] == [None, "MissingParameter"]

    def test_effect_of_it_is_invented(self, story):
        assert judged("no-invention", self.refused(story)) is Verdict.HOLDS
        ((keys, _),) = found("no-invention", self.refused(story).effects("b"))
        assert keys == ("b",)


class TestRetentionOver:
    def test_amid_faults_it_is_nobodys_loss(self, story):
        told = story("a").delivered("a").fault().ended(Ending.CRASHED).expired("a")
        assert judged("no-loss", told) is Verdict.HOLDS

    def test_of_what_the_consumer_failed_for_no_reason_it_is_a_loss(self, story):
        ((_, message),) = found("no-loss", story("a").delivered("a").returned("a").expired("a"))
        assert "its retention is over" in message

    def test_of_what_was_never_delivered_it_is_a_loss(self, story):
        assert judged("no-loss", story("a").expired("a")) is Verdict.VIOLATED

    def test_of_poison_it_comes_before_the_dead_letter_queue(self, story):
        told = story("bad-a").delivered("bad-a").returned("bad-a").expired("bad-a")
        assert judged("no-loss", told) is Verdict.HOLDS
        assert judged("dead-lettered", told) is Verdict.HOLDS


def test_what_is_claimed_with_them():
    claims = {name: INVARIANTS[name].claim for name in ("same-answer", "deadline-kept", "oversize-done")}
    assert claims == {"same-answer": None, "deadline-kept": "deadline-aware", "oversize-done": "oversize"}
