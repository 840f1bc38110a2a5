"""Probes of how a mapping is made, what it makes batches of, and events: E01 to E04, E12 to E15, E20 to E22, E25."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from .endpoint import Endpoint
from .mapping import Return
from .mapping_words import DONE, at_once, given, in_groups, mapping_of, messages, refused, try_mapping
from .probe import CannotAsk, Fact, fact, probe, probes_in
from .queues import text

__all__ = ["PROBES"]

Facts = Iterator[Fact]
REFUSED, ACCEPTED = "refused", "accepted"
PAYLOAD_BYTES_MAX = 6_291_456
WINDOW_S = 3
TOLERANCE_S = 0.7
LONG_BODY = "a" * 700_000

RECORD = [
    "attributes",
    "awsRegion",
    "body",
    "eventSource",
    "eventSourceARN",
    "md5OfBody",
    "messageAttributes",
    "messageId",
    "receiptHandle",
]
POINTER = json.dumps(
    ["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "bucket", "s3Key": "key"}],
    separators=(",", ":"),
)
BODIES = {
    "JSON without spaces": '{"a":1,"b":[true,null]}',
    "JSON with many spaces": '{ "a" :\t1 }\n',
    "a JSON text": '"quoted"',
    "a JSON number": "1.50",
    "a number with a large exponent": '{"n":1e400}',
    "a key given twice": '{"a":1,"a":2}',
    "an escaped character": '{"a":"\\u00e9"}',
    "no JSON": " grüße \U0001f389\n",
}


@probe("E01-default", aws="a mapping's batch size is 10 unless it says another")
def _default(at: Endpoint) -> Facts:
    yield fact("the batch size of a mapping that says none", mapping_of(at).batch_size(), 10)


@probe("E01-range", aws="BatchSize is 10,000 at most (FIFO: 10), and above 10 it needs a window of 1 s")
def _range(at: Endpoint) -> Facts:
    yield fact("10,001 with a window", refused(at, batch_size=10_001, batching_window_s=1), REFUSED)
    yield fact("11 without a window", refused(at, batch_size=11), REFUSED)
    yield fact("11 with a window", refused(at, batch_size=11, batching_window_s=1), ACCEPTED)
    yield fact("11 on FIFO", refused(at, batch_size=11, fifo=True), REFUSED)


@probe("E02-size", aws="no batch is larger than the batch size", takes_s=4)
def _size(at: Endpoint) -> Facts:
    bodies = "abcdefg"
    seen = try_mapping(at, lambda _: DONE, messages(*bodies), done=given(*bodies), then_s=0.5, batch_size=3)
    sizes = [len(each.records) for each in seen.invocations]
    yield fact("a batch of more than 3", max(sizes, default=0) > 3, False)
    yield fact("messages delivered, of 7", sum(sizes), 7)


@probe("E02-window", aws="a batch that is not full goes when its window is over, not before", takes_s=8)
def _window(at: Endpoint) -> Facts:
    seen = try_mapping(
        at,
        lambda _: DONE,
        messages("a"),
        done=given("a"),
        most_s=90,
        batching_window_s=WINDOW_S,
        visibility_timeout_s=30,
    )
    if not seen.invocations:
        yield fact("a lone message in a window of 3 s", "never delivered", "delivered")
        return
    waited = seen.invocations[0].began_s >= WINDOW_S - TOLERANCE_S
    yield fact("a lone message waits for the end of a window of 3 s", waited, True)


@probe("E02-payload", aws="no event is larger than 6 MB, metadata included", takes_s=8)
def _payload(at: Endpoint) -> Facts:
    bodies = [f"{number}{LONG_BODY}" for number in range(10)]
    seen = try_mapping(at, lambda _: DONE, messages(*bodies), done=given(*bodies), then_s=0.5, visibility_timeout_s=30)
    sizes = [len(json.dumps(each.event, separators=(",", ":"))) for each in seen.invocations]
    yield fact("an event of more than 6,291,456 bytes", max(sizes, default=0) > PAYLOAD_BYTES_MAX, False)
    yield fact("messages delivered, of 10 of 700,000 bytes", sum(len(each.records) for each in seen.invocations), 10)


@probe("E02-range", aws="a window is 300 s at most, and there is none on FIFO")
def _window_range(at: Endpoint) -> Facts:
    yield fact("301 s", refused(at, batching_window_s=301), REFUSED)
    yield fact("1 s on FIFO", refused(at, batching_window_s=1, fifo=True), REFUSED)


@probe("E04-timeout", aws="a function timeout above the queue's visibility timeout is refused")
def _timeout(at: Endpoint) -> Facts:
    yield fact("5 s above 4 s", refused(at, function_timeout_s=5, visibility_timeout_s=4), REFUSED)
    yield fact("4 s at 4 s", refused(at, function_timeout_s=4, visibility_timeout_s=4), ACCEPTED)


@probe("E12-body", aws="what no filter matches is deleted unseen; a pattern for JSON drops what is none", takes_s=6)
def _filters(at: Endpoint) -> Facts:
    wanted, other, plain = '{"kind": "wanted"}', '{"kind": "other"}', "plain text"
    pattern = json.dumps({"body": {"kind": ["wanted"]}})
    seen = try_mapping(
        at, lambda _: DONE, messages(other, plain, wanted), done=given(wanted), then_s=2, filters=(pattern,)
    )
    delivered = sorted({json.dumps(body) for each in seen.invocations for body in each.bodies})
    yield fact("bodies that the function saw", delivered, [json.dumps(wanted)])
    yield fact("messages left", seen.left, 0)


@probe("E12-refused", aws="a pattern that is none is refused")
def _patterns(at: Endpoint) -> Facts:
    for what, pattern in (("no JSON", "{"), ("a value outside a list", '{"body": {"kind": "wanted"}}')):
        yield fact(f"the pattern is {what}", refused(at, filters=(pattern,)), REFUSED)


def _overlap(at: Endpoint, **settings: Any) -> int:
    bodies = "abcdefgh"
    seen = try_mapping(
        at,
        lambda _: Return(DONE.value, after_s=1),
        messages(*bodies),
        done=given(*bodies),
        then_s=1.5,
        visibility_timeout_s=30,
        **{"batch_size": 1, **settings},
    )
    return at_once(seen.invocations)


@probe("E13-start", aws="a standard queue begins with 5 concurrent batches", takes_s=12)
def _start(at: Endpoint) -> Facts:
    yield fact("concurrent batches, more than 5 counted as 5", min(5, _overlap(at)), 5)


@probe("E14-bound", aws="MaximumConcurrency bounds concurrent invocations", takes_s=12)
def _bound(at: Endpoint) -> Facts:
    overlap = _overlap(at, maximum_concurrency=2)
    yield fact("concurrent invocations with a maximum of 2 are", overlap if overlap > 2 else "2 or fewer", "2 or fewer")


@probe("E14-groups", aws="on FIFO no message group is with two invocations at once", takes_s=8)
def _groups(at: Endpoint) -> Facts:
    bodies = ("g1", "g2", "g3")
    seen = try_mapping(
        at,
        lambda _: Return(DONE.value, after_s=0.5),
        in_groups(*bodies),
        done=given(*bodies),
        then_s=1,
        fifo=True,
        batch_size=1,
        visibility_timeout_s=30,
    )
    yield fact("concurrent invocations of one message group", at_once(seen.invocations), 1)
    yield fact("its order", [body for each in seen.invocations for body in each.bodies], bodies)


@probe("E14-range", aws="MaximumConcurrency is 1,000 at most")
def _maximum(at: Endpoint) -> Facts:
    yield fact("1,001", refused(at, maximum_concurrency=1_001), REFUSED)
    yield fact("1,000", refused(at, maximum_concurrency=1_000), ACCEPTED)


@probe("E15-range", aws="MinimumPollers is 200 at most and no more than MaximumPollers")
def _pollers(at: Endpoint) -> Facts:
    yield fact("a minimum of 201", refused(at, pollers=(201, 300)), REFUSED)
    yield fact("a minimum of 20 with a maximum of 10", refused(at, pollers=(20, 10)), REFUSED)


@probe("E15-excluded", aws="provisioned pollers exclude MaximumConcurrency")
def _excluded(at: Endpoint) -> Facts:
    yield fact("both at once", refused(at, pollers=(2, 10), maximum_concurrency=10), REFUSED)


def _record(at: Endpoint, body: str, **more: Any) -> dict[str, Any]:
    seen = try_mapping(at, lambda _: DONE, messages(body, **more), done=lambda invocations: bool(invocations))
    if not seen.invocations:
        raise CannotAsk("the message was never delivered")
    return seen.invocations[0].records[0]


@probe("E20-record", aws="a record has nine fields, and md5OfMessageAttributes if there are any", takes_s=5)
def _fields(at: Endpoint) -> Facts:
    record = _record(at, "a")
    yield fact("the fields of a record", sorted(record), RECORD)
    yield fact("eventSource", record.get("eventSource"), "aws:sqs")
    record = _record(at, "a", MessageAttributes={"n": text("1")})
    fields = sorted([*RECORD, "md5OfMessageAttributes"])
    yield fact("the fields of a record with message attributes", sorted(record), fields)


@probe("E20-attributes", aws="a record on FIFO has seven system attributes, all of them strings", takes_s=5)
def _system_attributes(at: Endpoint) -> Facts:
    seen = try_mapping(at, lambda _: DONE, in_groups("g1"), done=given("g1"), fifo=True)
    if not seen.invocations:
        raise CannotAsk("the message was never delivered")
    attributes = seen.invocations[0].records[0]["attributes"]
    expected = [
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
        "SequenceNumber",
    ]
    yield fact("system attributes", sorted(attributes), expected)
    yield fact("all of them are strings", all(isinstance(each, str) for each in attributes.values()), True)


@probe("E21-attributes", aws="a message attribute has one value, two empty lists and its type", takes_s=5)
def _message_attributes(at: Endpoint) -> Facts:
    given_attributes = {
        "n": text("1", "Number.x"),
        "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    seen = _record(at, "a", MessageAttributes=given_attributes)["messageAttributes"]
    lists: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    expected = {
        "n": {"stringValue": "1", **lists, "dataType": "Number.x"},
        "b": {"binaryValue": "AP8=", **lists, "dataType": "Binary"},
    }
    for name, value in expected.items():
        yield fact(f"message attribute {name}", _json(seen.get(name)), _json(value))


@probe("E22-body", aws="the body arrives byte for byte as it was sent", takes_s=6)
def _body(at: Endpoint) -> Facts:
    # The message attribute says which one it is, even where the body is another by then.
    sent = [{"MessageBody": body, "MessageAttributes": {"what": text(what)}} for what, body in BODIES.items()]
    seen = try_mapping(
        at,
        lambda _: DONE,
        sent,
        done=lambda invocations: sum(len(each.records) for each in invocations) >= len(BODIES),
        most_s=10,
    )
    by_name = {
        record["messageAttributes"]["what"]["stringValue"]: record
        for each in seen.invocations
        for record in each.records
    }
    for what, body in BODIES.items():
        record = by_name.get(what, {})
        yield fact(f"the body that is {what}", _json(record.get("body")), _json(body))
        digest = hashlib.md5(str(record.get("body")).encode(), usedforsecurity=False).hexdigest()
        yield fact(f"md5OfBody fits the body that is {what}", record.get("md5OfBody") == digest, True)


@probe("E25-pointer", aws="a pointer of the extended client reaches the function as it is", takes_s=5)
def _pointer(at: Endpoint) -> Facts:
    record = _record(at, POINTER, MessageAttributes={"ExtendedPayloadSize": text("2000000", "Number")})
    yield fact("the body", _json(record.get("body")), _json(POINTER))
    size = record["messageAttributes"].get("ExtendedPayloadSize", {}).get("stringValue")
    yield fact("ExtendedPayloadSize", size, "2000000")


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


PROBES = probes_in(vars())
