"""A plan: which messages are sent and which faults strike. A value that Hypothesis generates and shrinks."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from redrive.fixtures.event_builder import MessageAttribute
from redrive.fixtures.faults import Fault, FaultAt, MessageFault

__all__ = ["CALL_MS", "EventChange", "Kind", "Plan", "PlannedMessage", "PointerKind", "shorter_plans"]

CALL_MS = 5
"""How long an AWS call takes in virtual time unless a plan says otherwise."""

_SHOWN_MOST = 40
_SHOWN_LENGTH_MOST = 20_000

_ONE_BY_ONE_MOST = 40
"""Up to how many messages are left out one by one."""


class Kind(StrEnum):
    """What a consumer ought to do with a message."""

    VALID = "valid"
    """It is to be done."""
    POISON = "poison"
    """It is to end in the dead-letter queue."""
    EITHER = "valid or poison"
    """It may be done or end in the dead-letter queue, as the consumer sees fit; it must not get lost."""
    ANY = "of unknown worth"
    """What becomes of it is the consumer's business, as long as its neighbours do not suffer."""


class PointerKind(StrEnum):
    """What a body in S3, for which its message has but a pointer, comes to (E25)."""

    GOOD = "good"
    MISSING = "missing"
    FOREIGN = "in a foreign bucket"


class EventChange(StrEnum):
    """What is done to the events of a run before the handler gets them."""

    UNKNOWN_FIELDS = "unknown fields"
    """Fields and system attributes that no document names: AWS may add some any day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMessage:
    """A message to be sent ``at_ms`` after the beginning.

    ``delay_s`` is the ``DelaySeconds`` of its send (S14). With ``pointer`` its body is put into S3 as the run begins,
    and a pointer to it is sent instead; ``payload`` then is what the sent body stands for, as it is for an envelope.
    With ``may_be_refused`` the queue may refuse the send, which otherwise ends the run. Messages of equal ``likeness``
    are of the same making: what becomes of one becomes of the other.
    """

    key: str
    body: str
    kind: Kind = Kind.VALID
    at_ms: int = 0
    group: str | None = None
    deduplication_id: str | None = None
    message_attributes: tuple[tuple[str, MessageAttribute], ...] = ()
    delay_s: int | None = None
    pointer: PointerKind | None = None
    payload: str | None = None
    may_be_refused: bool = False
    likeness: str | None = None


class _Printer(Protocol):
    def text(self, text: str, /) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run is made of, apart from the consumer.

    ``shuffled`` lets a standard queue hand out its messages in any order. ``batch_size`` is at most the consumer's.
    ``concurrency`` is how many batches may be with the function at once. ``retention_s`` and ``queue_delay_s`` are the
    queue's (S13, S14). At each of ``redrive_at_ms`` what the dead-letter queue holds is moved back (S12); at each of
    ``empty_events_at_ms`` the function is invoked with an event that has no records. An AWS call takes ``call_ms``.
    """

    messages: tuple[PlannedMessage, ...]
    faults: tuple[Fault, ...] = ()
    fifo: bool = False
    batch_size: int = 10
    shuffled: bool = False
    concurrency: int = 1
    retention_s: int | None = None
    queue_delay_s: int = 0
    redrive_at_ms: tuple[int, ...] = ()
    empty_events_at_ms: tuple[int, ...] = ()
    event_changes: tuple[EventChange, ...] = ()
    call_ms: int = CALL_MS

    def __repr__(self) -> str:
        """The fields; of a plan so large that nobody would read them, how many messages and faults it has."""
        if len(self.messages) > _SHOWN_MOST or sum(len(message.body) for message in self.messages) > _SHOWN_LENGTH_MOST:
            return f"<Plan of {len(self.messages)} messages and {len(self.faults)} faults>"
        return f"Plan({', '.join(f'{each.name}={getattr(self, each.name)!r}' for each in fields(self))})"

    def _repr_pretty_(self, printer: _Printer, cycle: bool) -> None:  # noqa: ARG002 - as pretty-printers call it
        """What Hypothesis shows, which would go through the fields by itself."""
        printer.text(repr(self))


