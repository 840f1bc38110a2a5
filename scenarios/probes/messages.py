"""Probes of what a queue takes, and of what a message comes out as: S01 to S04, S22, S23."""

import hashlib
from collections.abc import Iterator
from typing import Any

from redrive.fixtures.event_builder import MessageAttribute, md5_of_message_attributes

from .endpoint import Endpoint
from .probe import Fact, fact, probe, probes_in
from .queues import ACCEPTED, ProbedQueue, queue, text

__all__ = ["PROBES"]

INVALID = "InvalidParameterValue"
BATCH = "AWS.SimpleQueueService."
TOO_MANY = f"{BATCH}TooManyEntriesInBatchRequest"
NOT_DISTINCT = f"{BATCH}BatchEntryIdsNotDistinct"
INVALID_ID = f"{BATCH}InvalidBatchEntryId"
EMPTY = f"{BATCH}EmptyBatchRequest"
TOO_LONG = f"{BATCH}BatchRequestTooLong"

MESSAGE_BYTES_MAX = 1_048_576
ELEVEN = "abcdefghijk"
Facts = Iterator[Fact]


def _entries(ids: str | list[str], **message: Any) -> list[dict[str, Any]]:
    return [{"Id": entry_id, "MessageBody": "a", **message} for entry_id in ids]


def _unknown(ids: str | list[str], **more: Any) -> list[dict[str, Any]]:
    return [{"Id": entry_id, "ReceiptHandle": f"unknown {number}", **more} for number, entry_id in enumerate(ids)]


def _sent(at: Endpoint, **message: Any) -> str:
    with queue(at) as q:
        return q.outcome("send_message", **{"MessageBody": "a", **message})


def _batch(q: ProbedQueue, method: str, entries: list[dict[str, Any]]) -> str:
    """How a batch is refused as a whole, or that it is not."""
    return q.outcome(method, Entries=entries)


@probe("S01-empty", aws="an empty body is refused")
def _empty(at: Endpoint) -> Facts:
    yield fact("an empty body", _sent(at, MessageBody=""), "MissingParameter")


@probe("S01-limit", aws="a body of 1,048,576 bytes is accepted, and one more is too many")
def _limit(at: Endpoint) -> Facts:
    yield fact("1,048,576 bytes", _sent(at, MessageBody="a" * MESSAGE_BYTES_MAX), ACCEPTED)
    yield fact("1,048,577 bytes", _sent(at, MessageBody="a" * (MESSAGE_BYTES_MAX + 1)), INVALID)


@probe("S01-bytes", aws="a message's size is in bytes of UTF-8")
def _bytes(at: Endpoint) -> Facts:
    yield fact("524,289 characters of two bytes", _sent(at, MessageBody="é" * 524_289), INVALID)


@probe("S01-attributes", aws="message attributes count toward the size")
def _attributes_count(at: Endpoint) -> Facts:
    sent = _sent(at, MessageBody="a" * MESSAGE_BYTES_MAX, MessageAttributes={"n": text("1")})
    yield fact("a body of 1,048,576 bytes and a message attribute", sent, INVALID)


@probe("S02-entries", aws="an entry that is refused fails by itself")
def _entry_by_itself(at: Endpoint) -> Facts:
    bad = {"Id": "b", "MessageBody": "a", "MessageAttributes": {"n": text("1", "Text")}}
    with queue(at) as q:
        outcomes = q.outcomes("send_message_batch", *_entries("a"), bad)
        yield fact("a batch of a good and a bad entry", outcomes, {"a": ACCEPTED, "b": INVALID})


@probe("S02-ids", aws="an entry's id is of ASCII letters, digits, hyphens and underscores")
def _entry_ids(at: Endpoint) -> Facts:
    with queue(at) as q:
        for what, entry_id in (("é", "é"), ("a and a line feed", "a\n"), ("a b", "a b"), ("81 characters", "a" * 81)):
            yield fact(f"the entry id {what}", _batch(q, "send_message_batch", _entries([entry_id])), INVALID_ID)


