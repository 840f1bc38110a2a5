"""What can be known of a handler without being told: whether it agrees with itself.

A run is compared with others that differ in one thing that ought not to matter: each message alone, the messages the
other way round, a warm execution environment in place of a cold one. What a message comes to alone stands for what the
handler means to do with it: a body that it fails alone is poison to it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from redrive.simulator import trace

from .blame import came_back
from .consumer import Claim
from .evidence_invariants import alone_of, any_work, is_acknowledged, work_for
from .history import Fate, History
from .plan import Kind, Plan
from .violation import CannotTell, Invariant, Violation, about, short

__all__ = ["METAMORPHIC_INVARIANTS", "Dropped", "alone", "alone_and_reversed", "reason_of_failure"]


def alone(plan: Plan) -> tuple[Plan, ...]:
    """A plan for each message of this one: the message by itself, and nothing goes wrong."""
    return tuple(
        Plan(messages=(replace(message, at_ms=0),), fifo=plan.fifo, batch_size=plan.batch_size)
        for message in plan.messages
    )


def alone_and_reversed(plan: Plan) -> tuple[Plan, ...]:
    """Those, and the plan with its messages the other way round."""
    times = (message.at_ms for message in plan.messages)
    turned = tuple(replace(message, at_ms=at_ms) for message, at_ms in zip(reversed(plan.messages), times, strict=True))
    return (*alone(plan), replace(plan, messages=turned))


def failure_kept(history: History) -> Iterator[Violation]:
    """A message that the handler fails when it comes alone is not acknowledged in company."""
    for fate, other in _with_alone(history):
        if is_acknowledged(fate) and other.finished and not is_acknowledged(other.fates[0]):
            yield about(fate, f"was acknowledged among others; alone it is not: {reason_of_failure(other)}")
    _raise_if_nothing_is_valid(history)


def outcome_isolated(history: History) -> Iterator[Violation]:
    """A message that is acknowledged when it comes alone is so in any batch, and as soon."""
    for fate, other in _with_alone(history):
        mine, theirs = _came_back(history, fate), _came_back(other, other.fates[0])
        if not is_acknowledged(other.fates[0]):
            continue
        if not is_acknowledged(fate) and history.finished:
            yield about(fate, f"ended otherwise among others than alone: {_end_of(fate)}")
        elif mine > theirs:
            yield about(fate, f"came back {_times(mine)} before it was acknowledged, and alone {_times(theirs)}")


def order_indifferent(history: History) -> Iterator[Violation]:
    """The same messages in another order come to the same."""
    for other in history.related:
        if len(other.plan.messages) < 2 or not _same_batches(history, other) or _is_disturbed(history):
            continue
        fates = {fate.message.body: fate for fate in other.fates}
        for fate in history.fates:
            turned = fates[fate.message.body]
            if _outcome(history, fate) != _outcome(other, turned):
                one, two = _said(history, fate), _said(other, turned)
                yield about(fate, f"{one} at place {fate.number + 1} of the batch, and {two} at {turned.number + 1}")


def warm_as_cold(history: History) -> Iterator[Violation]:
    """A message in a batch of its own comes to the same in a warm execution environment as in a cold one."""
    for fate, other in _with_alone(history):
        if not fate.deliveries or not _was_warm(history, fate):
            continue
        cold = other.fates[0]
        if _outcome(history, fate) != _outcome(other, cold):
            one, two = _said(history, fate), _said(other, cold)
            yield about(fate, f"{one} in a warm execution environment, and {two} in a cold one")
        elif is_acknowledged(fate) and bool(work_for(history, fate)) != bool(work_for(other, cold)):
            where = "a warm" if work_for(history, fate) else "a cold"
            yield about(fate, f"was acknowledged in either, and a write was made for it in {where} environment only")


class Dropped:
    """Counts the bodies that were acknowledged without effect, by a handler that makes writes for others."""

    def __init__(self) -> None:
        self._works = False
        self._bodies: set[str] = set()

    def see(self, history: History) -> None:
        """Take the runs of single messages into account that this one was compared with."""
        for other in history.related:
            if len(other.plan.messages) == 1 and is_acknowledged(other.fates[0]):
                if any_work(other):
                    self._works = True
                else:
                    self._bodies.add(other.plan.messages[0].body)

    def notes(self) -> tuple[str, ...]:
        """What is to be said about it, if there is anything."""
        if not self._works or not self._bodies:
            return ()
        shown = sorted(self._bodies, key=lambda body: (len(body), body))[:3]
        rest = ", …" if len(self._bodies) > len(shown) else ""
        count = f"{len(self._bodies)} bodies were" if len(self._bodies) > 1 else "1 body was"
        return (f"dropped: {count} acknowledged without effect: {', '.join(map(short, shown))}{rest}",)


def reason_of_failure(history: History) -> str:
    """Why the first invocation that failed did so, on one line. Where it was is not said."""
    for invocation in history.invocations.values():
        if not invocation.failed:
            continue
        if invocation.problem is not None:
            return invocation.problem
        try:
            answer = json.loads(invocation.payload or "null")
        except ValueError:
            answer = None
        if isinstance(answer, dict) and "errorMessage" in answer:
            return short(" ".join(f"{answer.get('errorType', 'an error')}: {answer['errorMessage']}".split()))
        return "reported as failed" if invocation.ending == "returned" else f"the invocation {invocation.ending}"
    return "it never came to an end"


def _with_alone(history: History) -> Iterator[tuple[Fate, History]]:
    """The messages with their runs alone; none where faults struck, for those make a difference of their own."""
    if not history.related or _is_disturbed(history):
        return
    for fate in history.fates:
        other = alone_of(history, fate) if fate.enqueued else None
        if other is not None:
            yield fate, other


def _is_disturbed(history: History) -> bool:
    return history.struck or any(isinstance(event, trace.Throttled) for event in history.events)


def _raise_if_nothing_is_valid(history: History) -> None:
    """Raises :class:`CannotTell` where the handler fails every body that ought to be valid."""
    failed = [
        other
        for fate, other in _with_alone(history)
        if fate.message.kind is Kind.VALID and not is_acknowledged(other.fates[0])
    ]
    if failed and len(failed) == sum(message.kind is Kind.VALID for message in history.plan.messages):
        body = short(failed[0].plan.messages[0].body)
        why = reason_of_failure(failed[0])
        raise CannotTell(f"the handler fails {body} ({why}), so say what a valid body is: valid=, or --body")


def _outcome(history: History, fate: Fate) -> tuple[bool, int]:
    return is_acknowledged(fate), _came_back(history, fate)


def _came_back(history: History, fate: Fate) -> int:
    """How many deliveries of the message came to nothing."""
    return sum(came_back(history, delivery) for delivery in fate.deliveries)


def _said(history: History, fate: Fate) -> str:
    return f"{_end_of(fate)} after it came back {_times(_came_back(history, fate))}"


def _end_of(fate: Fate) -> str:
    if is_acknowledged(fate):
        return "acknowledged"
    return "dead-lettered" if fate.dead_lettered_after is not None else "never acknowledged"


def _same_batches(history: History, other: History) -> bool:
    return _first_batch(history) == _first_batch(other)


def _first_batch(history: History) -> list[str]:
    invocation = min(history.invocations.values(), key=lambda each: each.number)
    return sorted(history.by_message_id[message_id].message.body for message_id in invocation.message_ids)


def _was_warm(history: History, fate: Fate) -> bool:
    """Whether the first delivery of the message was by itself, and to an environment that had worked before."""
    first = fate.deliveries[0].invocation
    began = (event for event in history.events if isinstance(event, trace.Began) and event.invocation == first)
    return any(event.size == 1 and not event.cold for event in began)


def _times(count: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _invariants() -> Iterable[Invariant]:
    for name, check, claim in (
        ("failure-kept", failure_kept, None),
        ("outcome-isolated", outcome_isolated, Claim.PARTIAL_BATCH),
        ("order-indifferent", order_indifferent, None),
        ("warm-as-cold", warm_as_cold, None),
    ):
        yield Invariant(name=name, summary=check.__doc__ or "", check=check, claim=claim)


METAMORPHIC_INVARIANTS = tuple(_invariants())
