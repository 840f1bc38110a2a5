"""Each invariant on histories told by hand: what holds, each way to break it, the edges, and what nobody can tell."""

import pytest

from redrive.scenarios.invariants import INVARIANTS, CannotTell, Invariant, Violation
from redrive.scenarios.judgement import Verdict, judge
from redrive.scenarios.results import Report, ScenarioResult
from redrive.simulator.batch_response import BatchVerdict
from redrive.simulator.function import Ending


def judged(invariant, told, *, finished=True):
    (judgement,) = judge(told.history(finished=finished), [invariant])
    return judgement


def holds(invariant, told):
    judgement = judged(invariant, told)
    assert judgement.verdict is Verdict.HOLDS, judgement
    return True


def violations(invariant, told, *, finished=True):
    judgement = judged(invariant, told, finished=finished)
    assert judgement.verdict is Verdict.VIOLATED, judgement
    return [(violation.business_keys, violation.message) for violation in judgement.violations]


def violation(invariant, told, *, finished=True):
    (only,) = violations(invariant, told, finished=finished)
    return only


def unknown(invariant, told, *, finished=False):
    judgement = judged(invariant, told, finished=finished)
    assert judgement.verdict is Verdict.UNKNOWN, judgement
    assert not judgement.violations
    return judgement.reason


class TestNoLoss:
    def test_acknowledged_with_its_effect(self, story):
        assert holds("no-loss", story("a", "b").delivered("a", "b").effects("a", "b").returned())

    def test_in_the_dead_letter_queue(self, story):
        told = story("bad-a", max_receive_count=1).delivered("bad-a").returned("bad-a").dead_lettered("bad-a")
        assert holds("no-loss", told)

    def test_acknowledged_before_its_effect_which_happens_all_the_same(self, story):
        assert holds("no-loss", story("a").delivered("a").returned().effects("a"))

    def test_effect_of_a_resent_message_is_the_effect_of_its_business_key(self, story):
        told = story("a", "a#2").delivered("a").effects("a").returned().delivered("a#2").returned()
        assert holds("no-loss", told)

    def test_acknowledged_without_its_effect(self, story):
        keys, message = violation("no-loss", story("a", "b").delivered("a", "b").effects("b").returned())
        assert keys == ("a",)
        assert message.startswith("message 1, 'a', was acknowledged, its effect never happened")

    def test_effect_of_a_neighbour_is_no_comfort(self, story):
        told = story("a", "b").delivered("a", "b").effects("b", "b").returned()
        assert violation("no-loss", told)[0] == ("a",)

    def test_effect_that_is_gone_again(self, story):
        told = story("a", "b").delivered("a").effects("a").returned().delivered("b").effects("b").gone("a").returned()
        keys, message = violation("no-loss", told)
        assert keys == ("a",)
        assert "was acknowledged, its effect is gone again" in message

    def test_effect_that_is_gone_and_comes_back(self, story):
        told = story("a").delivered("a").effects("a").gone("a").effects("a").returned()
        assert holds("no-loss", told)

    def test_effect_that_is_written_over_with_another_body_is_there(self, story):
        told = story("a").delivered("a").effects("a", body="one").effects("a", body="other").gone("a", body="one")
        assert holds("no-loss", told.returned())

    def test_one_of_two_effects_that_is_gone_leaves_one(self, story):
        assert holds("no-loss", story("a").delivered("a").effects("a", "a").gone("a").returned())

    def test_poison_acknowledged_is_lost(self, story):
        keys, message = violation("no-loss", story("bad-a").delivered("bad-a").returned())
        assert keys == ("bad-a",)
        assert "'bad-a' (poison)" in message

    def test_neither_acknowledged_nor_dead_lettered(self, story):
        _, message = violation("no-loss", story("a").delivered("a").effects("a").returned("a"))
        assert message.endswith("is neither acknowledged nor in the dead-letter queue")

    def test_deletion_that_was_lost_is_no_acknowledgement(self, story):
        told = story("a").delivered("a").effects("a")
        told.ended(Ending.RETURNED).lost_deletion("a")
        assert "neither acknowledged" in violation("no-loss", told)[1]

    def test_deletion_that_was_refused_is_no_acknowledgement(self, story):
        told = story("g:a").delivered("g:a").effects("a")
        told.ended(Ending.RETURNED).refused_deletion("g:a")
        assert "neither acknowledged" in violation("no-loss", told)[1]

    def test_without_a_dead_letter_queue_what_is_never_acknowledged_is_gone(self, story):
        told = story("a", max_receive_count=None).delivered("a").returned("a").delivered("a").returned("a")
        keys, message = violation("no-loss", told, finished=False)
        assert keys == ("a",)
        assert "delivered 2 times" in message
        assert "no dead-letter queue" in message

    def test_acknowledged_and_then_delivered_again_is_acknowledged(self, story):
        told = story("a").delivered("a").effects("a").returned().reappeared("a").delivered("a").returned("a")
        assert holds("no-loss", told)

    def test_acknowledged_without_effect_and_then_dead_lettered_is_not_lost(self, story):
        told = story("a", max_receive_count=1).delivered("a").returned().reappeared("a").dead_lettered("a")
        assert holds("no-loss", told)

    def test_effect_that_came_with_a_redelivery(self, story):
        told = story("a").delivered("a").returned().reappeared("a").delivered("a").effects("a").returned()
        assert holds("no-loss", told)

    def test_message_that_deduplication_swallowed_is_not_missed(self, story):
        told = story("g:a", "g:a#2", sent=False).sent("g:a").swallowed("g:a#2", as_a_duplicate_of="g:a")
        assert holds("no-loss", told.delivered("g:a").effects("a").returned())

    def test_without_a_look_at_effects_only_the_acknowledgement_counts(self, story):
        assert holds("no-loss", story("a", looks_at_effects=False).delivered("a").returned())

    def test_cut_off_before_the_end(self, story):
        told = story("a", "b").delivered("a").effects("a").returned().delivered("b")
        assert unknown("no-loss", told) == "the run ended before message 2, 'b', was acknowledged or dead-lettered"

    def test_cut_off_before_it_was_sent(self, story):
        told = story("a", "b", sent=False).sent("a").delivered("a").effects("a").returned()
        assert "message 2" in unknown("no-loss", told)

    def test_what_is_lost_for_certain_is_said_of_a_run_that_was_cut_off(self, story):
        told = story("a", "b", "c").delivered("b", "c").returned()
        told.effects("c")
        assert violation("no-loss", told, finished=False)[0] == ("b",)


