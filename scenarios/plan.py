"""A plan: which messages are sent and which faults strike. A value that Hypothesis generates and shrinks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from redrive.fixtures.faults import Fault, FaultAt, MessageFault

__all__ = ["Kind", "Plan", "PlannedMessage", "shorter_plans"]


class Kind(StrEnum):
    """What a consumer ought to do with a message."""

    VALID = "valid"
    POISON = "poison"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMessage:
    """A message to be sent ``at_ms`` after the beginning."""

    key: str
    body: str
    kind: Kind = Kind.VALID
    at_ms: int = 0
    group: str | None = None
    deduplication_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run is made of, apart from the consumer.

    ``shuffled`` lets a standard queue hand out its messages in any order. ``batch_size`` is at most the consumer's.
    """

    messages: tuple[PlannedMessage, ...]
    faults: tuple[Fault, ...] = ()
    fifo: bool = False
    batch_size: int = 10
    shuffled: bool = False


def shorter_plans(plan: Plan) -> Iterator[Plan]:
    """The plans with one message less, with fewer faults, and with faults that strike earlier.

    The faults of the messages that stay go on striking those.
    """
    fewer = [_without_message(plan, number) for number in range(len(plan.messages))]
    yield from fewer
    yield from _with_fewer_faults(plan)
    # An invocation that is not needed goes with its messages, and those after it then have other numbers.
    for shorter in (*fewer, plan):
        yield from _with_earlier_faults(shorter)


def _without_message(plan: Plan, left_out: int) -> Plan:
    messages = (*plan.messages[:left_out], *plan.messages[left_out + 1 :])
    faults = (_renumbered(fault, left_out) for fault in plan.faults)
    return replace(plan, messages=messages, faults=tuple(fault for fault in faults if fault is not None))


def _renumbered(fault: Fault, left_out: int) -> Fault | None:
    if not isinstance(fault, MessageFault) or fault.message < left_out:
        return fault
    return None if fault.message == left_out else replace(fault, message=fault.message - 1)


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
