"""What the differential machine asks of queues: what is usual, and what is odd, with the deviation it is known for."""

from typing import Any, NamedTuple

from hypothesis import strategies as st

from redrive.scenarios.probes.queues import changed, text

MESSAGE_BYTES_MAX = 1_024
TOO_LONG_FOR_A_BATCH = 600_000


class Odd(NamedTuple):
    """A request with one thing that is not usual. ``doubt``: the deviation in which an environment may treat it."""

    change: Any
    doubt: str = ""
    fifo: bool | None = None


class Long(str):
    """A text that is printed in a few characters."""

    __slots__ = ()

    def __repr__(self):
        return f"{self[0]!r} * {len(self)}"


def attributes(**values):
    return {"MessageAttributes": values}


BODIES = ["a", "b", "c", "é\n\t{}", "\ud7ff\U0001f600", "[1, 2]", Long("a" * 900)]
ATTRIBUTES = [
    {},
    {"n": text("1")},
    {"n.m": text("é", "String.label"), "N-1": text("-1.5e3", "Number")},
    {"b": {"DataType": "Binary.x", "BinaryValue": b"\x00\xff"}, "a": text("x")},
]
ODD_MESSAGES = [
    Odd({"MessageBody": ""}, "S01-empty"),
    Odd({"MessageBody": Long("a" * MESSAGE_BYTES_MAX), "MessageAttributes": None}),
    Odd({"MessageBody": Long("a" * (MESSAGE_BYTES_MAX + 1))}),
    Odd({"MessageBody": Long("é" * 513), "MessageAttributes": None}, "S01-bytes"),
    Odd({"MessageBody": Long("a" * 1_020)} | attributes(n=text("1")), "S01-attributes"),
    Odd({"MessageBody": Long("a" * 1_016)} | attributes(n=text("1"))),
    Odd({"MessageBody": "\x0b"}, "S03-characters"),
    Odd({"MessageBody": "a\uffff"}, "S03-characters"),
    Odd({"MessageAttributes": {"a b": text("1")}}, "S04-enqueued"),
    Odd({"MessageAttributes": {f"n{n}": text("1") for n in range(11)}}, "S04-attributes"),
    Odd({"MessageAttributes": {"AWS.n": text("1")}}, "S04-attributes"),
    Odd({"MessageAttributes": {"n..m": text("1")}}, "S04-attributes"),
    Odd({"MessageAttributes": {"n" * 257: text("1")}}, "S04-attributes"),
    Odd(attributes(n=text("")), "S04-attributes"),
    Odd(attributes(n=text("one", "Number")), "S04-attributes"),
    Odd(attributes(n=text("1", "Text"))),
    Odd({"DelaySeconds": 901}),
    Odd({"DelaySeconds": -1}, "S14-negative"),
    Odd({"MessageDeduplicationId": "1"}, "S19-standard", fifo=False),
    Odd({"MessageGroupId": "g h"}, "S21-group", fifo=False),
    Odd({"DelaySeconds": 1}, fifo=True),
    Odd({"DelaySeconds": 0}, "S14-fifo", fifo=True),
    Odd({"MessageGroupId": None}, fifo=True),
    Odd({"MessageGroupId": "g h"}, "S20-group", fifo=True),
    Odd({"MessageDeduplicationId": "1 2"}, "S19-id", fifo=True),
]
ODD_RECEIVES = [
    Odd({"MaxNumberOfMessages": 0}),
    Odd({"MaxNumberOfMessages": 11}),
    Odd({"VisibilityTimeout": 43_201}),
    Odd({"VisibilityTimeout": -1}, "S05-negative"),
    Odd({"ReceiveRequestAttemptId": "x"}, "S24-standard", fifo=False),
    Odd({"ReceiveRequestAttemptId": "x y"}, "S24-ignored", fifo=True),
]


@st.composite
def messages(draw, fifo):
    """A message as ``send_message`` wants it, without a queue."""
    message = {"MessageBody": draw(st.sampled_from(BODIES))}
    if some := draw(st.sampled_from([{}, {}, *ATTRIBUTES])):
        message["MessageAttributes"] = some
    if draw(st.booleans()):
        message["MessageSystemAttributes"] = {"AWSTraceHeader": text("Root=1-5759e988-bd862e3fe1be46a994272793")}
    if (group := draw(st.sampled_from("ggh" if fifo else [None, None, "g"]))) is not None:
        message["MessageGroupId"] = group
    if fifo:
        if (given := draw(st.sampled_from([None, *"1234567"]))) is not None:
            message["MessageDeduplicationId"] = given
    elif (delay_s := draw(st.sampled_from([None, None, 0, 1, 10]))) is not None:
        message["DelaySeconds"] = delay_s
    return message


def entries(ids, **fields):
    return [{"Id": entry_id, **fields} for entry_id in ids]


def batches(message):
    """Batch requests that are refused as such, by method: nothing happens to any message."""
    unknown = {"ReceiptHandle": "unknown"}
    shown = {**unknown, "VisibilityTimeout": 1}
    long = message | {"MessageBody": Long("a" * TOO_LONG_FOR_A_BATCH)}
    wide = message | {"MessageBody": Long("é" * (TOO_LONG_FOR_A_BATCH // 2))}
    grouped = message | {"MessageGroupId": None}
    return [
        ("send_message_batch", Odd([])),
        ("send_message_batch", Odd(entries("abcdefghijk", **message))),
        ("send_message_batch", Odd(entries("aba", **message))),
        ("send_message_batch", Odd(entries(["a b"], **message))),
        ("send_message_batch", Odd(entries(["a" * 81], **message))),
        ("send_message_batch", Odd(entries(["é"], **message), "S02-ids")),
        ("send_message_batch", Odd(entries(["a\n"], **message), "S02-ids")),
        ("send_message_batch", Odd(entries("ab", **long))),
        ("send_message_batch", Odd(entries("ab", **wide), "S02-size")),
        ("send_message_batch", Odd([changed(one, grouped) for one in entries("a", **message)], "S02-group", fifo=True)),
        ("delete_message_batch", Odd([])),
        ("delete_message_batch", Odd(entries("abcdefghijk", **unknown), "S02-delete")),
        ("delete_message_batch", Odd(entries("aa", **unknown), "S02-delete")),
        ("delete_message_batch", Odd(entries(["a b"], **unknown), "S02-delete")),
        ("change_message_visibility_batch", Odd([], "S02-visibility")),
        ("change_message_visibility_batch", Odd(entries("abcdefghijk", **shown), "S02-visibility")),
        ("change_message_visibility_batch", Odd(entries("aa", **shown), "S02-visibility")),
        ("change_message_visibility_batch", Odd(entries([""], **shown), "S02-visibility")),
    ]