@probe("S02-limits", aws="a batch of sends is 1 to 10 entries of distinct ids, and 1,048,576 bytes in all")
def _batch_limits(at: Endpoint) -> Facts:
    half = "a" * (MESSAGE_BYTES_MAX // 2)
    with queue(at) as q:
        for what, entries, aws in (
            ("no entries", [], EMPTY),
            ("11 entries", _entries(ELEVEN), TOO_MANY),
            ("an id given twice", _entries("aa"), NOT_DISTINCT),
            ("1,048,576 bytes in all", _entries("ab", MessageBody=half), ACCEPTED),
            ("1,048,578 bytes in all", _entries("ab", MessageBody=half + "a"), TOO_LONG),
        ):
            yield fact(what, _batch(q, "send_message_batch", entries), aws)


@probe("S02-size", aws="a batch's size is in bytes of UTF-8")
def _batch_bytes(at: Endpoint) -> Facts:
    with queue(at) as q:
        entries = _entries("ab", MessageBody="é" * 300_000)
        yield fact("600,000 characters of two bytes", _batch(q, "send_message_batch", entries), TOO_LONG)


@probe("S02-delete", aws="a batch of deletions is 1 to 10 entries of distinct ids, whatever their receipt handles")
def _deletions(at: Endpoint) -> Facts:
    twice = [{"Id": entry_id, "ReceiptHandle": "twice"} for entry_id in "ab"]
    with queue(at) as q:
        for what, entries, aws in (
            ("no deletions", [], EMPTY),
            ("11 deletions", _unknown(ELEVEN), TOO_MANY),
            ("an id given twice", _unknown("aa"), NOT_DISTINCT),
            ("the entry id a b", _unknown(["a b"]), INVALID_ID),
            ("a receipt handle given twice", twice, ACCEPTED),
        ):
            yield fact(what, _batch(q, "delete_message_batch", entries), aws)


@probe("S02-visibility", aws="a batch of visibility changes is 1 to 10 entries of distinct ids")
def _visibility_changes(at: Endpoint) -> Facts:
    with queue(at) as q:
        for what, entries, aws in (
            ("no changes", [], EMPTY),
            ("11 changes", _unknown(ELEVEN, VisibilityTimeout=1), TOO_MANY),
            ("an id given twice", _unknown("aa", VisibilityTimeout=1), NOT_DISTINCT),
            ("the entry id a b", _unknown(["a b"], VisibilityTimeout=1), INVALID_ID),
        ):
            yield fact(what, _batch(q, "change_message_visibility_batch", entries), aws)


@probe("S02-group", aws="a batch without a message group is InvalidParameterValue on FIFO")
def _batch_without_group(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        outcomes = q.outcomes("send_message_batch", *_entries("a", MessageDeduplicationId="1"))
        yield fact("an entry without a message group", outcomes, INVALID)


@probe("S03-characters", aws="a body has allowed characters only")
def _characters(at: Endpoint) -> Facts:
    for what, body in (("U+000B", "\x0b"), ("U+0001", "\x01"), ("U+FFFF", "a\uffff")):
        yield fact(f"a body with {what}", _sent(at, MessageBody=body), "InvalidMessageContents")


@probe("S03-kept", aws="allowed characters arrive as they are")
def _allowed(at: Endpoint) -> Facts:
    body = "\t\r\n \ud7ff\ue000\ufffd\U00010000\U0001f600"
    with queue(at) as q:
        q.send(body)
        yield fact("the body of the outermost allowed characters arrives as sent", q.bodies() == [body], True)


@probe("S04-attributes", aws="at most 10 message attributes, with lawful names and values")
def _lawful_attributes(at: Endpoint) -> Facts:
    cases: tuple[tuple[str, dict[str, Any]], ...] = (
        ("11 message attributes", {f"n{number}": text("1") for number in range(11)}),
        ("a name that begins with AWS.", {"AWS.n": text("1")}),
        ("a name that begins with amazon.", {"amazon.n": text("1")}),
        ("a name that begins with a dot", {".n": text("1")}),
        ("a name that ends with a dot", {"n.": text("1")}),
        ("a name with two dots in a row", {"n..m": text("1")}),
        ("a name of 257 characters", {"n" * 257: text("1")}),
        ("an empty value", {"n": text("")}),
        ("the Number one", {"n": text("one", "Number")}),
        ("a Number of 39 digits", {"n": text("1" * 39, "Number")}),
        ("the type Text", {"n": text("1", "Text")}),
    )
    with queue(at) as q:
        for what, attributes in cases:
            yield fact(what, q.outcome("send_message", MessageBody="a", MessageAttributes=attributes), INVALID)


@probe("S04-enqueued", aws="a message that is refused is not enqueued")
def _refused_and_enqueued(at: Endpoint) -> Facts:
    with queue(at) as q:
        refused = q.outcome("send_message", MessageBody="a", MessageAttributes={"a b": text("1")})
        yield fact("an attribute name with a space", refused, INVALID)
        yield fact("messages in the queue after that", q.counts()[0], 0)


@probe("S04-types", aws="types are String, Number and Binary, each with a label or without, and arrive as sent")
def _types(at: Endpoint) -> Facts:
    given: dict[str, Any] = {
        "n.m": text("é", "String.label"),
        "N-1": text("-1.5e3", "Number"),
        "b_2": {"DataType": "Binary.x", "BinaryValue": b"\x00\xff"},
    }
    with queue(at) as q:
        q.send("a", MessageAttributes=given)
        message = q.one()
        seen = message.get("MessageAttributes", {})
        for name, value in given.items():
            kind = value["DataType"]
            yield fact(f"a message attribute of type {kind} arrives as sent", seen.get(name) == value, True)


@probe("S22-body", aws="the MD5 of a body is over its bytes, in what is answered and in what is received")
def _md5_of_body(at: Endpoint) -> Facts:
    body = '{"a":1}\n\u00e9\U0001f600'
    digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    with queue(at) as q:
        yield fact("MD5OfMessageBody", q.send(body).get("MD5OfMessageBody"), digest)
        message = q.one()
        yield fact("MD5OfBody", message.get("MD5OfBody"), digest)


@probe("S22-attributes", aws="the MD5 of message attributes is over their names in order, types and values")
def _md5_of_attributes(at: Endpoint) -> Facts:
    given: dict[str, Any] = {"b": text("é", "String.x"), "a": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    digest = md5_of_message_attributes({name: MessageAttribute.from_sqs(value) for name, value in given.items()})
    with queue(at) as q:
        answer = q.send("a", MessageAttributes=given)
        yield fact("MD5OfMessageAttributes when sent", answer.get("MD5OfMessageAttributes"), digest)
        message = q.one()
        yield fact("MD5OfMessageAttributes when received", message.get("MD5OfMessageAttributes"), digest)


STANDARD = ["ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp"]
FIFO = sorted([*STANDARD, "MessageDeduplicationId", "MessageGroupId", "SequenceNumber"])


@probe("S23-standard", aws="a message has four system attributes, all of them strings, times in milliseconds")
def _system_attributes(at: Endpoint) -> Facts:
    with queue(at) as q:
        q.send("a")
        message = q.one()
        attributes = message["Attributes"]
        yield fact("system attributes", sorted(attributes), STANDARD)
        yield fact("all of them are strings", all(isinstance(value, str) for value in attributes.values()), True)
        sent = str(attributes.get("SentTimestamp", ""))
        yield fact("SentTimestamp has 13 digits", sent.isdigit() and len(sent) == 13, True)


@probe("S23-fifo", aws="FIFO adds SequenceNumber, MessageGroupId and MessageDeduplicationId")
def _fifo_attributes(at: Endpoint) -> Facts:
    with queue(at, fifo=True) as q:
        q.send("a")
        message = q.one()
        yield fact("system attributes", sorted(message["Attributes"]), FIFO)


@probe("S23-source", aws="a dead letter has DeadLetterQueueSourceArn")
def _source(at: Endpoint) -> Facts:
    with queue(at, redrive_after=1) as q:
        q.dead_letter()
        message = q.one(QueueUrl=q.dead)
        seen = message["Attributes"].get("DeadLetterQueueSourceArn")
        yield fact("DeadLetterQueueSourceArn is the queue's ARN", seen == q.arn, True)


@probe("S23-trace", aws="a batch send may bring AWSTraceHeader")
def _trace(at: Endpoint) -> Facts:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793"
    with queue(at) as q:
        q.outcomes("send_message_batch", *_entries("a", MessageSystemAttributes={"AWSTraceHeader": text(header)}))
        message = q.one()
        yield fact("AWSTraceHeader", message["Attributes"].get("AWSTraceHeader"), header)


PROBES = probes_in(vars())