class TestNoInvention:
    def test_effects_of_what_was_sent(self, story):
        assert holds("no-invention", story("a", "b").delivered("a", "b").effects("b", "a").returned())

    def test_no_effects(self, story):
        assert holds("no-invention", story("a").delivered("a").returned())

    def test_effect_before_the_message_was_handled_is_somebody_elses_affair(self, story):
        assert holds("no-invention", story("a").effects("a"))

    def test_keys_never_sent(self, story):
        told = story("a").delivered("a").effects("z", "a", "A", "z").returned()
        assert violations("no-invention", told) == [
            (("A",), "there is an effect for 'A', which was never sent"),
            (("z",), "there is an effect for 'z', which was never sent"),
        ]

    def test_cut_off(self, story):
        assert unknown("no-invention", story("a").delivered("a").effects("a")) is not None


class TestEffectsOnce:
    def test_one_effect_each(self, story):
        assert holds("effects-once", story("a", "b").delivered("a", "b").effects("a").effects("b").returned())

    def test_delivered_twice_and_done_once(self, story):
        told = story("a").delivered("a").effects("a").returned().reappeared("a").delivered("a").returned()
        assert holds("effects-once", told)

    def test_twice_in_two_invocations(self, story):
        told = story("a").delivered("a").effects("a").fault().ended(Ending.CRASHED)
        told.delivered("a").effects("a").returned()
        assert violation("effects-once", told) == (("a",), "the effect for 'a' happened 2 times")

    def test_twice_in_one_look(self, story):
        assert violation("effects-once", story("a").delivered("a").effects("a", "a").returned())[0] == ("a",)

    def test_twice_from_different_bodies(self, story):
        told = story("a").delivered("a").effects("a", body="one").effects("a", body="other").returned()
        assert violation("effects-once", told)[0] == ("a",)

    def test_once_for_each_of_two_messages_with_one_business_key(self, story):
        told = story("a", "a#2").delivered("a", "a#2").effects("a").effects("a").returned()
        assert "2 times" in violation("effects-once", told)[1]

    def test_a_message_is_sent_again_after_deduplication_has_ended(self, story):
        told = story("g:a", "g:a#2").delivered("g:a").effects("a").returned().delivered("g:a#2").effects("a").returned()
        assert violation("effects-once", told)[0] == ("a",)

    def test_seen_twice_before_the_run_was_cut_off(self, story):
        assert violation("effects-once", story("a").delivered("a").effects("a", "a"), finished=False)

    def test_cut_off_before_a_second_time_could_be_seen(self, story):
        assert unknown("effects-once", story("a").delivered("a").effects("a").fault()) is not None


