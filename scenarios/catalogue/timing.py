"""Time: it runs out, it is told wrong, or it passes while a message waits."""

from dataclasses import replace

from hypothesis import strategies as st

from redrive.simulator.faults import ClockSkew, ConcurrentDuplicate, CrashAt, Fault, SlowAt, Throttle, TimeoutAt

from ..capabilities import Capability
from ..consumer import Consumer, QueueSpec
from ..plan import Plan
from ..scenario import Scenario
from .generators import DONE_IN_THE_END, at_once, batch_sizes, kinds, messages, moments

__all__ = ["SCENARIOS"]

_CALLS_IN_TIME = frozenset({Capability.CALL_FAULTS, Capability.VIRTUAL_TIME})


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
def _timeouts(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """A call further each time, and once less than a message may be delivered."""
    sent = at_once(draw(messages(consumer, draw(kinds(most=4)))))
    count = max(1, min(4, (consumer.queue.max_receive_count or 4) - 1))
    first, step = draw(st.integers(1, 2 * len(sent))), draw(st.integers(0, 2))
    moment = draw(moments())
    return Plan(
        messages=sent,
        faults=tuple(TimeoutAt(invocation=n, call=first + n * step, moment=moment) for n in range(count)),
        batch_size=consumer.queue.batch_size,
    )


def _begins_last_s(queue: QueueSpec) -> int:
    """When the mapping tries a throttled batch for the last time before its visibility timeout ends (E17)."""
    tries = ((1 << number) - 1 for number in range(20))
    return max(second for second in tries if second < queue.visibility_timeout_s)


def _never_that_long(consumer: Consumer) -> str | None:
    queue = consumer.queue
    if _begins_last_s(queue) + queue.function_timeout_s < queue.visibility_timeout_s + _WORK_ON_S:
        return "the function's timeout ends every invocation before the visibility timeout does"
    return None


_WORK_ON_S = 2
"""How long an invocation works on at least when its messages are visible again."""


@st.composite
def _visible_again(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = at_once(draw(messages(consumer, draw(kinds(most=3)))))
    queue = consumer.queue
    begins_s = _begins_last_s(queue)
    slow = SlowAt(
        invocation=0,
        call=draw(st.integers(1, 2 * len(sent))),
        duration_ms=(queue.visibility_timeout_s - begins_s) * 1000 + draw(st.sampled_from([1, 500, 1_000])),
        moment=draw(moments()),
    )
    # Throttled first: the visibility timeout begins with the receive, the function's with the invocation.
    throttled = Throttle(invocation=0, for_ms=begins_s * 1000)
    return Plan(messages=sent, faults=(throttled, slow), batch_size=queue.batch_size, concurrency=2)


@st.composite
def _slow_calls(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = at_once(draw(messages(consumer, draw(kinds(least=2, most=8)))))
    timeout_ms = consumer.queue.function_timeout_s * 1000
    # Slow, and quick enough for who keeps half a second; a batch of these fits into an invocation with room to spare.
    call_ms = min(draw(st.sampled_from([400, 200])), timeout_ms // (6 * len(sent)))
    held_up = SlowAt(invocation=0, duration_ms=timeout_ms - draw(st.sampled_from([1_500, 2_500])))
    return Plan(messages=sent, faults=(held_up,), batch_size=consumer.queue.batch_size, call_ms=call_ms)


def _over_at_once(consumer: Consumer) -> str | None:
    return "the function's timeout is too short to be neared" if consumer.queue.function_timeout_s < 5 else None


@st.composite
def _skewed(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=3))))
    # As far as clocks are off that are set by the network now and then.
    skew = ClockSkew(environment=draw(st.integers(0, 1)), by_ms=draw(st.sampled_from([-5_000, -1_000, 1_000, 5_000])))
    call, moment = draw(st.integers(1, 2 * len(sent))), draw(moments())
    second: list[Fault] = [
        CrashAt(invocation=0, call=call, moment=moment),
        ConcurrentDuplicate(invocation=0, call=call, moment=moment),
    ]
    faults = (skew, draw(st.sampled_from(second)))
    return Plan(messages=sent, faults=faults, batch_size=draw(batch_sizes(consumer)))


@st.composite
def _delayed(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, draw(kinds(most=5))))
    delay_s = st.sampled_from([None, 1, 60, 900])
    return Plan(
        messages=tuple(replace(message, delay_s=draw(delay_s)) for message in sent),
        queue_delay_s=draw(st.sampled_from([0, 5, 900])),
        batch_size=draw(batch_sizes(consumer)),
    )


SCENARIOS = (
    Scenario(
        name="function-timeout",
        family="time",
        summary="A call in the middle of a batch takes longer than the function may; its process is killed.",
        invariants=DONE_IN_THE_END,
        plans=_timeout,
        strikes=True,
    ),
    Scenario(
        name="deadline-near",
        family="time",
        summary="A slow call leaves the function some milliseconds to finish or to give back what it has not begun.",
        invariants=(*DONE_IN_THE_END, "deadline-kept"),
        plans=_late,
        strikes=True,
        capabilities=_CALLS_IN_TIME,
    ),
    Scenario(
        name="timeout-at-each-record",
        family="time",
        summary="Delivery after delivery hangs until the function's timeout, a call further each time; then none does.",
        invariants=DONE_IN_THE_END,
        plans=_timeouts,
        strikes=True,
        examples_most=8,
    ),
    Scenario(
        name="slow-dependency",
        family="time",
        summary="Little time is left and all calls are slow; what fits is done, the rest given back in time.",
        invariants=(*DONE_IN_THE_END, "deadline-kept"),
        plans=_slow_calls,
        strikes=True,
        capabilities=_CALLS_IN_TIME,
        unfit=_over_at_once,
        examples_most=8,
    ),
    Scenario(
        name="visible-again-while-working",
        family="time",
        summary="The visibility timeout ends while a batch is worked on, and another invocation gets its messages too.",
        invariants=DONE_IN_THE_END,
        plans=_visible_again,
        strikes=True,
        capabilities=_CALLS_IN_TIME | {Capability.CONCURRENCY, Capability.THROTTLING},
        unfit=_never_that_long,
        examples_most=8,
    ),
    Scenario(
        name="clock-skew",
        family="time",
        summary="The clocks of two environments differ by seconds while both get the same messages; each is done once.",
        invariants=DONE_IN_THE_END,
        plans=_skewed,
        strikes=True,
        capabilities=_CALLS_IN_TIME | {Capability.CONCURRENCY},
        examples_most=8,
    ),
    Scenario(
        name="delayed-messages",
        family="time",
        summary="Messages wait up to 15 minutes before they are delivered for the first time; each is done once.",
        invariants=(*DONE_IN_THE_END, "poison-isolated"),
        plans=_delayed,
        capabilities=frozenset({Capability.VIRTUAL_TIME}),
        examples_most=6,
    ),
)
