"""Races: invocations that are in progress together, a call of the one between those of another."""

from hypothesis import strategies as st

from redrive.simulator.faults import ConcurrentDuplicate, Fault, SlowAt

from ..capabilities import Capability
from ..consumer import Consumer
from ..plan import Plan
from ..scenario import Scenario
from .generators import DONE_IN_THE_END, batch_sizes, kinds, messages, moments

__all__ = ["SCENARIOS"]

_CAPABILITIES = frozenset({Capability.CALL_FAULTS, Capability.CONCURRENCY, Capability.VIRTUAL_TIME})

_STEP_MS = 5
"""About as long as an AWS call takes: who waits for one step is overtaken by one call."""
_STEPS_MOST = 6
_CALLS_MOST = 6


@st.composite
def _pauses(draw: st.DrawFn, invocations: int) -> list[Fault]:
    """Who waits where, and for how long: together with the moments of the duplicates, any order of the calls."""
    places = draw(
        st.lists(
            st.tuples(st.integers(0, invocations - 1), st.integers(1, _CALLS_MOST)),
            unique=True,
            max_size=3,
        )
    )
    return [
        SlowAt(
            invocation=invocation,
            call=call,
            moment=draw(moments()),
            duration_ms=_STEP_MS * draw(st.integers(1, _STEPS_MOST)),
        )
        for invocation, call in places
    ]


def _held(draw: st.DrawFn, *, invocation: int) -> ConcurrentDuplicate:
    return ConcurrentDuplicate(
        invocation=invocation,
        call=draw(st.integers(1, 4)),
        moment=draw(moments()),
        held_ms=_STEP_MS * draw(st.integers(0, _STEPS_MOST)),
    )


@st.composite
def _two(draw: st.DrawFn, consumer: Consumer) -> Plan:
    faults = (_held(draw, invocation=0), *draw(_pauses(2)))
    sent = draw(messages(consumer, draw(kinds(most=3))))
    return Plan(messages=sent, faults=faults, batch_size=draw(batch_sizes(consumer)))


@st.composite
def _three(draw: st.DrawFn, consumer: Consumer) -> Plan:
    third = _held(draw, invocation=draw(st.integers(0, 1)))
    faults = (_held(draw, invocation=0), third, *draw(_pauses(3)))
    sent = draw(messages(consumer, draw(kinds(most=2))))
    return Plan(messages=sent, faults=faults, batch_size=draw(batch_sizes(consumer)))


SCENARIOS = (
    Scenario(
        name="interleaved-duplicate",
        family="delivery",
        summary="Two invocations have the same messages, a call of the one between calls of the other.",
        invariants=DONE_IN_THE_END,
        plans=_two,
        strikes=True,
        capabilities=_CAPABILITIES,
    ),
    Scenario(
        name="three-at-once",
        family="delivery",
        summary="Three invocations have the same messages at once, interleaved at their AWS calls.",
        invariants=DONE_IN_THE_END,
        plans=_three,
        strikes=True,
        capabilities=_CAPABILITIES,
    ),
)