class TestPoisonIsolated:
    def test_only_the_poison_comes_back(self, story):
        told = story("a", "bad-b", "c").delivered("a", "bad-b", "c").returned("bad-b")
        assert holds("poison-isolated", told.delivered("bad-b").returned("bad-b"))

    def test_neighbour_is_reported_with_the_poison(self, story):
        told = story("a", "bad-b", "c").delivered("a", "bad-b", "c").returned("a", "bad-b")
        keys, message = violation("poison-isolated", told)
        assert keys == ("a",)
        assert message == "message 1, 'a', was not done at delivery 1, with 'bad-b' in its batch"

    @pytest.mark.parametrize("ending", [Ending.RAISED, Ending.TIMED_OUT, Ending.CRASHED])
    def test_whole_batch_fails_because_of_the_poison(self, story, ending):
        told = story("a", "bad-b", "c").delivered("a", "bad-b", "c").ended(ending)
        assert [keys for keys, _ in violations("poison-isolated", told)] == [("a",), ("c",)]

    def test_answer_that_fails_the_batch(self, story):
        told = story("a", "bad-b").delivered("a", "bad-b")
        told.ended(Ending.RETURNED)
        assert violation("poison-isolated", told)[0] == ("a",)

    def test_not_done_though_nothing_was_wrong(self, story):
        told = story("a").delivered("a").returned("a").delivered("a").effects("a").returned()
        assert "though nothing was wrong" in violation("poison-isolated", told)[1]

    def test_each_neighbour_is_named_once_however_often_it_comes_back(self, story):
        told = story("a", "bad-b").delivered("a", "bad-b").ended(Ending.RAISED).delivered("a", "bad-b")
        assert violation("poison-isolated", told.ended(Ending.RAISED))[0] == ("a",)

    def test_a_later_delivery_counts_as_well_as_the_first(self, story):
        told = story("a", "bad-b").delivered("a").fault().ended(Ending.CRASHED).delivered("a", "bad-b")
        assert "at delivery 2" in violation("poison-isolated", told.ended(Ending.RAISED))[1]

    def test_a_fault_in_its_invocation_is_not_the_consumers_doing(self, story):
        told = story("a", "bad-b").delivered("a", "bad-b").fault().ended(Ending.CRASHED)
        assert holds("poison-isolated", told.delivered("a", "bad-b").effects("a").returned("bad-b"))

    def test_a_fault_in_another_invocation_at_another_time_is_no_excuse(self, story):
        told = story("a", "b").delivered("b").fault().ended(Ending.CRASHED).delivered("a").returned("a")
        assert violation("poison-isolated", told)[0] == ("a",)

    def test_leased_while_a_concurrent_invocation_has_it_is_forced(self, story):
        told = story("a").delivered("a").fault(invocation=0).delivered("a")
        told.returned("a", invocation=1).effects("a", invocation=0).returned(invocation=0)
        assert holds("poison-isolated", told)

    def test_leased_after_the_other_invocation_is_over_is_not_forced(self, story):
        told = story("a").delivered("a").fault().ended(Ending.CRASHED).delivered("a").returned("a")
        assert "at delivery 2" in violation("poison-isolated", told)[1]

    def test_fifo_what_is_behind_the_poison_of_its_group_must_wait(self, story):
        told = story("g:bad-a", "g:b").delivered("g:bad-a", "g:b").returned("g:bad-a", "g:b")
        assert holds("poison-isolated", told)

    def test_fifo_what_is_before_the_poison_need_not_wait(self, story):
        told = story("g:a", "g:bad-b").delivered("g:a", "g:bad-b").returned("g:a", "g:bad-b")
        assert violation("poison-isolated", told)[0] == ("a",)

    def test_fifo_another_group_need_not_wait(self, story):
        told = story("g:bad-a", "h:b").delivered("g:bad-a", "h:b").returned("g:bad-a", "h:b")
        assert violation("poison-isolated", told)[0] == ("b",)

    def test_standard_queue_has_no_order_to_wait_for(self, story):
        told = story("bad-a", "b").delivered("bad-a", "b").returned("bad-a", "b")
        assert violation("poison-isolated", told)[0] == ("b",)

    def test_poison_itself_may_fail_as_it_likes(self, story):
        assert holds("poison-isolated", story("bad-a").delivered("bad-a").ended(Ending.RAISED))

    def test_cut_off(self, story):
        assert unknown("poison-isolated", story("a").delivered("a")) is not None


