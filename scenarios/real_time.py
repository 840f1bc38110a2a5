"""What real time makes of a consumer's queue and of a plan: the same in shape, with times that can be waited for."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from redrive.fixtures.faults import DuplicateDelivery, Fault, LateVisibility, Throttle

from .consumer import Consumer
from .plan import Plan

__all__ = ["FUNCTION_TIMEOUT_S", "PAUSE_MS_MOST", "VISIBILITY_TIMEOUT_S", "shaped", "shortened", "with_short_faults"]

FUNCTION_TIMEOUT_S = 2
"""The function's timeout where time is real."""
VISIBILITY_TIMEOUT_S = 3
"""The visibility timeout where time is real: longer than the function's, as AWS wants it (E05)."""
_ORDINARY_BATCH = 10
_TIMES_LONGER = 5
"""For consumers of larger batches: so many records are work for a while, on whichever machine."""
PAUSE_MS_MOST = (VISIBILITY_TIMEOUT_S + 1) * 1000
"""The longest pause in a plan where time is real: longer than the visibility timeout."""


def shaped(
    consumer: Consumer,
    *,
    function_timeout_s: int = FUNCTION_TIMEOUT_S,
    visibility_timeout_s: int = VISIBILITY_TIMEOUT_S,
) -> Consumer:
    """The consumer with a queue whose timeouts can be waited for. Plans that follow from these follow these."""
    times = 1 if consumer.queue.batch_size <= _ORDINARY_BATCH else _TIMES_LONGER
    queue = replace(
        consumer.queue,
        visibility_timeout_s=times * visibility_timeout_s,
        function_timeout_s=times * function_timeout_s,
        batching_window_s=min(1, consumer.queue.batching_window_s),
    )
    return replace(consumer, queue=queue)


def shortened(plan: Plan) -> Plan:
    """The plan with pauses that can be waited for: none is left out, and their order stays."""
    times = {0, *plan.redrive_at_ms, *plan.empty_events_at_ms, *(message.at_ms for message in plan.messages)}
    at_ms = _with_short_gaps(times)
    return replace(
        with_short_faults(plan),
        messages=tuple(replace(message, at_ms=at_ms(message.at_ms)) for message in plan.messages),
        redrive_at_ms=tuple(map(at_ms, plan.redrive_at_ms)),
        empty_events_at_ms=tuple(map(at_ms, plan.empty_events_at_ms)),
    )


def with_short_faults(plan: Plan) -> Plan:
    """The plan with faults that last for as long as can be waited for."""
    return replace(plan, faults=tuple(map(_short, plan.faults)))


def _with_short_gaps(times_ms: Iterable[int]) -> Callable[[int], int]:
    """Maps times so that each comes at most :data:`PAUSE_MS_MOST` after the one before."""
    mapped: dict[int, int] = {}
    before_ms = now_ms = 0
    for time_ms in sorted(times_ms):
        now_ms += min(time_ms - before_ms, PAUSE_MS_MOST)
        mapped[time_ms], before_ms = now_ms, time_ms
    return mapped.__getitem__


def _short(fault: Fault) -> Fault:
    match fault:
        case DuplicateDelivery():
            return replace(fault, after_ms=min(fault.after_ms, PAUSE_MS_MOST))
        case LateVisibility():
            return replace(fault, by_ms=min(fault.by_ms, PAUSE_MS_MOST))
        case Throttle():
            return replace(fault, for_ms=min(fault.for_ms, PAUSE_MS_MOST))
        case _:
            return fault
