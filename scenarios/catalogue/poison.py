"""Poison: messages that can never be done, alone and among neighbours."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from ..consumer import Claim, Consumer
from ..plan import Kind, Plan, PlannedMessage
from ..scenario import Scenario
from .generators import at_once, batch_sizes, bodies, kinds, messages

__all__ = ["SCENARIOS"]

_ISOLATED = (
    "no-loss",
    "no-invention",
    "effects-once",
    "poison-isolated",
    "dead-lettered",
    "response-valid",
    "body-exact",
)


# What does not depend on the messages is drawn before them: then a plan shrinks by just leaving one of them out.


@st.composite
def _partial(draw: st.DrawFn, consumer: Consumer) -> Plan:
    batch_size, shuffled = draw(batch_sizes(consumer)), draw(st.booleans())
    drawn = draw(kinds(least=2, most=8, poison=True))
    if Kind.VALID not in drawn:
        drawn = [Kind.VALID, *drawn[1:]]
    return Plan(messages=draw(messages(consumer, drawn)), batch_size=batch_size, shuffled=shuffled)


@st.composite
def _each_position(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """One poison message in a batch of several, whose other members are all valid."""
    count = draw(st.integers(2, max(2, min(5, consumer.queue.batch_size))))
    position = draw(st.integers(0, count - 1))
    drawn = [Kind.POISON if place == position else Kind.VALID for place in range(count)]
    return Plan(messages=at_once(draw(messages(consumer, drawn))), batch_size=consumer.queue.batch_size)


@st.composite
def _all(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """First a batch of nothing but poison, then one of valid messages."""
    count = draw(st.integers(1, max(1, min(5, consumer.queue.batch_size))))
    bad = at_once(draw(messages(consumer, [Kind.POISON] * count)))
    good = draw(messages(consumer, draw(kinds(most=3))))
    later = (replace(message, key=f"{message.key}-later", at_ms=1_000) for message in good)
    bodies_later = [replace(message, body=draw(bodies(consumer, Kind.VALID, message.key))) for message in later]
    return Plan(messages=(*bad, *bodies_later), batch_size=consumer.queue.batch_size)


def _json_object(body: str) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _unparsable(message: PlannedMessage, how: int) -> PlannedMessage:
    """Of a body that is JSON, one that is not."""
    body = message.body
    broken = (body.rstrip()[:-1], body + "}", "not JSON", "\ufeff" + body)[how]
    return message if _json_object(body) is None else replace(message, body=broken, kind=Kind.ANY)


def _without_key(message: PlannedMessage) -> PlannedMessage:
    """Of a body that is a JSON object, one without what says its business key."""
    whole = _json_object(message.body)
    if whole is None:
        return message
    left = {name: value for name, value in whole.items() if message.key not in json.dumps(value)}
    return replace(message, body=json.dumps(left), kind=Kind.ANY)


@st.composite
def _broken(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(least=2, most=5))))
    how = draw(st.lists(st.integers(0, 3), min_size=1, max_size=len(sent) - 1))
    position = draw(st.integers(0, len(sent) - len(how)))
    changed = [_unparsable(message, n) for message, n in zip(sent[position:], how, strict=False)]
    return Plan(
        messages=(*sent[:position], *changed, *sent[position + len(how) :]), batch_size=draw(batch_sizes(consumer))
    )


@st.composite
def _keyless(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(least=2, most=5))))
    positions = draw(st.sets(st.integers(0, len(sent) - 1), min_size=1, max_size=len(sent) - 1))
    changed = (_without_key(message) if place in positions else message for place, message in enumerate(sent))
    return Plan(messages=tuple(changed), batch_size=draw(batch_sizes(consumer)))


SCENARIOS = (
    Scenario(
        name="partial-failure",
        family="poison",
        summary="Poison at any place among valid messages; the neighbours must not come back because of it.",
        invariants=_ISOLATED,
        plans=_partial,
        needs=frozenset({Claim.PARTIAL_BATCH}),
        poison=True,
    ),
    Scenario(
        name="poison-at-each-position",
        family="poison",
        summary="One poison message in a batch, first, last or between; only this one comes back.",
        invariants=_ISOLATED,
        plans=_each_position,
        needs=frozenset({Claim.PARTIAL_BATCH}),
        poison=True,
        examples_most=8,
    ),
    Scenario(
        name="only-poison",
        family="poison",
        summary="A batch of nothing but poison, and then a batch of valid messages, which are done.",
        invariants=_ISOLATED,
        plans=_all,
        poison=True,
        examples_most=8,
    ),
    Scenario(
        name="unparsable-body",
        family="poison",
        summary="Bodies that are cut off, doubled or no JSON at all; their neighbours are done and do not come back.",
        invariants=_ISOLATED,
        plans=_broken,
        needs=frozenset({Claim.PARTIAL_BATCH}),
        examples_most=8,
    ),
    Scenario(
        name="missing-business-key",
        family="poison",
        summary="Bodies without their business key; they cost their neighbours nothing, and no key is invented.",
        invariants=_ISOLATED,
        plans=_keyless,
        needs=frozenset({Claim.PARTIAL_BATCH}),
        examples_most=8,
    ),
)
