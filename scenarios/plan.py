"""A plan: which messages are sent and which faults strike. A value that Hypothesis generates and shrinks."""

from dataclasses import dataclass
from enum import StrEnum

from redrive.simulator.faults import Fault

__all__ = ["Kind", "Plan", "PlannedMessage"]


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
