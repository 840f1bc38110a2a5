"""A history as text: what happened to each message, one line an event."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from redrive.simulator import trace
from redrive.simulator.batch_response import BatchVerdict
from redrive.simulator.function import Ending

from .history import Called, EffectGone, EffectSeen, Fate, History

__all__ = ["timeline"]

_ERROR_MOST = 160


def timeline(history: History, keys: Iterable[str] | None = None) -> tuple[str, ...]:
    """The lines of each message whose business key is among ``keys``, or of all.

    Times are virtual, from the beginning of the run. Invocations, messages and calls are counted from 1.
    """
    wanted = None if keys is None else set(keys)
    lines: list[str] = []
    for fate in history.fates:
        if wanted is None or fate.message.key in wanted:
            lines.append(_heading(fate))
            lines.extend(f"  {line}" for line in _lines(history, fate))
    return tuple(lines)


def _heading(fate: Fate) -> str:
    group = f", message group {fate.message.group!r}" if fate.message.group is not None else ""
    return f"message {fate.number + 1}: {fate.message.key!r}, {fate.message.kind}{group}"


def _lines(history: History, fate: Fate) -> Iterator[str]:
    # A message that deduplication swallowed bears the id of the first one, and was in no invocation.
    mine = {delivery.invocation for delivery in fate.deliveries}
    for event in history.events:
        text = _describe(history, fate, event, mine)
        if text is not None:
            yield f"{_time(history, event.at_ms)}  {text}"


def _time(history: History, at_ms: int) -> str:
    return f"+{(at_ms - history.start_ms) / 1000:.3f} s".rjust(12)


def _describe(history: History, fate: Fate, event: Any, mine: set[int]) -> str | None:
    match event:
        case EffectSeen() if event.key == fate.message.key:
            return "its effect is there"
        case EffectGone() if event.key == fate.message.key:
            return "its effect is gone"
        case Called() if event.invocation in mine:
            return f"invocation {event.invocation + 1} calls {event.service} {event.operation}: {event.answer}"
        case trace.Struck() if event.invocation in mine or getattr(event.fault, "message", None) == fate.number:
            return f"FAULT: {event.fault}"
        case trace.Throttled() if event.invocation in mine:
            return f"invocation {event.invocation + 1} is throttled"
        case trace.Ended() if event.invocation in mine:
            return _ended(history, fate, event)
        case _:
            return _message_event(history, fate, event)


def _message_event(history: History, fate: Fate, event: Any) -> str | None:
    if isinstance(event, trace.Sent) and event.message == fate.number:
        return "sent" if event.enqueued else "sent, and swallowed by deduplication"
    if isinstance(event, trace.SendRefused) and event.message == fate.number:
        return f"the queue refuses it: {event.code}"
    if getattr(event, "message_id", None) not in history.ids_of(fate):
        return None
    if isinstance(event, trace.Delivered):
        size = len(history.invocations[event.invocation].message_ids)
        others = "alone" if size == 1 else f"in a batch of {size}"
        return f"delivered to invocation {event.invocation + 1} {others}, receive count {event.receive_count}"
    return _left(event) or _stayed(event)


def _left(event: Any) -> str | None:
    """How a message left the queue."""
    match event:
        case trace.Deleted():
            return f"deleted: invocation {event.invocation + 1} acknowledged it"
        case trace.Filtered():
            return "deleted without an invocation: no filter lets it through"
        case trace.DeadLettered():
            return f"moved to the dead-letter queue after {event.receive_count} deliveries"
        case trace.Expired():
            return "gone: its retention is over"
        case _:
            return None


def _stayed(event: Any) -> str | None:
    """How it did not, or came back."""
    match event:
        case trace.DeleteLost():
            return f"FAULT: the deletion after invocation {event.invocation + 1} is lost"
        case trace.DeleteRefused():
            return f"its deletion after invocation {event.invocation + 1} is refused: {event.code}"
        case trace.LetGo():
            return f"let go: invocation {event.invocation + 1} was throttled; receive count {event.receive_count}"
        case trace.Reappeared():
            return "FAULT: it becomes visible once more"
        case trace.Redriven():
            return f"moved back from the dead-letter queue, with the new message id {event.new_message_id}"
        case _:
            return None


def _ended(history: History, fate: Fate, event: trace.Ended) -> str:
    invocation = f"invocation {event.invocation + 1}"
    if event.ending is not Ending.RETURNED:
        return f"{invocation} {event.ending}{_error(event)}: its whole batch comes back"
    if event.verdict is BatchVerdict.FAILURE:
        return f"{invocation} returned, and {event.problem}: its whole batch comes back"
    if not history.ids_of(fate).isdisjoint(event.failed):
        return f"{invocation} returned and reported this message as failed"
    if not history.queue.report_batch_item_failures:
        return f"{invocation} returned: that is success of the whole batch"
    return f"{invocation} returned and reported success for this message"


def _error(event: trace.Ended) -> str:
    """What was raised, on one line. Where it was is not said: that differs from machine to machine."""
    if event.ending is not Ending.RAISED or event.payload is None:
        return ""
    error = json.loads(event.payload)
    text = " ".join(f"{error.get('errorType', 'an error')}: {error.get('errorMessage', '')}".split())
    return f" {text if len(text) <= _ERROR_MOST else text[: _ERROR_MOST - 1] + '…'}"
