"""Size: the smallest and largest messages, payloads and batches, and bodies that are too large to be sent."""

import json

from hypothesis import strategies as st

from redrive.fixtures.event_builder import MessageAttribute

from ..capabilities import Capability
from ..consumer import BODY_BYTES_MAX, Claim, Consumer
from ..plan import Kind, Plan, PlannedMessage, PointerKind
from ..scenario import Scenario
from .generators import DONE_IN_THE_END, at_once, batch_sizes, bodies, kinds, messages

__all__ = ["SCENARIOS"]

_PAYLOAD_BYTES_MAX = 6_291_456
_LARGE_BATCH = 10
"""Larger ones need a batching window (E01), so a consumer that has them was made for them."""
_KEYS_MOST = 200
"""With bodies to be drawn, how many there are at most in the largest batch; the rest are sent twice."""


@st.composite
def _refused(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """What the queue refuses comes last, so that it leaves the order of the others alone."""
    sent = draw(messages(consumer, draw(kinds(most=4))))
    bad_attributes = tuple((f"a{number}", MessageAttribute.string("value")) for number in range(11))
    refused = draw(
        st.lists(
            st.sampled_from(
                [
                    PlannedMessage(key="refused", body="", may_be_refused=True),
                    PlannedMessage(key="refused", body="a\x00b", may_be_refused=True),
                    PlannedMessage(key="refused", body="x" * (BODY_BYTES_MAX + 1), may_be_refused=True),
                    PlannedMessage(
                        key="refused", body="ten at most", message_attributes=bad_attributes, may_be_refused=True
                    ),
                ]
            ),
            min_size=1,
            max_size=2,
        )
    )
    return Plan(messages=(*sent, *refused), batch_size=draw(batch_sizes(consumer)))


def _padded(body: str, size_bytes: int) -> str:
    """A body of JSON made larger by what JSON ignores; any other, and one that is larger already, as it is."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return body
    return body + " " * max(0, size_bytes - len(body.encode()))


def _not_json(consumer: Consumer) -> str | None:
    body = consumer.valid("key-1")
    if isinstance(body, str) and _padded(body, BODY_BYTES_MAX) == body:
        return "the consumer's bodies are not JSON, so they cannot be made larger"
    return None


def _kind_of(consumer: Consumer, size_bytes: int) -> Kind:
    most = consumer.body_bytes_max
    return Kind.VALID if most is not None and size_bytes <= most else Kind.EITHER


@st.composite
def _largest(draw: st.DrawFn, consumer: Consumer) -> Plan:
    # Where nobody says what large is, it comes alone: a service that takes batches may refuse all for the one.
    others_at_ms = 0 if consumer.body_bytes_max is not None else 1_000
    sent = at_once(draw(messages(consumer, draw(kinds(most=3)))), others_at_ms)
    body = _padded(draw(bodies(consumer, Kind.VALID, "key-largest")), BODY_BYTES_MAX)
    largest = PlannedMessage(key="key-largest", body=body, kind=_kind_of(consumer, BODY_BYTES_MAX))
    return Plan(messages=(largest, *sent), batch_size=consumer.queue.batch_size)


def _batch_too_small(consumer: Consumer) -> str | None:
    if consumer.queue.batch_size * BODY_BYTES_MAX <= _PAYLOAD_BYTES_MAX:
        return f"no batch of at most {consumer.queue.batch_size} messages reaches 6 MB"
    return _not_json(consumer)


@st.composite
def _payload(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """As large as the consumer takes them if so many fit into a batch, else as large as it needs."""
    batch_size = consumer.queue.batch_size
    size_bytes = min(900_000, consumer.body_bytes_max or BODY_BYTES_MAX)
    if size_bytes * batch_size <= _PAYLOAD_BYTES_MAX:
        size_bytes = BODY_BYTES_MAX
    count = _PAYLOAD_BYTES_MAX // size_bytes + 2
    keys = [f"key-{number + 1}" for number in range(count)]
    kind = _kind_of(consumer, size_bytes)
    sent = (
        PlannedMessage(key=key, body=_padded(draw(bodies(consumer, Kind.VALID, key)), size_bytes), kind=kind)
        for key in keys
    )
    return Plan(messages=tuple(sent), batch_size=batch_size)


@st.composite
def _largest_batch(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """As many messages as a batch holds, of which one is poison if there is such a thing."""
    size = consumer.queue.batch_size
    keys = [f"key-{number + 1}" for number in range(min(size, _KEYS_MOST))]
    made = [PlannedMessage(key=key, body=draw(bodies(consumer, Kind.VALID, key))) for key in keys]
    sent = [made[number % len(made)] for number in range(size)]
    if consumer.poison is not None:
        body = draw(bodies(consumer, Kind.POISON, "key-poison"))
        sent[draw(st.integers(0, size - 1))] = PlannedMessage(key="key-poison", body=body, kind=Kind.POISON)
    # How long a call takes is not what this is about.
    return Plan(messages=tuple(sent), batch_size=size, call_ms=0)


def _small_batches(consumer: Consumer) -> str | None:
    if consumer.queue.batch_size <= _LARGE_BATCH:
        return f"the consumer's batches have at most {consumer.queue.batch_size} messages"
    return None


@st.composite
def _pointers(draw: st.DrawFn, consumer: Consumer, pointer: PointerKind) -> Plan:
    sent = draw(messages(consumer, draw(kinds(least=2, most=5))))
    pointed = draw(st.sets(st.integers(0, len(sent) - 1), min_size=1, max_size=len(sent) - 1))
    claimed = Kind.VALID if pointer is PointerKind.GOOD else Kind.POISON
    kind = claimed if consumer.claims_to_be(Claim.OVERSIZE) else Kind.ANY
    changed = (_pointing(message, pointer, kind) if n in pointed else message for n, message in enumerate(sent))
    return Plan(messages=tuple(changed), batch_size=draw(batch_sizes(consumer)))


def _pointing(message: PlannedMessage, pointer: PointerKind, kind: Kind) -> PlannedMessage:
    size = MessageAttribute.number(len(message.body.encode()))
    return PlannedMessage(
        key=message.key,
        body=message.body,
        kind=kind,
        at_ms=message.at_ms,
        message_attributes=(("ExtendedPayloadSize", size),),
        pointer=pointer,
    )


_POINTED = (*DONE_IN_THE_END, "poison-isolated")

SCENARIOS = (
    Scenario(
        name="send-refused",
        family="size",
        summary="The queue refuses a body that is empty, too large or has a forbidden character; the others are done.",
        invariants=DONE_IN_THE_END,
        plans=_refused,
        examples_most=6,
    ),
    Scenario(
        name="largest-message",
        family="size",
        summary="A body of 1 MiB to the byte is done, or dead-lettered where it is too much for the consumer.",
        invariants=(*DONE_IN_THE_END, "poison-isolated"),
        plans=_largest,
        unfit=_not_json,
        examples_most=2,
    ),
    Scenario(
        name="largest-payload",
        family="size",
        summary="More than the 6 MB that an event may have waits in the queue; it comes in several, and none is lost.",
        invariants=DONE_IN_THE_END,
        plans=_payload,
        unfit=_batch_too_small,
        examples_most=1,
    ),
    Scenario(
        name="largest-batch",
        family="size",
        summary="A batch as large as the mapping makes them, up to 10,000 records; only its poison message comes back.",
        invariants=(*DONE_IN_THE_END, "poison-isolated"),
        plans=_largest_batch,
        # So many calls take minutes of anybody's time but the simulation's.
        capabilities=frozenset({Capability.VIRTUAL_TIME}),
        unfit=_small_batches,
        examples_most=1,
    ),
    Scenario(
        name="s3-pointer",
        family="size",
        summary="Bodies are in S3 and messages point to them; who claims `oversize` works on them as on any other.",
        invariants=(*_POINTED, "oversize-done"),
        plans=lambda consumer: _pointers(consumer, PointerKind.GOOD),
        examples_most=6,
    ),
    Scenario(
        name="s3-pointer-to-nothing",
        family="size",
        summary="Messages point to objects that are not in S3; they cost their neighbours nothing.",
        invariants=_POINTED,
        plans=lambda consumer: _pointers(consumer, PointerKind.MISSING),
        examples_most=6,
    ),
    Scenario(
        name="s3-pointer-elsewhere",
        family="size",
        summary="Messages point into a foreign bucket; who claims `oversize` does not work on what is there.",
        invariants=_POINTED,
        plans=lambda consumer: _pointers(consumer, PointerKind.FOREIGN),
        examples_most=6,
    ),
)
