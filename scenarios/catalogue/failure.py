"""Failure: the function crashes, runs out of time, or cannot reach what it depends on."""

from hypothesis import strategies as st

from redrive.fixtures.faults import Answer
from redrive.simulator.faults import (
    ConcurrentDuplicate,
    CrashAt,
    DependencyDown,
    ErrorAnswer,
    Fault,
    Throttle,
)

from ..capabilities import Capability
from ..consumer import Consumer
from ..plan import Plan
from ..scenario import Scenario
from .generators import DONE_IN_THE_END, batch_sizes, kinds, messages, moments

__all__ = ["SCENARIOS"]


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


@st.composite
def _transient(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=5))))
    call = draw(st.integers(1, 2 * len(sent)))
    # With the attempts that an SDK makes for a call until it gives up, by itself or as it was told.
    calls = draw(st.sampled_from([1, 2, 3, 5]))
    faults: list[Fault] = [
        ErrorAnswer(invocation=0, call=call, calls=calls, answer=Answer.ERROR),
        DependencyDown(invocation=0, call=call, calls=calls),
    ]
    return Plan(messages=sent, faults=(draw(st.sampled_from(faults)),), batch_size=draw(batch_sizes(consumer)))


@st.composite
def _outage(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """It ends before any message can have been delivered as often as it may be."""
    sent = draw(messages(consumer, draw(kinds(most=5))))
    invocations = draw(st.integers(1, max(1, min(3, (consumer.queue.max_receive_count or 3) - 1))))
    return Plan(
        messages=sent,
        faults=tuple(DependencyDown(invocation=number) for number in range(invocations)),
        batch_size=draw(batch_sizes(consumer)),
    )


@st.composite
def _throttled_calls(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=5))))
    fault = ErrorAnswer(
        invocation=0,
        call=draw(st.integers(1, 2 * len(sent))),
        calls=draw(st.sampled_from([1, 3, 5, 10, None])),
        answer=Answer.THROTTLED,
    )
    return Plan(messages=sent, faults=(fault,), batch_size=draw(batch_sizes(consumer)))


@st.composite
def _throttled_function(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=5))))
    visibility_timeout_ms = consumer.queue.visibility_timeout_s * 1000
    throttled = draw(st.sets(st.integers(0, 2), min_size=1))
    # For a moment, for a while, and for longer than the mapping holds on to a batch.
    for_ms = st.sampled_from([1_000, visibility_timeout_ms // 2, visibility_timeout_ms + 1_000])
    return Plan(
        messages=sent,
        faults=tuple(Throttle(invocation=number, for_ms=draw(for_ms)) for number in sorted(throttled)),
        batch_size=draw(batch_sizes(consumer)),
    )


SCENARIOS = (
    Scenario(
        name="whole-batch-failure",
        family="failure",
        summary="No AWS call of the first invocation gets through, so its whole batch fails and comes back.",
        invariants=DONE_IN_THE_END,
        plans=_dependency_down,
        strikes=True,
    ),
    Scenario(
        name="dependency-lost",
        family="failure",
        summary="In the middle of the first invocation its AWS calls stop getting through.",
        invariants=DONE_IN_THE_END,
        plans=_dependency_lost,
        strikes=True,
    ),
    Scenario(
        name="crash-after-effect",
        family="failure",
        summary="The process dies between two steps, among them after an effect and before it is recorded as done.",
        invariants=DONE_IN_THE_END,
        plans=_crash,
        strikes=True,
    ),
    Scenario(
        name="crash-while-duplicated",
        family="failure",
        summary="A second invocation has the same messages and ends; then the first, which was before it, dies.",
        invariants=DONE_IN_THE_END,
        plans=_crash_while_duplicated,
        strikes=True,
        capabilities=frozenset({Capability.CALL_FAULTS, Capability.CONCURRENCY}),
    ),
    Scenario(
        name="transient-failure",
        family="failure",
        summary="Some AWS calls of a batch fail and the next ones do not; what failed is done in the end, and once.",
        invariants=DONE_IN_THE_END,
        plans=_transient,
        strikes=True,
        examples_most=8,
    ),
    Scenario(
        name="dependency-outage",
        family="failure",
        summary="For several invocations no AWS call gets through, then all do; every message is done once.",
        invariants=DONE_IN_THE_END,
        plans=_outage,
        strikes=True,
        examples_most=8,
    ),
    Scenario(
        name="throttled-calls",
        family="failure",
        summary="AWS answers calls of a batch with throttling, some or all; what was not written is not acknowledged.",
        invariants=DONE_IN_THE_END,
        plans=_throttled_calls,
        strikes=True,
        examples_most=8,
    ),
    Scenario(
        name="throttled-function",
        family="failure",
        summary="The function is throttled, up to where the mapping lets go of its batch; the messages are done later.",
        invariants=DONE_IN_THE_END,
        plans=_throttled_function,
        strikes=True,
        capabilities=frozenset({Capability.THROTTLING, Capability.LONG_PAUSES}),
        examples_most=6,
    ),
)
