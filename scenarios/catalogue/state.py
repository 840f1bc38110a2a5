"""State: what an execution environment keeps from one invocation to the next must not show."""

from collections.abc import Sequence

from hypothesis import strategies as st

from redrive.simulator.faults import CrashAt, Fault

from ..capabilities import Capability
from ..consumer import Consumer
from ..plan import Kind, Plan, PlannedMessage
from ..scenario import Scenario
from .generators import DONE_IN_THE_END, at_once, bodies, kinds, messages

__all__ = ["SCENARIOS"]

_ALIKE = (*DONE_IN_THE_END, "poison-isolated", "same-answer")


def _at_rest_ms(consumer: Consumer) -> int:
    """After how long nothing of a batch comes again, be it done or dead-lettered."""
    queue = consumer.queue
    deliveries = (queue.max_receive_count or 3) + 2
    return deliveries * (queue.visibility_timeout_s + queue.function_timeout_s + queue.batching_window_s) * 1000


@st.composite
def _kinds(draw: st.DrawFn, consumer: Consumer) -> list[Kind]:
    """A batch of valid messages, or of valid ones and poison where the consumer says what that is."""
    poison = consumer.poison is not None and draw(st.booleans())
    return draw(kinds(most=max(1, min(4, consumer.queue.batch_size)), poison=poison))


@st.composite
def _equal(draw: st.DrawFn, consumer: Consumer, drawn: Sequence[Kind], name: str, at_ms: int) -> list[PlannedMessage]:
    """A batch; the messages at the same place of all that are drawn for these kinds are of the same making."""
    return [
        PlannedMessage(
            key=f"key-{place + 1}-{name}",
            body=draw(bodies(consumer, kind, f"key-{place + 1}-{name}")),
            kind=kind,
            at_ms=at_ms,
            likeness=f"{place + 1}",
        )
        for place, kind in enumerate(drawn)
    ]


@st.composite
def _cold_and_warm(draw: st.DrawFn, consumer: Consumer) -> Plan:
    drawn = draw(_kinds(consumer))
    gap_ms = _at_rest_ms(consumer)
    batches = [draw(_equal(consumer, drawn, name, gap_ms * n)) for n, name in enumerate(("cold", "warm"))]
    return Plan(messages=tuple(message for batch in batches for message in batch), batch_size=consumer.queue.batch_size)


@st.composite
def _after_others(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """The same batch before and after one of another making, of which some or all fail, or the process dies."""
    drawn = draw(_kinds(consumer))
    size = consumer.queue.batch_size
    between = draw(messages(consumer, draw(_kinds(consumer))))
    gap_ms = _at_rest_ms(consumer)
    crash: tuple[Fault, ...] = (CrashAt(invocation=1),) if draw(st.booleans()) and Kind.POISON not in drawn else ()
    return Plan(
        messages=(
            *draw(_equal(consumer, drawn, "before", 0)),
            *at_once(between, gap_ms),
            *draw(_equal(consumer, drawn, "after", 2 * gap_ms)),
        ),
        faults=crash,
        batch_size=size,
    )


@st.composite
def _two_at_once(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """Two batches of the same making, all at once; each environment is cold with its first and then warm."""
    drawn = draw(_kinds(consumer))
    batches = [draw(_equal(consumer, drawn, name, 0)) for name in ("one", "two", "three", "four")]
    return Plan(
        messages=tuple(message for batch in batches for message in batch),
        batch_size=min(consumer.queue.batch_size, len(drawn)),
        concurrency=2,
    )


SCENARIOS = (
    Scenario(
        name="warm-start",
        family="state",
        summary="Two equal batches, the first in a cold environment, the second in a warm one; they come to the same.",
        invariants=_ALIKE,
        plans=_cold_and_warm,
        capabilities=frozenset({Capability.LONG_PAUSES}),
        examples_most=8,
    ),
    Scenario(
        name="leak-between-invocations",
        family="state",
        summary="A batch comes to the same before and after other batches, of which some fail or end the process.",
        invariants=_ALIKE,
        plans=_after_others,
        capabilities=frozenset({Capability.CALL_FAULTS, Capability.LONG_PAUSES}),
        examples_most=8,
    ),
    Scenario(
        name="two-environments",
        family="state",
        summary="Equal batches in two environments at once, cold and then warm; they come to the same, each done once.",
        invariants=_ALIKE,
        plans=_two_at_once,
        capabilities=frozenset({Capability.CONCURRENCY}),
        examples_most=5,
    ),
)
