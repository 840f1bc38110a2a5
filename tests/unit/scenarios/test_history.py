"""What a history says of messages and invocations, from the events alone."""

from redrive.simulator.batch_response import BatchVerdict
from redrive.simulator.faults import CrashAt
from redrive.simulator.function import Ending


def fate_of(history, name):
    return next(fate for fate in history.fates if fate.message_id == f"id of {name}")


def test_fates_are_the_planned_messages_in_plan_order(story):
    history = story("a", "bad-b", "c").history()
    assert [(fate.number, fate.message.key) for fate in history.fates] == [(0, "a"), (1, "bad-b"), (2, "c")]
    assert [fate.message_id for fate in history.fates] == ["id of a", "id of bad-b", "id of c"]


def test_message_that_was_never_sent_has_no_id_and_is_not_enqueued(story):
    first, second = story("a", "b", sent=False).sent("b").history().fates
    assert (first.message_id, first.enqueued) == ("", False)
    assert (second.message_id, second.enqueued) == ("id of b", True)


def test_deliveries_say_invocation_and_receive_count(story):
    told = story("a", "b").delivered("a", "b").returned("b").delivered("b").returned()
    seen = [(d.invocation, d.receive_count) for d in fate_of(told.history(), "b").deliveries]
    assert seen == [(0, 1), (1, 2)]


def test_acknowledged_is_who_was_deleted(story):
    history = story("a", "b").delivered("a", "b").returned("b").history()
    assert [fate.acknowledged for fate in history.fates] == [True, False]


def test_lost_and_refused_deletions_acknowledge_nothing(story):
    told = story("a", "b").delivered("a", "b").ended(Ending.RETURNED)
    history = told.lost_deletion("a").refused_deletion("b").history()
    assert [fate.acknowledged for fate in history.fates] == [False, False]


def test_dead_lettered_after_is_the_queues_own_count(story):
    history = story("a", "b").delivered("a").returned("a").dead_lettered("a", after=7).history()
    assert [fate.dead_lettered_after for fate in history.fates] == [7, None]


def test_what_befalls_a_message_id_befalls_the_first_message_that_has_it(story):
    told = story("g:a", "g:a#2", sent=False).sent("g:a").swallowed("g:a#2", as_a_duplicate_of="g:a")
    first, second = told.delivered("g:a").returned().history().fates
    assert (first.enqueued, first.acknowledged, len(first.deliveries)) == (True, True, 1)
    assert (second.enqueued, second.acknowledged, len(second.deliveries)) == (False, False, 0)
    assert second.message_id == first.message_id
    assert told.history().by_message_id == {"id of g:a": first}


def test_deliveries_counts_each_delivery_of_each_message(story):
    told = story("a", "b").delivered("a", "b").returned("b").delivered("b").returned()
    assert told.history().deliveries == 3


def test_invocation_records_batch_ending_and_how_the_answer_was_read(story):
    told = story("a", "b").delivered("a", "b").called().fault().returned("b", payload="answer")
    record = told.history().invocations[0]
    assert record.message_ids == ["id of a", "id of b"]
    assert (record.ending, record.payload, record.verdict) == (Ending.RETURNED, "answer", BatchVerdict.PARTIAL)
    assert record.failed == {"id of b"}
    assert record.faults == [CrashAt(invocation=0, call=1)]
    assert record.began_ms < record.ended_ms


def test_invocation_without_an_end_has_none(story):
    record = story("a").delivered("a").history().invocations[0]
    assert (record.ended_ms, record.ending, record.verdict, record.failed) == (None, None, None, frozenset())


def test_effects_keep_the_order_in_which_they_were_seen(story):
    told = story("a", "b").delivered("a", "b").effects("b").called().effects("a", "b")
    assert [(effect.key, effect.look) for effect in told.history().effects] == [("b", 1), ("a", 2), ("b", 2)]


def test_done_is_whose_effect_is_there_in_the_end(story):
    told = story("a", "b", "c").delivered("a", "b", "c").effects("a", "b", "b").gone("a", "b").effects("z")
    assert told.history().done == {"b", "z"}


def test_calls_counts_what_the_handler_called(story):
    assert story("a").delivered("a").called().called(answer="not sent").history().calls == 2


def test_struck_is_any_fault_whether_of_the_function_or_of_the_queue(story):
    assert not story("a").delivered("a").called().returned().history().struck
    assert story("a").delivered("a").fault().history().struck
    assert story("a").delivered("a").lost_deletion("a").history().struck
    assert story("a").delivered("a").returned().reappeared("a").history().struck


def test_refused_deletion_is_the_queues_rule_and_no_fault(story):
    assert not story("g:a").delivered("g:a").refused_deletion("g:a").history().struck