class TestDeadLettered:
    @pytest.mark.parametrize("limit", [1, 3])
    def test_poison_after_exactly_the_limit(self, story, limit):
        told = story("bad-a", max_receive_count=limit)
        for _ in range(limit):
            told.delivered("bad-a").returned("bad-a")
        assert holds("dead-lettered", told.dead_lettered("bad-a"))

    @pytest.mark.parametrize("deliveries", [2, 4])
    def test_poison_after_one_delivery_fewer_or_more(self, story, deliveries):
        told = story("bad-a", max_receive_count=3)
        for _ in range(deliveries):
            told.delivered("bad-a").returned("bad-a")
        keys, message = violation("dead-lettered", told.dead_lettered("bad-a"))
        assert keys == ("bad-a",)
        assert message.endswith(f"was dead-lettered after {deliveries} deliveries instead of 3")

    def test_poison_acknowledged(self, story):
        keys, message = violation("dead-lettered", story("bad-a").delivered("bad-a").returned())
        assert keys == ("bad-a",)
        assert message.endswith("was acknowledged instead of being dead-lettered")

    def test_poison_acknowledged_at_its_last_delivery(self, story):
        told = story("bad-a", max_receive_count=2).delivered("bad-a").returned("bad-a").delivered("bad-a").returned()
        assert "acknowledged" in violation("dead-lettered", told)[1]

    def test_poison_left_in_the_queue(self, story):
        told = story("bad-a").delivered("bad-a").returned("bad-a")
        assert "left in the queue" in violation("dead-lettered", told)[1]

    def test_no_dead_letter_queue_for_poison(self, story):
        told = story("bad-a", max_receive_count=None).delivered("bad-a").returned("bad-a")
        assert "there is no dead-letter queue" in violation("dead-lettered", told, finished=False)[1]

    def test_no_dead_letter_queue_is_no_harm_without_poison(self, story):
        told = story("a", max_receive_count=None).delivered("a").returned("a").delivered("a").effects("a").returned()
        assert holds("dead-lettered", told)

    def test_valid_message_dead_lettered_for_the_consumers_failures(self, story):
        told = story("a", max_receive_count=2).delivered("a").returned("a").delivered("a").returned("a")
        keys, message = violation("dead-lettered", told.dead_lettered("a"))
        assert keys == ("a",)
        assert message.endswith("is valid, and was dead-lettered after 2 deliveries")

    def test_valid_message_that_used_up_one_delivery_by_the_consumers_failure(self, story):
        told = story("a", max_receive_count=2).delivered("a").fault().ended(Ending.CRASHED).delivered("a").returned("a")
        assert violation("dead-lettered", told.dead_lettered("a"))[0] == ("a",)

    def test_valid_message_whose_deliveries_all_met_with_faults(self, story):
        told = story("a", max_receive_count=2).delivered("a").fault().ended(Ending.CRASHED)
        assert holds("dead-lettered", told.delivered("a").fault().ended(Ending.TIMED_OUT).dead_lettered("a"))

    def test_valid_message_that_was_delivered_again_after_its_acknowledgement(self, story):
        told = story("a", max_receive_count=2).delivered("a").effects("a").returned()
        told.reappeared("a").delivered("a").returned().reappeared("a")
        assert holds("dead-lettered", told.dead_lettered("a"))

    def test_valid_message_whose_deletion_was_lost(self, story):
        told = story("a", max_receive_count=1).delivered("a").effects("a")
        told.returned("a", payload='{"batchItemFailures": []}')
        told.events[-1] = told.events[-1]._replace(verdict=BatchVerdict.SUCCESS, failed=frozenset())
        assert holds("dead-lettered", told.lost_deletion("a").dead_lettered("a"))

    def test_fifo_valid_message_behind_poison_is_forced_out_with_it(self, story):
        told = story("g:bad-a", "g:b", max_receive_count=1).delivered("g:bad-a", "g:b").returned("g:bad-a", "g:b")
        assert holds("dead-lettered", told.dead_lettered("g:bad-a", "g:b"))

    def test_fifo_valid_message_before_poison_is_not(self, story):
        told = story("g:a", "g:bad-b", max_receive_count=1).delivered("g:a", "g:bad-b").returned("g:a", "g:bad-b")
        assert violation("dead-lettered", told.dead_lettered("g:a", "g:bad-b"))[0] == ("a",)

    def test_poison_that_deduplication_swallowed_is_not_waited_for(self, story):
        told = story("g:bad-a", "g:bad-a#2", max_receive_count=1, sent=False).sent("g:bad-a")
        told.swallowed("g:bad-a#2", as_a_duplicate_of="g:bad-a").delivered("g:bad-a").returned("g:bad-a")
        assert holds("dead-lettered", told.dead_lettered("g:bad-a"))

    def test_cut_off_before_poison_was_dead_lettered(self, story):
        told = story("bad-a").delivered("bad-a").returned("bad-a")
        assert unknown("dead-lettered", told) == "the run ended before message 1, 'bad-a' (poison), was dead-lettered"

    def test_what_is_wrong_for_certain_is_said_of_a_run_that_was_cut_off(self, story):
        told = story("bad-a", "bad-b").delivered("bad-b").returned()
        assert violation("dead-lettered", told, finished=False)[0] == ("bad-b",)


