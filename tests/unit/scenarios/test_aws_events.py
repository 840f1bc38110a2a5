"""One order out of what several clocks tell, and what is missing."""

import pytest

from redrive.fixtures.event_builder import md5_of_body
from redrive.scenarios.environments.aws_events import JournalIncomplete, at_rest, history_events
from redrive.scenarios.environments.aws_names import PLANNED, RunNames
from redrive.scenarios.history import EffectSeen
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.simulator import trace
from redrive.simulator.batch_response import BatchVerdict
from redrive.simulator.function import Ending


def sent(message_id, at_ms=100):
    return trace.Sent(at_ms, 0, message_id, True)


def delivered(message_id, count, *, at_ms=200, invocation=0, md5="md5"):
    return trace.Delivered(at_ms, invocation, message_id, count, md5)


def began(invocation, at_ms=200):
    return trace.Began(at_ms, invocation, 1, False, 1)


def ended(invocation, *failed, at_ms=300):
    verdict = BatchVerdict.PARTIAL if failed else BatchVerdict.SUCCESS
    return trace.Ended(at_ms, invocation, Ending.RETURNED, None, verdict, frozenset(failed), None)


DONE = [began(0), delivered("a", 1), ended(0), trace.Deleted(300, 0, "a")]


def test_what_was_deleted_is_at_rest():
    assert at_rest(["a"], DONE, [], max_receive_count=3)
    assert at_rest([], [], [], max_receive_count=3)


def test_what_was_not_delivered_is_not():
    assert not at_rest(["a", "b"], DONE, [], max_receive_count=3)


def test_an_invocation_without_its_end_is_waited_for():
    assert not at_rest(["a"], [*DONE, began(1, 400)], [], max_receive_count=3)


def test_what_is_dead_is_at_rest_with_all_its_deliveries():
    lines = [event for n in (1, 2) for event in (began(n), delivered("a", n, invocation=n), ended(n, "a"))]
    assert at_rest(["a"], lines, ["a"], max_receive_count=2)
    assert not at_rest(["a"], lines, ["a"], max_receive_count=3)
    assert not at_rest(["a"], lines, [], max_receive_count=2)


def test_a_gap_in_the_deliveries_is_waited_for():
    lines = [began(0), delivered("a", 2), ended(0), trace.Deleted(300, 0, "a")]
    assert not at_rest(["a"], lines, [], max_receive_count=3)


def test_a_gap_that_stays_says_nothing_of_the_consumer():
    lines = [began(0), delivered("a", 3), ended(0), trace.Deleted(300, 0, "a")]
    with pytest.raises(JournalIncomplete, match="receive 1 of message a"):
        history_events([sent("a")], lines, {}, RunNames())
    with pytest.raises(JournalIncomplete, match="dead-letter queue"):
        history_events([sent("a")], [], {"a": 500}, RunNames())


def test_without_a_journal_nothing_of_it_is_missing():
    told = history_events([sent("a")], [], {"a": 500}, RunNames(), knows_invocations=False)
    assert told == (sent("a"), trace.DeadLettered(500, "a", 0))


def test_a_delivery_comes_after_its_send_whatever_the_clocks_say():
    early = [event._replace(at_ms=event.at_ms - 150) for event in DONE]
    told = history_events([sent("a")], early, {}, RunNames())
    assert [type(event).__name__ for event in told] == ["Sent", "Began", "Delivered", "Ended", "Deleted"]
    assert [event.at_ms for event in told] == [100, 100, 100, 200, 200]


def test_a_message_is_dead_after_its_last_delivery_with_their_number():
    lines = [event for n in (1, 2) for event in (began(n), delivered("a", n, invocation=n), ended(n, "a"))]
    told = history_events([sent("a")], lines, {"a": 250}, RunNames())
    assert told[-1] == trace.DeadLettered(300, "a", 2)


def test_effects_are_where_they_were_seen():
    seen = EffectSeen(250, -1, 1, "key-1", None)
    told = history_events([sent("a"), seen], DONE, {}, RunNames())
    assert [type(event).__name__ for event in told] == ["Sent", "Began", "Delivered", "EffectSeen", "Ended", "Deleted"]


def test_bodies_have_the_md5_of_the_plan_if_they_arrived_as_sent():
    names = RunNames()
    plan = Plan(messages=(PlannedMessage(key="key-1", body=f"{PLANNED}key-1"),))
    (message,) = names.sent(plan, looks_at_effects=True)
    assert message.body == f"{names.beginning}key-1"
    arrived = [began(0), delivered("a", 1, md5=md5_of_body(message.body)), ended(0)]
    told = history_events([sent("a")], arrived, {}, names)
    assert told[2].md5_of_body == md5_of_body(plan.messages[0].body)
    changed = [began(0), delivered("a", 1, md5=md5_of_body("another")), ended(0)]
    assert history_events([sent("a")], changed, {}, names)[2].md5_of_body == md5_of_body("another")


def test_a_look_is_two_readings_that_are_alike():
    readings = iter([["a"], ["a", "b"], ["a", "b"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c"]])
    look = RunNames().look(lambda _: next(readings))
    assert sorted(effect.key for effect in look(None)) == ["a", "b"]
    assert sorted(effect.key for effect in look(None)) == ["a", "b", "c"]


def test_where_no_two_readings_are_alike_nothing_new_is_known():
    readings = iter(["a" * number for number in range(1, 100)])
    look = RunNames().look(lambda _: list(next(readings)))
    assert look(None) == []


def test_late_effects_of_another_run_are_not_of_this_one():
    look = RunNames(beginning="redrive-aaaaaaaaaaaa-").look(
        lambda _: ["redrive-aaaaaaaaaaaa-key-1", "redrive-bbbbbbbbbbbb-key-1", "redrive-short"]
    )
    assert sorted(effect.key for effect in look(None)) == ["key-1", "redrive-short"]
