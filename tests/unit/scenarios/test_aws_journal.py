"""From log lines to what happened: in order or not, whole or not, of one environment or of two."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redrive.scenarios.journal import Invocation, Journal, LogLine, read_journal, trace_of
from redrive.simulator import trace
from redrive.simulator.batch_response import BatchVerdict
from redrive.simulator.function import Ending

R1 = "11111111-1111-4111-8111-111111111111"
R2 = "22222222-2222-4222-8222-222222222222"
R3 = "33333333-3333-4333-8333-333333333333"


def line(at_ms: int, message: str) -> LogLine:
    return LogLine(at_ms=at_ms, message=f"{message}\n")


def began(at_ms: int, request_id: str, *records, environment: str = "blue", cold: bool = False) -> LogLine:
    value = {
        "redrive_journal": 1,
        "what": "began",
        "request_id": request_id,
        "at_ms": at_ms,
        "environment": environment,
        "cold": cold,
        "records": [list(record) for record in records],
    }
    return line(at_ms + 3, json.dumps(value))


def ended(at_ms: int, request_id: str, **more) -> LogLine:
    value = {"redrive_journal": 1, "what": "ended", "request_id": request_id, "at_ms": at_ms, **more}
    return line(at_ms + 3, json.dumps(value))


def failures(*message_ids: str) -> str:
    return json.dumps({"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]})


def only(journal: Journal) -> Invocation:
    (invocation,) = journal.invocations
    return invocation


def events(lines, *sent: str, **options):
    return trace_of(read_journal(lines).invocations, set(sent), **options)


A, B = ("a", 1, "md5-a"), ("b", 2, "md5-b")


def test_an_invocation_that_succeeds():
    told = events([began(10, R1, A, B, cold=True), ended(20, R1, payload=failures())], "a", "b")
    assert told == (
        trace.Began(10, 0, 1, True, 2),
        trace.Delivered(10, 0, "a", 1, "md5-a"),
        trace.Delivered(10, 0, "b", 2, "md5-b"),
        trace.Ended(20, 0, Ending.RETURNED, failures(), BatchVerdict.SUCCESS, frozenset(), None),
        trace.Deleted(20, 0, "a"),
        trace.Deleted(20, 0, "b"),
    )


def test_a_partial_failure_deletes_the_others():
    told = events([began(10, R1, A, B), ended(20, R1, payload=failures("a"))], "a", "b")
    assert told[-2].failed == {"a"}
    assert told[-2].verdict is BatchVerdict.PARTIAL
    assert told[-1] == trace.Deleted(20, 0, "b")


def test_an_exception_fails_the_batch_and_has_its_type_only():
    told = events([began(10, R1, A, B), ended(20, R1, error_type="KeyError")], "a", "b")
    assert told[-1] == trace.Ended(
        20, 0, Ending.RAISED, '{"errorType": "KeyError"}', BatchVerdict.FAILURE, frozenset({"a", "b"}), None
    )


def test_E08_without_partial_batch_responses_a_return_is_a_success():
    lines = [began(10, R1, A), ended(20, R1, payload=failures("a"))]
    assert events(lines, "a", report_batch_item_failures=False)[-1] == trace.Deleted(20, 0, "a")


def test_a_response_that_is_no_json_fails_the_batch():
    told = events([began(10, R1, A), ended(20, R1, payload="(not JSON)")], "a")
    assert (told[-1].verdict, told[-1].problem) == (BatchVerdict.FAILURE, "the response is not JSON")


def test_records_of_others_are_left_out_and_count_for_the_verdict():
    told = events([began(10, R1, A, B), ended(20, R1, payload=failures("b"))], "a")
    assert told[0].size == 2
    assert [type(event) for event in told] == [trace.Began, trace.Delivered, trace.Ended, trace.Deleted]
    assert told[2].verdict is BatchVerdict.PARTIAL
    assert told[2].failed == frozenset()
    # Of this batch "b" is a member, and so the response is right; of a batch of "a" alone it would not be.
    assert told[2].problem is None


def test_invocations_of_others_are_left_out_and_the_environments_keep_their_numbers():
    lines = [
        began(10, R1, B, environment="green"),
        ended(11, R1, payload=failures()),
        began(20, R2, A, environment="blue"),
        ended(21, R2, payload=failures()),
    ]
    assert events(lines, "a")[0] == trace.Began(20, 0, 2, False, 1)
    assert events(lines, "nothing of ours") == ()


def test_two_environments_at_once():
    lines = [
        began(10, R1, A, environment="blue", cold=True),
        began(12, R2, B, environment="green", cold=True),
        ended(15, R2, payload=failures()),
        ended(18, R1, payload=failures()),
        began(20, R3, ("a", 2, "md5-a"), environment="blue"),
    ]
    told = events(lines, "a", "b")
    assert [(e.invocation, e.environment, e.cold) for e in told if isinstance(e, trace.Began)] == [
        (0, 1, True),
        (1, 2, True),
        (2, 1, False),
    ]
    assert [e.invocation for e in told if isinstance(e, trace.Ended)] == [1, 0]
    assert [e.at_ms for e in told] == sorted(e.at_ms for e in told)


LINES = [
    line(9, f"START RequestId: {R1} Version: $LATEST"),
    began(10, R1, A, cold=True),
    line(11, "INFO a line of the handler's own"),
    ended(20, R1, payload=failures("a")),
    line(21, f"END RequestId: {R1}"),
    line(22, f"REPORT RequestId: {R1}\tDuration: 11.00 ms\tBilled Duration: 11 ms"),
    began(30, R2, ("a", 2, "md5-a")),
    ended(40, R2, payload=failures()),
]


@given(st.permutations(LINES), st.lists(st.sampled_from(LINES)))
def test_order_and_duplicates_of_lines_do_not_matter(lines, again):
    assert read_journal([*lines, *again]) == read_journal(LINES)


def test_a_missing_end_is_not_made_up():
    invocation = only(read_journal([began(10, R1, A)]))
    assert invocation.outcome is None
    assert invocation.ended_ms is None
    assert [type(event) for event in events([began(10, R1, A)], "a")] == [trace.Began, trace.Delivered]


def test_a_report_without_a_status_is_no_end():
    lines = [began(10, R1, A), line(22, f"REPORT RequestId: {R1}\tDuration: 11.00 ms\tBilled Duration: 11 ms")]
    assert only(read_journal(lines)).outcome is None


TIMEOUTS = {
    "text": f"2020-11-10T05:46:57.874Z {R1} Task timed out after 3.07 seconds",
    "text with an error": f"2025-01-01T00:00:00.000Z {R1} Error: Task timed out after 3.00 seconds",
    "report": f"REPORT RequestId: {R1}\tDuration: 3000.00 ms\tMemory Size: 128 MB\tStatus: timeout",
    "json": json.dumps({"type": "platform.report", "record": {"requestId": R1, "status": "timeout"}}),
}
CRASHES = {
    "text": f"RequestId: {R1} Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
    "signal": f"RequestId: {R1} Error: Runtime exited with error: signal: killed",
    "report": f"REPORT RequestId: {R1}\tDuration: 5.00 ms\tStatus: error\tError Type: Runtime.ExitError",
    "json": json.dumps(
        {"type": "platform.report", "record": {"requestId": R1, "status": "error", "errorType": "Runtime.ExitError"}}
    ),
}


@pytest.mark.parametrize("message", TIMEOUTS.values(), ids=TIMEOUTS)
def test_a_timeout_is_what_lambda_says(message):
    told = events([began(10, R1, A), line(3010, message)], "a")
    assert told[-1] == trace.Ended(
        3010, 0, Ending.TIMED_OUT, '{"errorType": "Sandbox.Timedout"}', BatchVerdict.FAILURE, frozenset({"a"}), None
    )


@pytest.mark.parametrize("message", CRASHES.values(), ids=CRASHES)
def test_a_crash_is_what_lambda_says(message):
    ending = events([began(10, R1, A), line(15, message)], "a")[-1]
    assert (ending.ending, ending.failed) == (Ending.CRASHED, {"a"})


def test_a_process_that_the_timeout_ends_exits_as_well_and_is_timed_out():
    for lines in itertools.permutations([began(10, R1, A), line(15, TIMEOUTS["text"]), line(15, CRASHES["signal"])]):
        assert only(read_journal(lines)).outcome.ending is Ending.TIMED_OUT


@pytest.mark.parametrize("message", [TIMEOUTS["report"], CRASHES["text"]])
def test_where_function_and_lambda_contradict_each_other_nothing_is_known(message):
    lines = [began(10, R1, A), ended(20, R1, payload=failures()), line(30, message)]
    assert only(read_journal(lines)).outcome is None


def test_an_invocation_of_which_the_beginning_is_missing_is_told():
    journal = read_journal([line(5, f"START RequestId: {R1} Version: $LATEST"), ended(20, R2, payload=failures())])
    assert journal.invocations == ()
    assert journal.unseen == ((R1, 5), (R2, 23))


def test_with_lambdas_own_lines_as_json_as_well():
    start = json.dumps({"type": "platform.start", "record": {"requestId": R1, "version": "$LATEST"}})
    assert read_journal([line(5, start)]).unseen == ((R1, 5),)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "{}",
        "[1]",
        "null",
        '{"redrive_journal": 2, "what": "began"}',
        '{"redrive_journal": 1, "what": "began"}',
        '{"redrive_journal": 1, "what": "began", "request_id": "x", "at_ms": 1, "records": [["a"]]}',
        '{"redrive_journal": 1, "what": "began", "request_id": "x", "at_ms": "soon", "records": []}',
        '{"redrive_journal": 1, "what": "ended", "request_id": "x", "at_ms": 1}',
        '{"redrive_journal": 1, "what": "something", "request_id": "x", "at_ms": 1}',
        '{"type": "platform.report", "record": null}',
        '{"type": "platform.report", "record": {}}',
        "the handler's own: Task timed out after lunch",
        "the handler's own: Runtime.ExitError",
        "REPORT RequestId: none",
    ],
)
def test_lines_of_others_are_passed_over(message):
    assert read_journal([line(1, message)]) == Journal()


def test_a_clock_that_was_set_back_ends_nothing_before_it_began():
    told = events([began(10, R1, A), ended(5, R1, payload=failures())], "a")
    assert [type(event) for event in told] == [trace.Began, trace.Delivered, trace.Ended, trace.Deleted]
    assert told[2].at_ms == 10
