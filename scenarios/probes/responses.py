"""Probes of what a mapping makes of how the function answers: E05 to E10, E17 to E19, E23, E24."""

from collections.abc import Iterator
from typing import Any

from .endpoint import Endpoint
from .mapping import Crash, Doing, Invoked, Raise, Return
from .mapping_words import (
    AGAIN_S,
    DONE,
    VISIBILITY_TIMEOUT_S,
    deliveries,
    first_then,
    given,
    given_times,
    in_groups,
    mapping_of,
    messages,
    reporting,
    try_mapping,
)
from .probe import CannotAsk, Fact, fact, probe, probes_in

__all__ = ["PROBES"]

Facts = Iterator[Fact]
TOLERANCE_S = 0.7
AGAIN = "comes again"
DELETED = "deleted"

SUCCESS: dict[str, Any] = {
    "null": None,
    "{}": {},
    "batchItemFailures that is null": {"batchItemFailures": None},
    "batchItemFailures that is empty": {"batchItemFailures": []},
}


def _became(at: Endpoint, answers: dict[str, Doing], **settings: Any) -> dict[str, str]:
    """What became of a message alone in its batch, by what the function did when it first had it."""
    seen = try_mapping(
        at,
        first_then(lambda invoked: answers[invoked.bodies[0]]),
        messages(*answers),
        done=given(*answers),
        then_s=AGAIN_S,
        most_s=40,
        **{"batch_size": 1, **settings},
    )
    times = deliveries(seen.invocations)
    return {what: AGAIN if times[what] > 1 else DELETED if times[what] else "never delivered" for what in answers}


@probe("E05-success", aws="null, {} and null or empty batchItemFailures mean that the batch succeeded", takes_s=9)
def _success(at: Endpoint) -> Facts:
    became = _became(at, {what: Return(value) for what, value in SUCCESS.items()})
    for what, outcome in became.items():
        yield fact(f"a message after the response {what}", outcome, DELETED)


@probe("E06-items", aws="an item without itemIdentifier, or with one that is null or empty, fails the batch", takes_s=9)
def _items(at: Endpoint) -> Facts:
    items: dict[str, Any] = {
        "an item without itemIdentifier": {"messageId": "x"},
        "an itemIdentifier that is null": {"itemIdentifier": None},
        "an itemIdentifier that is empty": {"itemIdentifier": ""},
    }
    became = _became(at, {what: Return({"batchItemFailures": [item]}) for what, item in items.items()})
    for what, outcome in became.items():
        yield fact(f"a message after {what}", outcome, AGAIN)


@probe("E06-endings", aws="an exception, a timeout and a crash fail the batch", takes_s=15)
def _endings(at: Endpoint) -> Facts:
    endings: dict[str, Doing] = {"an exception": Raise(), "a timeout": Return(after_s=5), "a crash": Crash()}
    for what, outcome in _became(at, endings, function_timeout_s=2).items():
        yield fact(f"a message after {what}", outcome, AGAIN)


@probe("E07-unknown", aws="an itemIdentifier that is not in the batch fails the batch", takes_s=9)
def _unknown(at: Endpoint) -> Facts:
    response = Return({"batchItemFailures": [{"itemIdentifier": "00000000-0000-4000-8000-000000000000"}]})
    seen = try_mapping(
        at, first_then(lambda _: response), messages("a", "b"), done=given_times({"a": 2, "b": 2}), most_s=15
    )
    times = deliveries(seen.invocations)
    for body in "ab":
        yield fact(f"deliveries of message {body}", min(times[body], 2), 2)


@probe("E08-ignored", aws="without ReportBatchItemFailures the response is not read", takes_s=9)
def _ignored(at: Endpoint) -> Facts:
    seen = try_mapping(
        at,
        lambda invoked: reporting(invoked, "a", "b"),
        messages("a", "b"),
        done=given("a", "b"),
        then_s=AGAIN_S,
        report_batch_item_failures=False,
    )
    times = deliveries(seen.invocations)
    yield fact("deliveries of a message that the response reports", times["a"], 1)
    yield fact("messages left", seen.left, 0)


@probe("E09-list", aws="not documented; the simulator fails the batch for batchItemFailures that is no list", takes_s=9)
def _no_list(at: Endpoint) -> Facts:
    values: dict[str, Any] = {"a text": "x", "an object": {"itemIdentifier": "x"}}
    became = _became(at, {what: Return({"batchItemFailures": value}) for what, value in values.items()})
    for what, outcome in became.items():
        yield fact(f"a message after batchItemFailures that is {what}", outcome, AGAIN)


@probe(
    "E10-partial", aws="what succeeded is deleted, and what failed stays hidden for its visibility timeout", takes_s=9
)
def _partial(at: Endpoint) -> Facts:
    seen = try_mapping(
        at,
        first_then(lambda invoked: reporting(invoked, "bad")),
        messages("good", "bad"),
        done=given_times({"good": 1, "bad": 2}),
        then_s=1,
    )
    times = deliveries(seen.invocations)
    yield fact("deliveries of the message that succeeded", times["good"], 1)
    yield fact("deliveries of the message that failed once", times["bad"], 2)
    if times["bad"] >= 2:
        first, second = seen.of("bad")[:2]
        waited = second.began_s - first.began_s >= VISIBILITY_TIMEOUT_S - TOLERANCE_S
        yield fact("it comes again only when its visibility timeout is over", waited, True)
    yield fact("messages left", seen.left, 0)


