"""Invariants of how an invocation ends and answers: the same for the same, in time, and bodies in S3 included."""

from collections import defaultdict
from collections.abc import Iterator

from redrive.simulator.faults import ConcurrentDuplicate, SlowAt, TimeoutAt
from redrive.simulator.function import Ending
from redrive.simulator.trace import Began, Delivered, Struck

from .blame import came_back, forced_back, forced_out
from .history import Fate, History, InvocationRecord
from .plan import PointerKind
from .violation import Violation, about, name_of

__all__ = ["deadline_kept", "oversize_done", "same_answer"]

LONG_CALL_MS = 1_000
"""How long a call may take for a handler that minds its deadline: half of what is usually kept in reserve."""


def same_answer(history: History) -> Iterator[Violation]:
    """Equal batches come to the same, in a cold and in a warm environment, whatever was there before."""
    began = {event.invocation: event for event in history.events if isinstance(event, Began)}
    alike: dict[tuple[str, tuple[str | None, ...]], list[tuple[Fate, Delivered]]] = defaultdict(list)
    for fate in history.fates:
        if fate.message.likeness is None or not fate.deliveries:
            continue
        first = fate.deliveries[0]
        if history.invocations[first.invocation].ending is None or forced_back(history, fate, first):
            continue
        # What is alike among other neighbours is not the same question.
        alike[fate.message.likeness, _likenesses(history, first)].append((fate, first))
    for (fate, delivery), *others in alike.values():
        for other, again in others:
            if came_back(history, delivery) != came_back(history, again):
                yield Violation(
                    message=f"{name_of(fate)} {_came_to(history, delivery, began)}; {name_of(other)} which is of the "
                    f"same making and in an equal batch, {_came_to(history, again, began)}",
                    business_keys=(fate.message.key, other.message.key),
                )


def _likenesses(history: History, delivery: Delivered) -> tuple[str | None, ...]:
    batch = history.invocations[delivery.invocation].message_ids
    return tuple(history.by_message_id[message_id].message.likeness for message_id in batch)


def _came_to(history: History, delivery: Delivered, began: dict[int, Began]) -> str:
    came_to = "failed" if came_back(history, delivery) else "succeeded"
    warmth = "cold" if began[delivery.invocation].cold else "warm"
    return f"{came_to} in invocation {delivery.invocation + 1} in a {warmth} environment"


def deadline_kept(history: History) -> Iterator[Violation]:
    """No invocation is ended by its timeout, unless it hung in a call until then."""
    for invocation in history.invocations.values():
        if invocation.ending is Ending.TIMED_OUT and not _hung(history, invocation):
            keys = tuple(history.by_message_id[message_id].message.key for message_id in invocation.message_ids)
            yield Violation(
                message=f"invocation {invocation.number + 1} was ended by its timeout while its calls came back",
                business_keys=keys,
            )


def _hung(history: History, invocation: InvocationRecord) -> bool:
    """Whether a single call took it to its deadline, or to where there is no time left to do anything about it."""
    assert invocation.ended_ms is not None
    for event in history.events:
        if not isinstance(event, Struck) or event.invocation != invocation.number:
            continue
        match event.fault:
            case TimeoutAt() | ConcurrentDuplicate():
                return True
            case SlowAt(duration_ms=duration_ms) if duration_ms > LONG_CALL_MS:
                if event.at_ms + duration_ms > invocation.ended_ms - LONG_CALL_MS:
                    return True
    return False


def oversize_done(history: History) -> Iterator[Violation]:
    """A body in S3, of which the message has but a pointer, is worked on as any other."""
    for fate in history.fates:
        if fate.message.pointer is not PointerKind.GOOD or not fate.enqueued:
            continue
        if fate.dead_lettered_after is not None and not forced_out(history, fate):
            yield about(fate, f"has its body in S3, and was dead-lettered after {len(fate.deliveries)} deliveries")
        elif fate.acknowledged and history.looks_at_effects and fate.message.key not in history.done:
            yield about(fate, "has its body in S3, and was acknowledged without its effect")
