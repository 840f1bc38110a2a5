"""Messages that the mapping or the queue does something unusual with: filtered, throttled, expired, redriven."""

import pytest

from redrive.scenarios.judgement import Verdict, judge
from redrive.scenarios.timeline import timeline
from redrive.simulator import Ending


def judgement(name, told, **options):
    (given,) = judge(told.history(**options), [name])
    return given


def holds(name, told):
    return judgement(name, told).verdict is Verdict.HOLDS


def violation(name, told):
    (found,) = judgement(name, told).violations
    return found.message


def test_filtered_message_is_neither_lost_nor_missed_among_the_dead_letters(story):
    told = story("a", "bad-b").filtered("bad-b").delivered("a").effects("a").returned()
    assert holds("no-loss", told)
    assert holds("dead-lettered", told)
    assert any("no filter lets it through" in line for line in timeline(told.history()))


@pytest.mark.parametrize("max_receive_count", [3, None])
def test_expired_message_is_lost(story, max_receive_count):
    told = story("a", max_receive_count=max_receive_count).delivered("a").ended(Ending.RAISED).expired("a")
    assert "neither acknowledged" in violation("no-loss", told) or "never acknowledged" in violation("no-loss", told)
    assert any("its retention is over" in line for line in timeline(told.history()))


def test_expired_message_is_lost_for_certain_in_a_run_that_was_cut_off(story):
    told = story("a").delivered("a").ended(Ending.RAISED).expired("a")
    assert judgement("no-loss", told, finished=False).verdict is Verdict.VIOLATED


def test_expired_after_its_acknowledgement_is_not_lost(story):
    assert holds("no-loss", story("a").delivered("a").effects("a").returned().expired("a"))


def test_receives_of_a_throttled_invocation_count_toward_the_dead_letter_queue(story):
    told = story("bad-a").throttled("bad-a").let_go("bad-a").delivered("bad-a").returned("bad-a")
    told.delivered("bad-a").returned("bad-a").dead_lettered("bad-a")
    assert holds("dead-lettered", told)
    lines = timeline(told.history())
    assert any("let go: invocation 1 was throttled; receive count 1" in line for line in lines)


def test_valid_message_that_was_never_delivered_for_throttling_is_not_the_consumers_fault(story):
    told = story("a", max_receive_count=1).throttled("a").let_go("a").dead_lettered("a")
    assert holds("dead-lettered", told)
    assert holds("no-loss", told)


def test_throttled_invocation_that_begins_later_is_one_invocation(story):
    told = story("a").throttled("a")
    told.batches.clear()
    told.delivered("a").effects("a").returned()
    (invocation,) = told.history().invocations.values()
    assert (invocation.message_ids, invocation.ending) == (["id of a"], Ending.RETURNED)
    assert invocation.began_ms > told.history().start_ms


def redriven(story):
    """Failed until it was dead-lettered, then moved back."""
    told = story("bad-a", max_receive_count=1).delivered("bad-a").returned("bad-a").dead_lettered("bad-a")
    return told.redriven("bad-a")


def test_redriven_message_is_the_same_message_under_a_new_id(story):
    told = redriven(story).delivered("bad-a").effects("bad-a").returned()
    (fate,) = told.history().fates
    assert (fate.message_id, fate.acknowledged) == ("id of bad-a, new", True)
    assert [delivery.message_id for delivery in fate.deliveries] == ["id of bad-a", "id of bad-a, new"]
    assert holds("no-loss", told)
    assert any("with the new message id" in line for line in timeline(told.history()))


def test_redriven_message_has_all_its_deliveries_again(story):
    assert holds("dead-lettered", redriven(story).delivered("bad-a").returned("bad-a").dead_lettered("bad-a"))


def test_redriven_message_that_is_left_in_the_queue_is_lost(story):
    assert "neither acknowledged" in violation("no-loss", redriven(story))


def test_failures_before_and_after_are_each_found_under_the_id_of_their_time(story):
    told = story("a", "b", max_receive_count=1).delivered("a").returned("a").dead_lettered("a").redriven("a")
    told.delivered("a", "b").returned("a", "b")
    assert len(judgement("poison-isolated", told).violations) == 2


def test_two_invocations_that_have_a_message_at_once_excuse_each_other_without_a_fault(story):
    told = story("a").delivered("a").called().delivered("a").called().returned("a")
    told.effects("a", invocation=0).returned(invocation=0)
    assert holds("poison-isolated", told)


def test_delivery_that_begins_when_the_one_before_has_ended_is_no_excuse(story):
    told = story("a").delivered("a").effects("a").returned().delivered("a").returned("a")
    assert not holds("poison-isolated", told)


def test_digest_is_of_all_that_happened_and_does_not_depend_on_the_order_of_sets(story):
    def told(*failed):
        return story("a", "b").delivered("a", "b").returned(*failed).history().digest

    assert told("a", "b") == told("b", "a")
    assert len({told(), told("a"), told("a", "b")}) == 3
    assert len(told()) == 64