@probe("E10-dead", aws="a message that fails each time is a dead letter after maxReceiveCount deliveries", takes_s=12)
def _dead(at: Endpoint) -> Facts:
    seen = try_mapping(
        at,
        lambda invoked: reporting(invoked, "bad"),
        messages("bad"),
        done=given_times({"bad": 2}),
        then_s=AGAIN_S,
        max_receive_count=2,
    )
    counts = [record["attributes"]["ApproximateReceiveCount"] for each in seen.invocations for record in each.records]
    yield fact("receive counts that the function saw", counts, ["1", "2"])
    yield fact("dead letters", [message["Body"] for message in seen.dead], ["bad"])
    same = {message["MessageId"] for message in seen.dead} == set(seen.invocations[0].ids if seen.invocations else ())
    yield fact("the message id stays", same, True)


@probe(
    "E17-throttled",
    aws="throttled until its visibility timeout ends, a message is received without a delivery",
    takes_s=15,
)
def _throttled(at: Endpoint) -> Facts:
    seen = try_mapping(
        at,
        lambda _: DONE,
        messages("a"),
        done=lambda _: True,
        then_s=13,
        visibility_timeout_s=2,
        function_timeout_s=1,
        reserved_concurrency=0,
        max_receive_count=2,
    )
    yield fact("invocations of a function without concurrency", len(seen.invocations), 0)
    yield fact("dead letters after two receives", [message["Body"] for message in seen.dead], ["a"])


@probe(
    "E18-order", aws="each message group is in order; returning what failed and all behind it keeps that", takes_s=10
)
def _groups_in_order(at: Endpoint) -> Facts:
    processed: list[str] = []

    def script(invoked: Invoked) -> Doing:
        failed: list[str] = []
        for record in invoked.records:
            body, count = record["body"], int(record["attributes"]["ApproximateReceiveCount"])
            behind = body[0] in {each[0] for each in failed}
            if behind or (body == "g1" and count == 1):
                failed.append(body)
            else:
                processed.append(body)
        return reporting(invoked, *failed)

    sent = in_groups("g1", "h1", "g2", "h2", "g3")
    try_mapping(at, script, sent, done=lambda _: len(processed) >= len(sent), then_s=0.5, fifo=True)
    for group, aws in (("g", ["g1", "g2", "g3"]), ("h", ["h1", "h2"])):
        yield fact(f"message group {group} was processed as", [each for each in processed if each[0] == group], aws)


@probe(
    "E19-overtaken",
    aws="what a FIFO handler does not report is done, even before an earlier one that failed",
    takes_s=9,
)
def _overtaken(at: Endpoint) -> Facts:
    seen = try_mapping(
        at,
        first_then(lambda invoked: reporting(invoked, "g1")),
        in_groups("g1", "g2"),
        done=given_times({"g1": 2, "g2": 1}),
        then_s=1,
        fifo=True,
    )
    if not seen.invocations or seen.invocations[0].bodies != ["g1", "g2"]:
        raise CannotAsk("the two messages of a group did not come in one batch")
    times = deliveries(seen.invocations)
    yield fact("deliveries of g1, which was reported", times["g1"], 2)
    yield fact("deliveries of g2, which was not", times["g2"], 1)
    yield fact("messages left", seen.left, 0)


@probe("E23-exception", aws="an exception answers errorMessage, errorType, requestId and stackTrace, Unhandled")
def _exception(at: Endpoint) -> Facts:
    answer = mapping_of(at).error(Raise("told to"))
    yield fact("FunctionError", answer.pop("FunctionError"), "Unhandled")
    yield fact("the answer has", sorted(answer), ["errorMessage", "errorType", "requestId", "stackTrace"])
    yield fact("errorMessage", answer.get("errorMessage"), "told to")


@probe("E23-ended", aws="a timeout says Task timed out after N.NN seconds, and a dead process is Runtime.ExitError")
def _ended(at: Endpoint) -> Facts:
    mapping = mapping_of(at)
    timeout = mapping.error(Return(after_s=3))
    said = "Task timed out after 1.00 seconds"
    message = str(timeout.get("errorMessage"))
    yield fact("errorMessage after a timeout of 1 s", said if said in message else message, said)
    yield fact("errorType after a crash", mapping.error(Crash()).get("errorType"), "Runtime.ExitError")


@probe("E24-reused", aws="an execution environment is used again, until it crashes", takes_s=10)
def _reused(at: Endpoint) -> Facts:
    def script(invoked: Invoked) -> Doing:
        count = int(invoked.records[0]["attributes"]["ApproximateReceiveCount"])
        return Crash() if invoked.bodies == ["g3"] and count == 1 else DONE

    # One message group and one message in a batch: one invocation after the other.
    seen = try_mapping(
        at,
        script,
        in_groups("g1", "g2", "g3", "g4"),
        done=given("g1", "g2", "g3", "g4"),
        then_s=0.5,
        fifo=True,
        batch_size=1,
    )
    if len(seen.invocations) < 5:
        raise CannotAsk(f"after {len(seen.invocations)} invocations nothing more came")
    environments = [each.environment for each in seen.invocations]
    yield fact("the second invocation has the first one's environment", environments[0] == environments[1], True)
    yield fact("after the crash there is another", environments[2] != environments[3], True)
    yield fact("that one is used again", environments[3] == environments[4], True)


PROBES = probes_in(vars())