def shorter_plans(plan: Plan) -> Iterator[Plan]:
    """The plans with one message less, with fewer faults, and with faults that strike earlier.

    The faults of the messages that stay go on striking those.
    """
    # Of very many messages first parts are left out: one by one it would take a run for each.
    yield from _without_parts(plan)
    ones = range(min(len(plan.messages), _ONE_BY_ONE_MOST))
    fewer = [_without_messages(plan, range(number, number + 1)) for number in ones]
    yield from fewer
    yield from _with_fewer_faults(plan)
    yield from _plainer(plan)
    # An invocation that is not needed goes with its messages, and those after it then have other numbers.
    for shorter in (*fewer, plan):
        yield from _with_earlier_faults(shorter)


def _without_parts(plan: Plan) -> Iterator[Plan]:
    """Without the first half, without the second, and so on with smaller parts; none for a plan that is short."""
    length = len(plan.messages) // 2
    while length >= _ONE_BY_ONE_MOST // 2:
        for start in range(0, len(plan.messages), length):
            yield _without_messages(plan, range(start, min(start + length, len(plan.messages))))
        length //= 2


def _plainer(plan: Plan) -> Iterator[Plan]:
    """With one thing less that is out of the ordinary."""
    if plan.shuffled:
        yield replace(plan, shuffled=False)
    if plan.concurrency > 1:
        yield replace(plan, concurrency=plan.concurrency - 1)
    for number in range(len(plan.redrive_at_ms)):
        yield replace(plan, redrive_at_ms=(*plan.redrive_at_ms[:number], *plan.redrive_at_ms[number + 1 :]))
    for number in range(len(plan.empty_events_at_ms)):
        left = (*plan.empty_events_at_ms[:number], *plan.empty_events_at_ms[number + 1 :])
        yield replace(plan, empty_events_at_ms=left)
    if plan.event_changes:
        yield replace(plan, event_changes=())
    for number, message in enumerate(plan.messages[:_ONE_BY_ONE_MOST]):
        if message.message_attributes or message.delay_s:
            plain = replace(message, message_attributes=message.message_attributes[1:], delay_s=None)
            yield replace(plan, messages=(*plan.messages[:number], plain, *plan.messages[number + 1 :]))


def _without_messages(plan: Plan, left_out: range) -> Plan:
    messages = (*plan.messages[: left_out.start], *plan.messages[left_out.stop :])
    faults = (_renumbered(fault, left_out) for fault in plan.faults)
    return replace(plan, messages=messages, faults=tuple(fault for fault in faults if fault is not None))


def _renumbered(fault: Fault, left_out: range) -> Fault | None:
    if not isinstance(fault, MessageFault) or fault.message < left_out.start:
        return fault
    return None if fault.message in left_out else replace(fault, message=fault.message - len(left_out))


def _with_fewer_faults(plan: Plan) -> Iterator[Plan]:
    """Without any, without a half of them, and so on to one less."""
    length = len(plan.faults)
    while length > 0:
        for start in range(0, len(plan.faults), length):
            yield replace(plan, faults=(*plan.faults[:start], *plan.faults[start + length :]))
        length //= 2


def _with_earlier_faults(plan: Plan) -> Iterator[Plan]:
    """With one gap less between the invocations that are struck, or with one that is narrower by one."""
    struck = sorted({fault.invocation for fault in plan.faults if isinstance(fault, FaultAt)})
    for before, at in pairwise([-1, *struck]):
        gap = at - before - 1
        for by in sorted({gap, min(gap, 1)} - {0}, reverse=True):
            faults = (
                replace(fault, invocation=fault.invocation - by)
                if isinstance(fault, FaultAt) and fault.invocation >= at
                else fault
                for fault in plan.faults
            )
            yield replace(plan, faults=tuple(faults))
