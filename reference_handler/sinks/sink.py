"""The seam between the batch and the place where effects go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ..deadline import Deadline
from ..event import Pointer
from ..proto.sqs_messages_pb2 import SqsMessage

__all__ = ["COMPLETED", "NOT_BEGUN", "WRITTEN", "Effect", "Outcome", "Row", "Sink", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One business key's work. `message_group` as delivered, on standard queues too.

    `pointer` says where the message's body is, if it was fetched from there.
    """

    business_key: str
    message: SqsMessage
    message_group: str | None = None
    pointer: Pointer | None = None


class Effect(StrEnum):
    """What became of a row."""

    WRITTEN = "written"
    COMPLETED = "completed"
    """Written, and the same write told the ledger: nothing is left to complete."""
    FAILED = "failed"
    """Not written as far as is known; it may have been, if the answer was lost."""
    NOT_BEGUN = "not_begun"
    """No time was left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a row, and why if it failed. The reason must be safe to log."""

    effect: Effect
    reason: str | None = None


WRITTEN = Outcome(effect=Effect.WRITTEN)
COMPLETED = Outcome(effect=Effect.COMPLETED)
NOT_BEGUN = Outcome(effect=Effect.NOT_BEGUN)


def failed(reason: str) -> Outcome:
    """The outcome of a row that was not written, with a reason that is safe to log."""
    return Outcome(effect=Effect.FAILED, reason=reason)


class Sink(Protocol):
    """Somewhere to write rows.

    `bulk` sinks get all rows of a batch in one call, in batch order, and write all of them or none: so the order
    within a message group holds. Others get one row in each call, from several threads at once, except that rows
    of one message group come one after the other and stop at the first failure.
    """

    @property
    def bulk(self) -> bool:
        """Does one call take all rows?"""
        ...

    def write(self, rows: Sequence[Row], *, owner: str, deadline: Deadline) -> Mapping[str, Outcome]:
        """Write rows whose keys `owner` has claimed, and answer for each business key. An error fails them all.

        There was time to begin when this is called; a sink that goes on for several steps asks `deadline` again.
        """
        ...