class TestOrderKept:
    def test_send_order(self, story):
        told = story("g:a", "g:b").delivered("g:a", "g:b").effects("a").effects("b").returned()
        assert holds("order-kept", told)

    def test_later_before_earlier(self, story):
        told = story("g:a", "g:b").delivered("g:a", "g:b").effects("b").returned("g:a").delivered("g:a").effects("a")
        assert violation("order-kept", told.returned()) == (
            ("a", "b"),
            "in message group 'g' the effect for 'b' happened before that for 'a', which was sent earlier",
        )

    def test_groups_have_no_order_between_them(self, story):
        told = story("g:a", "h:b").delivered("g:a", "h:b").effects("b").effects("a").returned()
        assert holds("order-kept", told)

    def test_order_in_one_group_is_judged_beside_another(self, story):
        told = story("g:a", "h:b", "g:c", "h:d").delivered("g:a", "h:b", "g:c", "h:d")
        told.effects("b").effects("c").effects("d").effects("a").returned()
        assert violation("order-kept", told)[0] == ("a", "c")

    def test_effects_of_one_look_have_no_order(self, story):
        told = story("g:a", "g:b").delivered("g:a", "g:b").effects("b", "a").returned()
        assert holds("order-kept", told)

    @pytest.mark.parametrize("second_look", [("c", "a"), ("a", "c")])
    def test_effect_of_an_earlier_look_is_not_hidden_by_one_of_the_same_look(self, story, second_look):
        told = story("g:a", "g:b", "g:c").delivered("g:a", "g:b", "g:c").effects("b").effects(*second_look)
        assert violation("order-kept", told.returned())[0] == ("a", "b")

    def test_every_message_that_was_overtaken_is_named(self, story):
        told = story("g:a", "g:b", "g:c").delivered("g:a", "g:b", "g:c").effects("c").effects("a").effects("b")
        assert [keys for keys, _ in violations("order-kept", told.returned())] == [("a", "c"), ("b", "c")]

    def test_message_without_effect_may_be_passed_over(self, story):
        told = story("g:bad-a", "g:b").delivered("g:bad-a", "g:b").effects("b").returned("g:bad-a")
        assert holds("order-kept", told)

    def test_effect_repeated_later_is_not_out_of_order(self, story):
        told = story("g:a", "g:b").delivered("g:a", "g:b").effects("a").effects("b").fault().ended(Ending.CRASHED)
        assert holds("order-kept", told.delivered("g:a", "g:b").effects("a").effects("b").returned())

    def test_work_sent_again_counts_from_where_it_was_sent_first(self, story):
        told = story("g:a", "g:b", "g:a#2").delivered("g:a", "g:b", "g:a#2").effects("a").effects("b").returned()
        assert holds("order-kept", told)

    def test_standard_queue_has_no_order(self, story):
        assert holds("order-kept", story("a", "b").delivered("a", "b").effects("b").effects("a").returned())

    def test_effects_that_nobody_asked_for_have_no_place_in_the_order(self, story):
        told = story("g:a", "g:b").delivered("g:a", "g:b").effects("z").effects("a").effects("z").effects("b")
        assert holds("order-kept", told.returned())

    def test_cut_off(self, story):
        assert unknown("order-kept", story("g:a", "g:b").delivered("g:a", "g:b").effects("a")) is not None


