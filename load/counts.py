"""How many messages were sent: counted by what the queue answered, never by what was asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from .messages import is_poison

__all__ = ["Refusal", "SendCounts", "add_answer", "add_error", "add_unanswered"]


@dataclass(slots=True, kw_only=True)
class SendCounts:
    """Messages `accepted` by the queue (`poison` among them), refused (`failed`), and of `unknown` fate."""

    accepted: int = 0
    poison: int = 0
    failed: int = 0
    unknown: int = 0

    def as_json(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)

    def add(self, other: Mapping[str, int]) -> None:
        """Add the counts of another process, as its `as_json` gave them."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + other[field.name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An entry that the queue listed in `Failed`."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


def add_answer(counts: SendCounts, entries: Sequence[Mapping[str, Any]], answer: Mapping[str, Any]) -> list[Refusal]:
    """Count the answer to a batch, each entry by itself, and return those that the queue refused (S02).

    An entry that the answer does not mention is of unknown fate.
    """
    accepted = {entry["Id"] for entry in answer.get("Successful", ())}
    refused = {entry["Id"]: entry for entry in answer.get("Failed", ())}
    for entry in entries:
        if entry["Id"] in accepted:
            counts.accepted += 1
            counts.poison += is_poison(entry["MessageBody"])
        elif entry["Id"] in refused:
            counts.failed += 1
        else:
            counts.unknown += 1
    return [Refusal(code=str(entry["Code"]), message=str(entry.get("Message") or "")) for entry in refused.values()]


def add_error(counts: SendCounts, entries: Sequence[Mapping[str, Any]], error: Exception) -> None:
    """Count a batch that ended with an error.

    Refused by the queue, or never sent: failed. Where the answer is lost, or is a fault of the service's own, it stays
    open whether the messages are in the queue.
    """
    if isinstance(error, ClientError):
        known = 400 <= error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) < 500
    else:
        known = isinstance(error, NotConnected) or not isinstance(error, HTTPClientError)
    if known:
        counts.failed += len(entries)
    else:
        counts.unknown += len(entries)


def add_unanswered(counts: SendCounts, entries: Sequence[Mapping[str, Any]]) -> None:
    """Count a batch whose user was stopped before the queue had answered."""
    counts.unknown += len(entries)
