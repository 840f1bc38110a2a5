"""How many messages were sent: counted by what the queue answered, never by what was asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from .messages import Kind, Message

__all__ = ["SendCounts"]


@dataclass(slots=True, kw_only=True)
class SendCounts:
    """Messages `accepted` by the queue, refused or never sent (`failed`), and of `unknown` fate.

    `poison` and `duplicates` (messages that repeat the key of one accepted before) are among the accepted, so that
    `accepted - duplicates` have a key of their own; `oversize` (refused, and larger than SQS takes) among the failed.
    """

    accepted: int = 0
    poison: int = 0
    failed: int = 0
    unknown: int = 0
    duplicates: int = 0
    oversize: int = 0

    def as_json(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)

    def add(self, other: Mapping[str, int]) -> None:
        """Add the counts of another process, as its `as_json` gave them."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + other[field.name])

    def add_accepted(self, messages: Sequence[Message]) -> None:
        """Count messages that the queue has."""
        self.accepted += len(messages)
        for message in messages:
            if message.kind is Kind.POISON:
                self.poison += 1
            elif message.kind is Kind.DUPLICATE:
                self.duplicates += 1

    def add_refused(self, messages: Iterable[Message]) -> None:
        """Count messages that the queue did not take."""
        for message in messages:
            self.failed += 1
            self.oversize += message.is_oversize

    def add_unsent(self, messages: Sequence[Message]) -> None:
        """Count messages that never came to the queue, whatever their size."""
        self.failed += len(messages)

    def add_unknown(self, messages: Sequence[Message]) -> None:
        """Count messages that may be in the queue: the answer was lost, or is a fault of the service's own."""
        self.unknown += len(messages)