class TestResponseValid:
    def test_partial_batch_response(self, story):
        assert holds("response-valid", story("a", "bad-b").delivered("a", "bad-b").returned("bad-b"))

    def test_bad_answer_that_fails_the_batch(self, story):
        told = story("a", "b").delivered("a", "b")
        told.returned("a", "b", verdict=BatchVerdict.FAILURE, problem="batchItemFailures is a string", payload='"x"')
        keys, message = violation("response-valid", told)
        assert keys == ("a", "b")
        assert message == (
            "invocation 1 answered '\"x\"': batchItemFailures is a string; "
            "the mapping reads that as failure of the batch"
        )

    def test_bad_answer_that_the_mapping_happens_to_forgive(self, story):
        told = story("a").delivered("a").returned(problem="an object without batchItemFailures")
        assert "success of the batch" in violation("response-valid", told)[1]

    def test_each_bad_answer_is_named(self, story):
        told = story("a").delivered("a").returned("a", problem="no").delivered("a").returned(problem="no")
        assert [message[:12] for _, message in violations("response-valid", told)] == ["invocation 1", "invocation 2"]

    @pytest.mark.parametrize("ending", [Ending.RAISED, Ending.TIMED_OUT, Ending.CRASHED])
    def test_no_answer_is_no_bad_answer(self, story, ending):
        assert holds("response-valid", story("a").delivered("a").ended(ending))

    def test_long_answers_are_cut(self, story):
        told = story("a").delivered("a").returned(problem="no", payload="x" * 1000)
        assert len(violation("response-valid", told)[1]) < 250

    def test_bad_answer_before_the_run_was_cut_off(self, story):
        told = story("a").delivered("a").returned("a", problem="no").delivered("a")
        assert violation("response-valid", told, finished=False)

    def test_cut_off(self, story):
        assert unknown("response-valid", story("a").delivered("a")) is not None


