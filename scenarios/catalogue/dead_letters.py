"""Dead letters: into the dead-letter queue after the exact count, out of it when the cause is gone."""

from dataclasses import replace

from hypothesis import strategies as st

from redrive.simulator.faults import DependencyDown

from ..capabilities import Capability
from ..consumer import Consumer
from ..plan import Plan
from ..scenario import Scenario
from .generators import (
    DONE_IN_THE_END,
    at_once,
    batch_sizes,
    bodies,
    deliveries_most,
    kinds,
    messages,
    no_dead_letter_queue,
)

__all__ = ["SCENARIOS"]

_RETENTION_S_LEAST = 60
"""What SQS allows (S13)."""


@st.composite
def _to_dlq(draw: st.DrawFn, consumer: Consumer) -> Plan:
    batch_size = draw(batch_sizes(consumer))
    drawn = draw(kinds(most=5, poison=True))
    return Plan(messages=draw(messages(consumer, drawn)), batch_size=batch_size)


def _after_all_deliveries_ms(consumer: Consumer) -> int:
    """When what was sent at the beginning and failed each time is surely in the dead-letter queue."""
    return (deliveries_most(consumer) + 1) * consumer.queue.visibility_timeout_s * 1000


@st.composite
def _mended(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """One batch, which fails as often as it is delivered; then the dependency is back, and the batch too."""
    count = draw(st.integers(1, max(1, min(4, consumer.queue.batch_size))))
    sent = at_once(draw(messages(consumer, draw(kinds(least=count, most=count)))))
    # Also amid the work: then something of it is there when the message comes back.
    call = draw(st.integers(1, 3))
    return Plan(
        messages=sent,
        faults=tuple(DependencyDown(invocation=number, call=call) for number in range(deliveries_most(consumer))),
        batch_size=consumer.queue.batch_size,
        redrive_at_ms=(_after_all_deliveries_ms(consumer),),
    )


@st.composite
def _still_poison(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = at_once(draw(messages(consumer, draw(kinds(most=4, poison=True)))))
    return Plan(
        messages=sent,
        batch_size=draw(batch_sizes(consumer)),
        # Some may be moved back while others are yet to fail: batches are worked on one after the other.
        redrive_at_ms=(2 * _after_all_deliveries_ms(consumer),),
    )


@st.composite
def _retention(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """All in one batch, which fails; before it can come again its retention is over. Some are sent again later."""
    visibility_timeout_s = consumer.queue.visibility_timeout_s
    count = draw(st.integers(1, max(1, min(4, consumer.queue.batch_size))))
    sent = at_once(draw(messages(consumer, draw(kinds(least=count, most=count)))))
    again = draw(st.lists(st.sampled_from(sent), unique=True, min_size=1, max_size=3))
    later_ms = 2 * visibility_timeout_s * 1000
    new = replace(sent[0], key="key-new", body=draw(bodies(consumer, sent[0].kind, "key-new")))
    return Plan(
        messages=(*sent, *at_once((*again, new), later_ms)),
        faults=(DependencyDown(invocation=0, call=draw(st.integers(1, 3))),),
        batch_size=consumer.queue.batch_size,
        retention_s=visibility_timeout_s - 1,
    )


def _outlived(consumer: Consumer) -> str | None:
    if consumer.queue.visibility_timeout_s <= _RETENTION_S_LEAST:
        return "no retention is shorter than the visibility timeout of the consumer's queue"
    return None


SCENARIOS = (
    Scenario(
        name="poison-to-dlq",
        family="dead-letters",
        summary="One, many or only poison messages; each is in the dead-letter queue after maxReceiveCount deliveries.",
        invariants=("no-loss", "no-invention", "dead-lettered", "response-valid"),
        plans=_to_dlq,
        poison=True,
    ),
    Scenario(
        name="redriven-when-mended",
        family="dead-letters",
        summary="Messages dead-lettered by an outage are moved back under new message ids, and are done once.",
        invariants=DONE_IN_THE_END,
        plans=_mended,
        strikes=True,
        capabilities=frozenset({Capability.CALL_FAULTS, Capability.LONG_PAUSES}),
        unfit=no_dead_letter_queue,
        examples_most=6,
    ),
    Scenario(
        name="poison-redriven",
        family="dead-letters",
        summary="Poison moved back from the dead-letter queue is there again after maxReceiveCount more deliveries.",
        invariants=("no-loss", "no-invention", "effects-once", "dead-lettered", "response-valid", "body-exact"),
        plans=_still_poison,
        poison=True,
        capabilities=frozenset({Capability.LONG_PAUSES}),
        unfit=no_dead_letter_queue,
        examples_most=6,
    ),
    Scenario(
        name="retention-ends",
        family="dead-letters",
        summary="The retention of messages ends amid an outage; the same work sent again later is done, and once.",
        invariants=DONE_IN_THE_END,
        plans=_retention,
        strikes=True,
        capabilities=frozenset({Capability.CALL_FAULTS, Capability.VIRTUAL_TIME}),
        unfit=_outlived,
        examples_most=8,
    ),
)
