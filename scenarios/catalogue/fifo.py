"""FIFO: order within a message group, whatever happens in it or beside it."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from redrive.fixtures.faults import Answer
from redrive.simulator.faults import CrashAt, DependencyDown, ErrorAnswer, Fault, SlowAt

from ..capabilities import Capability
from ..consumer import Claim, Consumer
from ..plan import Kind, Plan
from ..scenario import Scenario
from .generators import batch_sizes, kinds, messages, moments

__all__ = ["SCENARIOS"]

_GROUPS = ("group-a", "group-b", "group-c")
_ORDERED = (
    "no-loss",
    "no-invention",
    "effects-once",
    "order-kept",
    "dead-lettered",
    "response-valid",
    "body-exact",
)


@st.composite
def _groups(draw: st.DrawFn, count: int) -> Sequence[str]:
    # One group as often as several: what goes wrong within a group needs some messages of it.
    groups = draw(st.sampled_from([_GROUPS[:1], _GROUPS[:1], _GROUPS[:2], _GROUPS]))
    return [draw(st.sampled_from(groups)) for _ in range(count)]


@st.composite
def _order(draw: st.DrawFn, consumer: Consumer) -> Plan:
    drawn = draw(kinds(least=2, most=8))
    sent = draw(messages(consumer, drawn, groups=draw(_groups(len(drawn)))))
    return Plan(messages=sent, fifo=True, batch_size=draw(batch_sizes(consumer)))


@st.composite
def _failure(draw: st.DrawFn, consumer: Consumer) -> Plan:
    drawn = draw(kinds(least=2, most=6, poison=True))
    if Kind.VALID not in drawn:
        drawn = [*drawn[:-1], Kind.VALID]
    sent = draw(messages(consumer, drawn, groups=draw(_groups(len(drawn)))))
    return Plan(messages=sent, fifo=True, batch_size=draw(batch_sizes(consumer)))


@st.composite
def _interrupted(draw: st.DrawFn, consumer: Consumer) -> Plan:
    drawn = draw(kinds(least=2, most=5))
    # All at once: an interruption matters to what shares its batch.
    sent = tuple(
        replace(message, at_ms=0) for message in draw(messages(consumer, drawn, groups=draw(_groups(len(drawn)))))
    )
    # The simplest plan is the most telling one: two messages of a group, and a crash between two calls for the first.
    call, moment = draw(st.integers(1, 2 * len(sent))), draw(moments())
    timeout_ms = consumer.queue.function_timeout_s * 1000
    faults: list[Fault] = [
        CrashAt(invocation=0, call=call, moment=moment),
        DependencyDown(invocation=0, call=call),
        SlowAt(invocation=0, call=call, moment=moment, duration_ms=timeout_ms),
        SlowAt(invocation=0, call=call, moment=moment, duration_ms=timeout_ms - 500),
    ]
    size = consumer.queue.batch_size
    return Plan(
        messages=sent,
        faults=(draw(st.sampled_from(faults)),),
        fifo=True,
        batch_size=draw(st.sampled_from([size, size, min(2, size)])),
    )


@st.composite
def _passing(draw: st.DrawFn, consumer: Consumer) -> Plan:
    drawn = draw(kinds(least=2, most=5))
    # As many of a group in a batch as can be: those behind the one that fails are what it is about.
    sent = tuple(
        replace(message, at_ms=0) for message in draw(messages(consumer, drawn, groups=draw(_groups(len(drawn)))))
    )
    fault = DependencyDown(
        invocation=0,
        call=draw(st.integers(1, 2 * len(sent))),
        # With the attempts that an SDK makes for a call until it gives up, by itself or as it was told.
        calls=draw(st.sampled_from([1, 2, 3, 5])),
    )
    return Plan(messages=sent, faults=(fault,), fifo=True, batch_size=consumer.queue.batch_size)


@st.composite
def _deduplicated(draw: st.DrawFn, consumer: Consumer) -> Plan:
    drawn = draw(kinds(most=3))
    sent = draw(messages(consumer, drawn, groups=draw(_groups(len(drawn)))))
    again = draw(st.lists(st.sampled_from(sent), min_size=1, max_size=2))
    gap_ms = st.sampled_from([0, 1_000, 299_999, 300_000, 900_000])
    last_ms = sent[-1].at_ms
    return Plan(
        messages=(*sent, *(replace(message, at_ms=last_ms + draw(gap_ms)) for message in again)),
        fifo=True,
        batch_size=draw(batch_sizes(consumer)),
    )


@st.composite
def _outage(draw: st.DrawFn, consumer: Consumer) -> Plan:
    drawn = draw(kinds(least=2, most=6))
    sent = draw(messages(consumer, drawn, groups=draw(_groups(len(drawn)))))
    invocations = draw(st.integers(1, max(1, min(3, (consumer.queue.max_receive_count or 3) - 1))))
    call = draw(st.integers(1, 3))
    down = [DependencyDown(invocation=number, call=call) for number in range(invocations)]
    throttled = [
        ErrorAnswer(invocation=number, answer=Answer.THROTTLED, call=call, calls=None) for number in range(invocations)
    ]
    return Plan(
        messages=sent,
        faults=tuple(draw(st.sampled_from([down, throttled]))),
        fifo=True,
        batch_size=draw(batch_sizes(consumer)),
    )


@st.composite
def _backlog(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """More of one group than a batch holds, and a few of another in between."""
    size = min(consumer.queue.batch_size, draw(st.sampled_from([2, 3])))
    drawn = [Kind.VALID] * draw(st.integers(size + 1, 3 * size + 1))
    other = draw(st.sets(st.integers(0, len(drawn) - 1), max_size=2))
    groups = [_GROUPS[1] if place in other else _GROUPS[0] for place in range(len(drawn))]
    sent = draw(messages(consumer, drawn, groups=groups))
    delay_s = draw(st.sampled_from([0, 60]))
    return Plan(messages=sent, fifo=True, batch_size=size, queue_delay_s=delay_s, concurrency=draw(st.integers(1, 2)))


SCENARIOS = (
    Scenario(
        name="fifo-order",
        family="fifo",
        summary="Messages of several groups, in batches that mix them; effects follow the send order of each group.",
        invariants=(*_ORDERED, "poison-isolated"),
        plans=_order,
        needs=frozenset({Claim.ORDERED}),
        fifo=True,
    ),
    Scenario(
        name="fifo-failure-blocks-its-group",
        family="fifo",
        summary="Poison in a group holds back the rest of that group and nothing of the others.",
        invariants=(*_ORDERED, "poison-isolated"),
        plans=_failure,
        needs=frozenset({Claim.ORDERED}),
        fifo=True,
        poison=True,
    ),
    Scenario(
        name="fifo-interrupted",
        family="fifo",
        summary="A crash, a lost dependency, a timeout or a near deadline amid a FIFO batch; the order survives it.",
        invariants=_ORDERED,
        plans=_interrupted,
        needs=frozenset({Claim.ORDERED}),
        fifo=True,
        strikes=True,
    ),
    Scenario(
        name="fifo-passing-failure",
        family="fifo",
        summary="Some AWS calls of a FIFO batch fail and the next ones do not; what failed holds back its group.",
        invariants=_ORDERED,
        plans=_passing,
        needs=frozenset({Claim.ORDERED}),
        fifo=True,
        strikes=True,
    ),
    Scenario(
        name="fifo-duplicate",
        family="fifo",
        summary="The producer sends again, inside the five minutes of deduplication and after them.",
        invariants=_ORDERED,
        plans=_deduplicated,
        needs=frozenset({Claim.ORDERED}),
        fifo=True,
        capabilities=frozenset({Capability.VIRTUAL_TIME}),
    ),
    Scenario(
        name="fifo-outage",
        family="fifo",
        summary="Invocation after invocation loses its AWS calls, then none does; each group is done in its order.",
        invariants=_ORDERED,
        plans=_outage,
        needs=frozenset({Claim.ORDERED}),
        fifo=True,
        strikes=True,
        examples_most=8,
    ),
    Scenario(
        name="fifo-backlog",
        family="fifo",
        summary="One group has more messages than fit into a batch, another a few; both are done in order, none waits.",
        invariants=(*_ORDERED, "poison-isolated"),
        plans=_backlog,
        needs=frozenset({Claim.ORDERED}),
        fifo=True,
        capabilities=frozenset({Capability.CONCURRENCY}),
        examples_most=6,
    ),
)
