"""The events of a run on AWS, put together from what several clocks tell: those of this machine and of the functions.

Pure functions. Nothing is made up: where the journal does not have all that must have happened, that is said.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redrive.simulator import trace

from ..history import EffectGone, EffectSeen
from .aws_names import RunNames

__all__ = ["JournalIncomplete", "at_rest", "history_events"]

OUTSIDE = -1
"""Stands for an invocation that nobody saw."""


class JournalIncomplete(Exception):
    """The log does not have what must have happened, so the run says nothing."""


def at_rest(
    sent: Iterable[str], journal: Sequence[trace.Event], dead: Iterable[str], *, max_receive_count: int | None
) -> bool:
    """Whether nothing more is to come for the message ids, nor to be read of them.

    Each was deleted, or is dead after all its deliveries; and of each there are all deliveries up to the last.
    """
    running, deliveries, acknowledged = _state(journal)
    gone = set(dead)
    return not running and all(
        not _missing(deliveries[message_id])
        and (
            (message_id in acknowledged and message_id not in gone)
            or (message_id in gone and len(deliveries[message_id]) >= (max_receive_count or 0))
        )
        for message_id in sent
    )


def _missing(receive_counts: Iterable[int]) -> list[int]:
    """The receives of which there is nothing, though there is a later one."""
    counts = set(receive_counts)
    return sorted(set(range(1, max(counts, default=0) + 1)) - counts)


def _state(journal: Sequence[trace.Event]) -> tuple[set[int], Mapping[str, list[int]], set[str]]:
    """The invocations that have not ended, the receive counts of each message, and those that are acknowledged."""
    running: set[int] = set()
    deliveries: dict[str, list[int]] = defaultdict(list)
    acknowledged: set[str] = set()
    for event in journal:
        match event:
            case trace.Began(invocation=invocation):
                running.add(invocation)
            case trace.Ended(invocation=invocation):
                running.discard(invocation)
            case trace.Delivered(message_id=message_id, receive_count=count):
                deliveries[message_id].append(count)
            case trace.Deleted(message_id=message_id):
                acknowledged.add(message_id)
    return running, deliveries, acknowledged


def history_events(
    told: Sequence[Any],
    journal: Sequence[trace.Event],
    dead: Mapping[str, int],
    names: RunNames,
    *,
    knows_invocations: bool = True,
) -> tuple[Any, ...]:
    """All events in order: ``told`` by this machine (sends, effects), ``journal``, and ``dead`` ids with their times.

    A message is delivered after it was sent and dead-lettered after its last delivery, whatever the clocks say. Raises
    :class:`JournalIncomplete` if receives of a message are missing among those that the journal has.
    """
    sent_ms = {event.message_id: event.at_ms for event in told if isinstance(event, trace.Sent) and event.enqueued}
    moved = _after_sends(sent_ms, journal)
    deliveries: dict[str, list[trace.Delivered]] = defaultdict(list)
    for event in moved:
        if isinstance(event, trace.Delivered):
            deliveries[event.message_id].append(event)
    if knows_invocations:
        for message_id in sent_ms:
            _check_receives(message_id, deliveries[message_id], is_dead=message_id in dead)
    last_ms = {event.message_id: event.at_ms for event in moved if isinstance(event, trace.Delivered | trace.Deleted)}
    for event in moved:
        if isinstance(event, trace.Ended):
            last_ms.update(dict.fromkeys(event.failed, event.at_ms))
    letters = [
        trace.DeadLettered(
            max(at_ms, last_ms.get(message_id, at_ms)),
            message_id,
            max((delivery.receive_count for delivery in deliveries[message_id]), default=0),
        )
        for message_id, at_ms in dead.items()
    ]
    planned = [
        event._replace(md5_of_body=names.planned_md5(event.md5_of_body))
        if isinstance(event, trace.Delivered)
        else event
        for event in moved
    ]
    sends = [event for event in told if not isinstance(event, EffectSeen | EffectGone)]
    effects = [event for event in told if isinstance(event, EffectSeen | EffectGone)]
    # Of equal times, this order.
    return tuple(sorted([*sends, *planned, *effects, *letters], key=lambda event: event.at_ms))


def _after_sends(sent_ms: Mapping[str, int], journal: Sequence[trace.Event]) -> list[trace.Event]:
    """The journal by this machine's clock, as far as can be told: nothing is delivered before it was sent."""
    early_ms = max(
        (
            sent_ms[event.message_id] - event.at_ms
            for event in journal
            if isinstance(event, trace.Delivered) and event.message_id in sent_ms
        ),
        default=0,
    )
    if early_ms <= 0:
        return list(journal)
    return [event._replace(at_ms=event.at_ms + early_ms) for event in journal]


def _check_receives(message_id: str, deliveries: Sequence[trace.Delivered], *, is_dead: bool) -> None:
    missing = _missing(delivery.receive_count for delivery in deliveries)
    if missing:
        raise JournalIncomplete(
            f"the log has no invocation for receive {missing[0]} of message {message_id}: it was throttled, or the log "
            "is incomplete"
        )
    if is_dead and not deliveries:
        raise JournalIncomplete(
            f"the log has no invocation for message {message_id}, which is in the dead-letter queue"
        )
