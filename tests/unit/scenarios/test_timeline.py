"""The text of a history, whole: it is what a user is shown when something is broken."""

import json

from redrive.scenarios.timeline import timeline
from redrive.simulator.batch_response import BatchVerdict
from redrive.simulator.faults import SlowAt
from redrive.simulator.function import Ending


def lines(told, keys=None):
    return "\n".join(timeline(told.history(), keys)) + "\n"


def test_a_crash_a_retry_and_an_acknowledgement(story):
    told = story("a").delivered("a").called("UpdateItem").effects("a").fault().ended(Ending.CRASHED)
    told.delivered("a").called("UpdateItem", "ConditionalCheckFailedException").returned()
    assert (
        lines(told)
        == """\
message 1: 'a', valid
      +0.000 s  sent
      +0.000 s  delivered to invocation 1 alone, receive count 1
      +0.000 s  invocation 1 calls dynamodb UpdateItem: ok
      +1.000 s  its effect is there
      +1.000 s  FAULT: invocation 1 crashes after its AWS call 1
      +2.000 s  invocation 1 crashed: its whole batch comes back
      +3.000 s  delivered to invocation 2 alone, receive count 2
      +3.000 s  invocation 2 calls dynamodb UpdateItem: ConditionalCheckFailedException
      +4.000 s  invocation 2 returned and reported success for this message
      +5.000 s  deleted: invocation 2 acknowledged it
"""
    )


def test_poison_beside_a_neighbour(story):
    told = story("a", "bad-b", max_receive_count=1).delivered("a", "bad-b").effects("a").returned("bad-b")
    assert (
        lines(told.dead_lettered("bad-b"))
        == """\
message 1: 'a', valid
      +0.000 s  sent
      +0.000 s  delivered to invocation 1 in a batch of 2, receive count 1
      +0.000 s  its effect is there
      +0.000 s  invocation 1 returned and reported success for this message
      +1.000 s  deleted: invocation 1 acknowledged it
message 2: 'bad-b', poison
      +0.000 s  sent
      +0.000 s  delivered to invocation 1 in a batch of 2, receive count 1
      +0.000 s  invocation 1 returned and reported this message as failed
      +1.000 s  moved to the dead-letter queue after 1 deliveries
"""
    )


def test_fifo_duplicate_that_is_swallowed_was_in_no_invocation(story):
    told = story("g:a", "g:a#2", sent=False).sent("g:a").swallowed("g:a#2", as_a_duplicate_of="g:a")
    told.delivered("g:a").called().returned()
    assert (
        lines(told)
        == """\
message 1: 'a', valid, message group 'g'
      +0.000 s  sent
      +1.000 s  delivered to invocation 1 alone, receive count 1
      +1.000 s  invocation 1 calls dynamodb PutItem: ok
      +2.000 s  invocation 1 returned and reported success for this message
      +3.000 s  deleted: invocation 1 acknowledged it
message 2: 'a', valid, message group 'g'
      +0.000 s  sent, and swallowed by deduplication
"""
    )


def test_what_becomes_of_deletions(story):
    told = story("a").delivered("a").returned("a", verdict=BatchVerdict.SUCCESS).lost_deletion("a")
    told.refused_deletion("a").reappeared("a")
    assert lines(told).splitlines()[-3:] == [
        "      +1.000 s  FAULT: the deletion after invocation 1 is lost",
        "      +2.000 s  its deletion after invocation 1 is refused: InvalidParameterValue",
        "      +3.000 s  FAULT: it becomes visible once more",
    ]


def test_effect_that_is_gone_again(story):
    told = story("a").delivered("a").effects("a").gone("a")
    assert [line.strip() for line in timeline(told.history())[-2:]] == [
        "+0.000 s  its effect is there",
        "+0.000 s  its effect is gone",
    ]


def last_line(told):
    return timeline(told.history())[-1].partition("s  ")[2]


def test_endings(story):
    def told():
        return story("a").delivered("a")

    assert last_line(told().ended(Ending.TIMED_OUT, payload="Task timed out")) == (
        "invocation 1 timed out: its whole batch comes back"
    )
    error = '{"errorMessage": "two\\nlines", "errorType": "KeyError", "stackTrace": ["  File …"]}'
    assert last_line(told().ended(Ending.RAISED, payload=error)) == (
        "invocation 1 raised KeyError: two lines: its whole batch comes back"
    )
    bad = told().returned("a", verdict=BatchVerdict.FAILURE, problem="the response is not JSON")
    assert last_line(bad) == "invocation 1 returned, and the response is not JSON: its whole batch comes back"


def test_long_errors_are_cut(story):
    error = {"errorType": "E", "errorMessage": "x" * 1000}
    told = story("a").delivered("a").ended(Ending.RAISED, payload=json.dumps(error))
    assert "x…: its whole batch comes back" in last_line(told)
    assert len(last_line(told)) < 250


def test_without_partial_batch_responses_a_return_is_success_of_the_batch(story):
    told = story("a", report_batch_item_failures=False).delivered("a").returned()
    assert "invocation 1 returned: that is success of the whole batch" in lines(told)


def test_only_the_messages_asked_for(story):
    told = story("a", "b", "c").delivered("a", "b", "c").effects("a", "b").returned()
    assert [line for line in timeline(told.history(), ["b"]) if not line.startswith(" ")] == ["message 2: 'b', valid"]
    assert sum("its effect is there" in line for line in timeline(told.history(), ["b"])) == 1
    assert timeline(told.history(), []) == ()


def test_calls_and_faults_of_other_invocations_are_left_out(story):
    told = story("a", "b").delivered("a").called("GetItem").fault(SlowAt(invocation=0, call=1, duration_ms=500))
    told.returned().delivered("b").called("PutItem").returned()
    of_b = "\n".join(timeline(told.history(), ["b"]))
    assert "PutItem" in of_b
    assert "GetItem" not in of_b
    assert "FAULT" not in of_b
    assert "held up for 0.5 s" in "\n".join(timeline(told.history(), ["a"]))


def test_times_line_up_up_to_a_day(story):
    told = story("a").delivered("a")
    told.now_ms += 86_395_000
    told.returned()
    assert {line.index(" s  ") for line in timeline(told.history())[1:]} == {12}