class TestBodyExact:
    def test_same_bytes(self, story):
        assert holds("body-exact", story("a").delivered("a").effects("a", body="body of a").returned())

    def test_effects_that_do_not_tell_their_body(self, story):
        assert holds("body-exact", story("a").delivered("a").effects("a").returned())

    def test_delivered_with_other_bytes(self, story):
        told = story("a").delivered("a", body="body of a ").effects("a").returned()
        keys, message = violation("body-exact", told)
        assert keys == ("a",)
        assert "was delivered with another body than it was sent with" in message

    def test_only_a_later_delivery_has_other_bytes(self, story):
        told = story("a").delivered("a").returned("a").delivered("a", body="other").returned()
        assert violation("body-exact", told)[0] == ("a",)

    def test_effect_made_from_other_bytes(self, story):
        told = story("a").delivered("a").effects("a", body="body of A").returned()
        assert violation("body-exact", told) == (
            ("a",),
            "the effect for 'a' was made from 'body of A', sent was 'body of a'",
        )

    def test_effect_made_from_the_body_of_a_neighbour(self, story):
        told = story("a", "b").delivered("a", "b").effects("a", body="body of b").returned()
        assert violation("body-exact", told)[0] == ("a",)

    def test_effect_for_a_key_never_sent_is_no_invention_s_affair(self, story):
        assert holds("body-exact", story("a").delivered("a").effects("z", body="made up").returned())

    def test_cut_off(self, story):
        assert unknown("body-exact", story("a").delivered("a").effects("a", body="body of a")) is not None


class TestJudge:
    def test_gives_a_judgement_for_each_name_in_the_order_given(self, story):
        history = story("a").delivered("a").effects("z").returned().history()
        judgements = judge(history, ["no-invention", "response-valid", "no-loss"])
        assert [(j.invariant, j.verdict) for j in judgements] == [
            ("no-invention", Verdict.VIOLATED),
            ("response-valid", Verdict.HOLDS),
            ("no-loss", Verdict.VIOLATED),
        ]

    def test_checker_that_crashes_is_unknown(self, story, monkeypatch):
        def crashes(history):
            yield Violation(message="half a thought", business_keys=("a",))
            raise KeyError("oops")

        monkeypatch.setitem(INVARIANTS, "crashes", Invariant(name="crashes", summary="", check=crashes))
        (judgement,) = judge(story("a").history(), ["crashes"])
        assert judgement.verdict is Verdict.UNKNOWN
        assert judgement.reason == "the check itself failed: KeyError: 'oops'"
        assert judgement.violations == ()

    def test_checker_that_cannot_tell_is_unknown(self, story, monkeypatch):
        def cannot(history):
            raise CannotTell("nobody looked")
            yield

        monkeypatch.setitem(INVARIANTS, "cannot", Invariant(name="cannot", summary="", check=cannot))
        (judgement,) = judge(story("a").history(), ["cannot"])
        assert (judgement.verdict, judgement.reason) == (Verdict.UNKNOWN, "nobody looked")

    def test_nothing_holds_of_a_run_that_was_cut_off(self, story):
        told = story("a").delivered("a").effects("a", body="body of a").returned().reappeared("a")
        for judgement in judge(told.history(finished=False), INVARIANTS):
            assert judgement.verdict is Verdict.UNKNOWN, judgement
            assert judgement.reason

    def test_everything_holds_of_the_same_run_at_its_end(self, story):
        told = story("a").delivered("a").effects("a", body="body of a").returned()
        assert {judgement.verdict for judgement in judge(told.history(), INVARIANTS)} == {Verdict.HOLDS}

    def test_a_crash_of_the_checker_keeps_the_report_from_passing(self):
        def passed(*verdicts):
            results = [ScenarioResult(name=str(number), verdict=verdict) for number, verdict in enumerate(verdicts)]
            return Report(version="0", target="t", environment="e", runtime="r", seed=0, scenarios=results).passed

        assert passed(Verdict.HOLDS, Verdict.HOLDS)
        assert passed(Verdict.HOLDS, Verdict.SKIPPED)
        assert not passed(Verdict.HOLDS, Verdict.UNKNOWN)
        assert not passed(Verdict.HOLDS, Verdict.VIOLATED)
        assert not passed(Verdict.SKIPPED)
        assert not passed()


def test_each_invariant_says_what_it_promises_and_the_first_are_those_of_the_design():
    assert list(INVARIANTS)[:8] == [
        "no-loss",
        "no-invention",
        "effects-once",
        "poison-isolated",
        "dead-lettered",
        "order-kept",
        "response-valid",
        "body-exact",
    ]
    for name, invariant in INVARIANTS.items():
        assert invariant.name == name
        assert invariant.summary.endswith(".")
        assert "\n" not in invariant.summary
