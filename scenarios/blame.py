"""Who is to blame for a delivery that came to nothing: the consumer, or the rules, which made it so."""

import math
from collections.abc import Iterator

from redrive.simulator.trace import Delivered

from .history import Fate, History, InvocationRecord

__all__ = ["came_back", "forced_back", "forced_out"]


def came_back(history: History, delivery: Delivered) -> bool:
    """Whether the mapping read the invocation's answer as this message's failure."""
    return delivery.message_id in history.invocations[delivery.invocation].failed


def forced_back(history: History, fate: Fate, delivery: Delivered) -> bool:
    """Whether the rules, and not the consumer, made this delivery come to nothing.

    A fault struck its invocation; another one had the message at the same time; or, in a FIFO queue, an earlier message
    of the group failed in the same batch, so that this one had to wait (E18).
    """
    mine = history.invocations[delivery.invocation]
    if mine.faults or any(other.faults or _overlap(mine, other) for other in _meanwhile(history, fate, mine)):
        return True
    if not history.plan.fifo:
        return False
    batch = history.invocations[delivery.invocation].message_ids
    failed = history.invocations[delivery.invocation].failed
    earlier = (message_id for message_id in batch[: batch.index(delivery.message_id)] if message_id in failed)
    return any(history.by_message_id[message_id].message.group == fate.message.group for message_id in earlier)


def forced_out(history: History, fate: Fate) -> bool:
    """Whether the consumer is not to blame for any delivery that the message has used up.

    It did what it was to do, and the message came again all the same (E11, S17), or it could not.
    """
    return all(not came_back(history, delivery) or forced_back(history, fate, delivery) for delivery in fate.deliveries)


def _meanwhile(history: History, fate: Fate, mine: InvocationRecord) -> Iterator[InvocationRecord]:
    """The other invocations that had the same message while this one ran, or at its very beginning or end."""
    for number in {seen.invocation for seen in fate.deliveries} - {mine.number}:
        other = history.invocations[number]
        if _ended_ms(other) >= mine.began_ms and other.began_ms <= _ended_ms(mine):
            yield other


def _overlap(one: InvocationRecord, other: InvocationRecord) -> bool:
    return _ended_ms(other) > one.began_ms and other.began_ms < _ended_ms(one)


def _ended_ms(invocation: InvocationRecord) -> float:
    return math.inf if invocation.ended_ms is None else invocation.ended_ms
