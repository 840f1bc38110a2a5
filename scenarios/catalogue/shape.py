"""Shape: what a message may look like, and an event."""

import json
import re
from dataclasses import replace

from hypothesis import strategies as st

from redrive.fixtures.event_builder import MessageAttribute

from ..capabilities import Capability
from ..consumer import Consumer
from ..plan import EventChange, Kind, Plan, PlannedMessage
from ..scenario import Scenario
from .generators import DONE_IN_THE_END, batch_sizes, bodies, kinds, messages

__all__ = ["SCENARIOS"]

_SHAPED = (*DONE_IN_THE_END, "poison-isolated")

_ATTRIBUTES = (
    ("text", MessageAttribute.string("a value")),
    ("text-labelled", MessageAttribute.string('{"a": 1}', label="json")),
    ("number", MessageAttribute.number("12345678901234567890123456789012345678")),
    ("number-fraction", MessageAttribute.number("-1.50", label="price")),
    ("number-exponent", MessageAttribute.number("1e-10")),
    ("binary", MessageAttribute.binary(b"\x00\xff\x80not UTF-8\xc3")),
    ("binary-labelled", MessageAttribute.binary(b"\x00", label="gzip")),
    ("a.dotted_name-1", MessageAttribute.string(" ")),
    ("text-unicode", MessageAttribute.string("Größe 𐍈 e\u0301 \u202eright to left\u202c\t\n")),
    ("text-long", MessageAttribute.string("x" * 5_000)),
)
# Letters that case folding, normalisation or a byte-wise cut would change, and some outside the BMP.
_KEYS = ("straße-1", "ΣΊΣΥΦΟΣ-2", "e\u0301-3", "𐍈😀-4", "İstanbul-5")


@st.composite
def _attributes(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=4))))
    some = st.lists(st.sampled_from(_ATTRIBUTES), unique_by=lambda attribute: attribute[0], max_size=10)
    # All ten as often as some: ten is as many as there may be.
    attributes = st.just(_ATTRIBUTES) | some.map(tuple)
    return Plan(
        messages=tuple(replace(message, message_attributes=draw(attributes)) for message in sent),
        batch_size=draw(batch_sizes(consumer)),
    )


def _escaped(body: str) -> str:
    """The same JSON with its letters beyond ASCII as escapes; what is not JSON, as it is."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return body
    return re.sub(r"[^\x00-\x7f]+", lambda found: json.dumps(found[0])[1:-1], body)


@st.composite
def _unicode(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=3))))
    escaped = (replace(message, body=_escaped(message.body)) if draw(st.booleans()) else message for message in sent)
    keys = draw(st.lists(st.sampled_from(_KEYS), unique=True, min_size=1, max_size=3))
    # A consumer may have rules of its own for what is a business key.
    others = (PlannedMessage(key=key, body=draw(bodies(consumer, Kind.VALID, key)), kind=Kind.EITHER) for key in keys)
    return Plan(messages=(*escaped, *others), batch_size=draw(batch_sizes(consumer)))


@st.composite
def _unknown_fields(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=4))))
    return Plan(
        messages=tuple(replace(message, message_attributes=_ATTRIBUTES[:1]) for message in sent),
        batch_size=draw(batch_sizes(consumer)),
        event_changes=(EventChange.UNKNOWN_FIELDS,),
    )


def _notification(message: PlannedMessage) -> PlannedMessage:
    """The message as SNS brings it without raw delivery: its body within an envelope."""
    envelope = {
        "Type": "Notification",
        "MessageId": "5a3c8d1e-0f7b-4f0c-9b1a-2d6f4f1b7c90",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:redrive-topic",
        "Message": message.body,
        "Timestamp": "2026-01-01T00:00:00.000Z",
        "SignatureVersion": "1",
        "MessageAttributes": {},
    }
    return replace(message, body=json.dumps(envelope, indent=2), payload=message.body, kind=Kind.ANY)


@st.composite
def _envelopes(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(least=2, most=5))))
    wrapped = draw(st.sets(st.integers(0, len(sent) - 1), min_size=1, max_size=len(sent) - 1))
    return Plan(
        messages=tuple(_notification(message) if n in wrapped else message for n, message in enumerate(sent)),
        batch_size=draw(batch_sizes(consumer)),
    )


@st.composite
def _empty(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """Before, between and after batches."""
    batch_size = draw(batch_sizes(consumer))
    empty_at_ms = draw(st.sets(st.sampled_from([0, 500, 1_500, 600_000]), min_size=1))
    drawn = draw(kinds(most=5, poison=consumer.poison is not None and draw(st.booleans())))
    return Plan(
        messages=draw(messages(consumer, drawn)), batch_size=batch_size, empty_events_at_ms=tuple(sorted(empty_at_ms))
    )


SCENARIOS = (
    Scenario(
        name="attribute-types",
        family="shape",
        summary="Message attributes of every type, with labels, up to ten; messages are done as without them.",
        invariants=_SHAPED,
        plans=_attributes,
        examples_most=6,
    ),
    Scenario(
        name="unicode",
        family="shape",
        summary="Bodies and business keys beyond ASCII, also as JSON escapes; effects have them to the byte.",
        invariants=_SHAPED,
        plans=_unicode,
        examples_most=8,
    ),
    Scenario(
        name="unknown-fields",
        family="shape",
        summary="Event, records and attributes have fields that no document names; they change nothing.",
        invariants=_SHAPED,
        plans=_unknown_fields,
        capabilities=frozenset({Capability.OWN_EVENTS}),
        examples_most=6,
    ),
    Scenario(
        name="sns-envelope",
        family="shape",
        summary="Some bodies come in the envelope of an SNS notification; they cost their neighbours nothing.",
        invariants=_SHAPED,
        plans=_envelopes,
        examples_most=6,
    ),
    Scenario(
        name="empty-event",
        family="shape",
        summary="Invocations without any records before, between and after batches; they answer for no message.",
        invariants=_SHAPED,
        plans=_empty,
        capabilities=frozenset({Capability.OWN_EVENTS}),
        examples_most=8,
    ),
)
