"""Failure: the function crashes, runs out of time, or cannot reach what it depends on."""

from hypothesis import strategies as st

from redrive.simulator.faults import ConcurrentDuplicate, CrashAt, DependencyDown, SlowAt

from ..consumer import Consumer
from ..plan import Plan
from ..scenario import Scenario
from .generators import batch_sizes, kinds, messages, moments

__all__ = ["SCENARIOS"]

_INTERRUPTED = ("no-loss", "no-invention", "effects-once", "dead-lettered", "response-valid", "body-exact")


@st.composite
def _dependency_down(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds())))
    return Plan(messages=sent, faults=(DependencyDown(invocation=0),), batch_size=draw(batch_sizes(consumer)))


@st.composite
def _dependency_lost(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=4))))
    # Also from the first call on: some handlers make but one for a whole batch.
    call = draw(st.integers(1, 2 * len(sent)))
    return Plan(
        messages=sent, faults=(DependencyDown(invocation=0, call=call),), batch_size=draw(batch_sizes(consumer))
    )


@st.composite
def _timeout(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=4))))
    fault = SlowAt(
        invocation=0,
        call=draw(st.integers(1, 2 * len(sent) + 1)),
        duration_ms=consumer.queue.function_timeout_s * 1000,
        moment=draw(moments()),
    )
    return Plan(messages=sent, faults=(fault,), batch_size=draw(batch_sizes(consumer)))


@st.composite
def _late(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=4))))
    left_ms = draw(st.sampled_from([20, 200, 700, 1_500]))
    fault = SlowAt(
        invocation=0,
        call=draw(st.integers(1, 2 * len(sent) + 1)),
        duration_ms=consumer.queue.function_timeout_s * 1000 - left_ms,
        moment=draw(moments()),
    )
    return Plan(messages=sent, faults=(fault,), batch_size=draw(batch_sizes(consumer)))


@st.composite
def _crash_while_duplicated(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=3))))
    call = draw(st.integers(1, 2 * len(sent)))
    duplicate = ConcurrentDuplicate(invocation=0, call=call, moment=draw(moments()))
    crash = CrashAt(invocation=0, call=call + draw(st.integers(0, 2)))
    return Plan(messages=sent, faults=(duplicate, crash), batch_size=draw(batch_sizes(consumer)))


@st.composite
def _crash(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=4))))
    fault = CrashAt(
        invocation=0,
        call=draw(st.integers(1, 2 * len(sent) + 1)),
        moment=draw(moments()),
    )
    return Plan(messages=sent, faults=(fault,), batch_size=draw(batch_sizes(consumer)))


SCENARIOS = (
    Scenario(
        name="whole-batch-failure",
        family="failure",
        summary="No AWS call of the first invocation gets through, so its whole batch fails and comes back.",
        invariants=_INTERRUPTED,
        plans=_dependency_down,
        strikes=True,
    ),
    Scenario(
        name="dependency-lost",
        family="failure",
        summary="In the middle of the first invocation its AWS calls stop getting through.",
        invariants=_INTERRUPTED,
        plans=_dependency_lost,
        strikes=True,
    ),
    Scenario(
        name="function-timeout",
        family="failure",
        summary="A call in the middle of a batch takes longer than the function may; its process is killed.",
        invariants=_INTERRUPTED,
        plans=_timeout,
        strikes=True,
    ),
    Scenario(
        name="deadline-near",
        family="failure",
        summary="A slow call leaves the function some milliseconds to finish or to give back what it has not begun.",
        invariants=_INTERRUPTED,
        plans=_late,
        strikes=True,
    ),
    Scenario(
        name="crash-after-effect",
        family="failure",
        summary="The process dies between two steps, among them after an effect and before it is recorded as done.",
        invariants=_INTERRUPTED,
        plans=_crash,
        strikes=True,
    ),
    Scenario(
        name="crash-while-duplicated",
        family="failure",
        summary="A second invocation has the same messages and ends; then the first, which was before it, dies.",
        invariants=_INTERRUPTED,
        plans=_crash_while_duplicated,
        strikes=True,
    ),
)
