"""A plan: which messages are sent and which faults strike. A value that Hypothesis generates and shrinks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from redrive.simulator.faults import DuplicateDelivery, Fault, LostDelete

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
    """The plans with one message or one fault less; the faults of what stays keep their messages."""
    for left_out in range(len(plan.messages)):
        messages = (*plan.messages[:left_out], *plan.messages[left_out + 1 :])
        faults = (_renumbered(fault, left_out) for fault in plan.faults)
        yield replace(plan, messages=messages, faults=tuple(fault for fault in faults if fault is not None))
    for left_out in range(len(plan.faults)):
        yield replace(plan, faults=(*plan.faults[:left_out], *plan.faults[left_out + 1 :]))


def _renumbered(fault: Fault, left_out: int) -> Fault | None:
    if not isinstance(fault, DuplicateDelivery | LostDelete) or fault.message < left_out:
        return fault
    return None if fault.message == left_out else replace(fault, message=fault.message - 1)
