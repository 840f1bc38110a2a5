"""Delivery: messages come once, twice, at once to two invocations, or were sent twice."""

from dataclasses import replace

from hypothesis import strategies as st

from redrive.simulator.faults import ConcurrentDuplicate, DuplicateDelivery, FailedDelete, LostDelete, Overtaken

from ..capabilities import Capability
from ..consumer import Consumer
from ..plan import Plan
from ..scenario import Scenario
from .generators import DONE_IN_THE_END, batch_sizes, kinds, messages, moments

__all__ = ["SCENARIOS"]

_EVERYTHING = (
    "no-loss",
    "no-invention",
    "effects-once",
    "poison-isolated",
    "dead-lettered",
    "response-valid",
    "body-exact",
)
_LOST_DELETES = frozenset({Capability.LOST_DELETES})


@st.composite
def _happy(draw: st.DrawFn, consumer: Consumer) -> Plan:
    return Plan(
        messages=draw(messages(consumer, draw(kinds(most=12)))),
        batch_size=draw(batch_sizes(consumer)),
        shuffled=draw(st.booleans()),
    )


@st.composite
def _duplicate_delivery(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds())))
    twice = draw(st.lists(st.sampled_from(range(len(sent))), min_size=1, max_size=3))
    after_ms = st.sampled_from([0, 1_000, 60_000, 3_600_000])
    return Plan(
        messages=sent,
        faults=tuple(DuplicateDelivery(message=message, after_ms=draw(after_ms)) for message in twice),
        batch_size=draw(batch_sizes(consumer)),
    )


@st.composite
def _producer_duplicate(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=4))))
    again = draw(st.lists(st.sampled_from(sent), min_size=1, max_size=3))
    gap_ms = st.sampled_from([0, 1_000, 600_000])
    last_ms = sent[-1].at_ms
    return Plan(
        messages=(*sent, *(replace(message, at_ms=last_ms + draw(gap_ms)) for message in again)),
        batch_size=draw(batch_sizes(consumer)),
        shuffled=draw(st.booleans()),
    )


@st.composite
def _concurrent_duplicate(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=3))))
    fault = ConcurrentDuplicate(
        invocation=0,
        call=draw(st.integers(1, 2 * len(sent) + 2)),
        moment=draw(moments()),
    )
    return Plan(messages=sent, faults=(fault,), batch_size=draw(batch_sizes(consumer)))


@st.composite
def _lost_acknowledgement(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds())))
    lost = draw(st.sets(st.sampled_from(range(len(sent))), min_size=1))
    return Plan(
        messages=sent,
        faults=tuple(LostDelete(message=message) for message in sorted(lost)),
        batch_size=draw(batch_sizes(consumer)),
    )


@st.composite
def _failed_delete(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds())))
    failed = draw(st.sets(st.sampled_from(range(len(sent))), min_size=1))
    return Plan(
        messages=sent,
        faults=tuple(FailedDelete(message=message) for message in sorted(failed)),
        batch_size=draw(batch_sizes(consumer)),
    )


@st.composite
def _reordered(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(least=2, most=8))))
    overtaken = draw(st.sets(st.sampled_from(range(len(sent) - 1)), min_size=1, max_size=3))
    by = st.integers(1, len(sent) - 1)
    return Plan(
        messages=sent,
        faults=tuple(Overtaken(message=message, by=draw(by)) for message in sorted(overtaken)),
        batch_size=draw(batch_sizes(consumer)),
        shuffled=draw(st.booleans()),
    )


SCENARIOS = (
    Scenario(
        name="happy-path",
        family="delivery",
        summary="Valid messages in batches of several sizes, delivered in any order, and nothing goes wrong.",
        invariants=_EVERYTHING,
        plans=_happy,
    ),
    Scenario(
        name="duplicate-delivery",
        family="delivery",
        summary="Messages are delivered once more after they were deleted, at once or an hour later.",
        invariants=DONE_IN_THE_END,
        plans=_duplicate_delivery,
        strikes=True,
        capabilities=frozenset({Capability.DUPLICATES, Capability.LONG_PAUSES}),
    ),
    Scenario(
        name="producer-duplicate",
        family="delivery",
        summary="The producer sends the same work again, under a new message id.",
        invariants=DONE_IN_THE_END,
        plans=_producer_duplicate,
        capabilities=frozenset({Capability.LONG_PAUSES}),
    ),
    Scenario(
        name="concurrent-duplicate",
        family="delivery",
        summary="A second invocation gets the same messages while the first is between two of its AWS calls.",
        invariants=DONE_IN_THE_END,
        plans=_concurrent_duplicate,
        strikes=True,
        capabilities=frozenset({Capability.CALL_FAULTS, Capability.CONCURRENCY}),
    ),
    Scenario(
        name="lost-acknowledgement",
        family="delivery",
        summary="Messages were worked on, their deletion is lost, and they come again.",
        invariants=DONE_IN_THE_END,
        plans=_lost_acknowledgement,
        strikes=True,
        capabilities=_LOST_DELETES,
    ),
    Scenario(
        name="failed-delete",
        family="delivery",
        summary="The queue refuses to delete some messages of a batch; they come again, and are not done again.",
        invariants=DONE_IN_THE_END,
        plans=_failed_delete,
        strikes=True,
        capabilities=_LOST_DELETES,
        examples_most=8,
    ),
    Scenario(
        name="reordered",
        family="delivery",
        summary="Messages overtake others on a standard queue; each is done once all the same.",
        invariants=(*DONE_IN_THE_END, "poison-isolated"),
        plans=_reordered,
        strikes=True,
        capabilities=frozenset({Capability.REORDERING}),
        examples_most=6,
    ),
)
