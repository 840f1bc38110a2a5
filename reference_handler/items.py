"""Records on their way through a batch, and the walk that keeps the order of message groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .event import Received
from .ledger.ledger import Claim
from .sinks.sink import Effect

__all__ = ["Fate", "Item", "chains", "walk"]


class Fate(StrEnum):
    """What is said of a record in the end. The first two are success, the others are batch item failures."""

    PROCESSED = "processed"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    UNPROCESSED = "unprocessed"
    """Not begun: an earlier message of its group failed, or no time was left."""


@dataclass(slots=True, kw_only=True, eq=False)
class Item:
    """A record and what has become of it so far. Only one thread at a time works on an item.

    `lead` is the earlier item of this batch with the same business key, which does the work for both.
    `held` says that the ledger may hold a claim of ours on the key.
    """

    index: int
    received: Received
    key: str | None = None
    lead: "Item | None" = None
    claim: Claim | None = None
    held: bool = False
    effect: Effect | None = None
    fate: Fate | None = None
    reason: str | None = None

    @property
    def open(self) -> bool:
        """Is its fate still undecided?"""
        return self.fate is None

    @property
    def returned(self) -> bool:
        """Does it go back to the queue?"""
        return self.fate in (Fate.FAILED, Fate.UNPROCESSED)

    def settle(self, fate: Fate, reason: str | None = None) -> None:
        """Decide its fate."""
        self.fate = fate
        self.reason = reason

    def note(self, remark: str) -> None:
        """Add to the reason without changing the fate."""
        self.reason = f"{self.reason}; {remark}" if self.reason else remark

    def follow(self) -> None:
        """Share the fate of the lead, if that is decided."""
        assert self.lead is not None
        match self.lead.fate:
            case None:
                pass
            case Fate.PROCESSED | Fate.DUPLICATE:
                self.settle(Fate.DUPLICATE, "same business key as an earlier record of the batch")
            case fate:
                self.settle(fate, f"like the earlier record of its business key: {self.lead.reason}")


def walk(items: Sequence[Item], act: Callable[[Item], None] | None = None) -> None:
    """Visit items in batch order; `act` decides the fate of open ones that lead.

    On a FIFO queue, once an item of a message group goes back, every open one behind it goes back unprocessed
    (E18): to do a later message now would be to do it before the earlier one.
    """
    blocked: set[str] = set()
    for item in items:
        group = item.received.order_group
        if item.open:
            if group is not None and group in blocked:
                item.settle(Fate.UNPROCESSED, "an earlier message of its group goes back")
            elif item.lead is not None:
                item.follow()
            elif act is not None:
                act(item)
        if group is not None and item.returned:
            blocked.add(group)


def chains(items: Sequence[Item]) -> list[list[Item]]:
    """Split a batch into parts that have no message group and no business key in common, each in batch order.

    The parts can be walked at the same time. On a standard queue there is one for each business key.
    """
    parent = list(range(len(items)))

    def root(position: int) -> int:
        while parent[position] != position:
            parent[position] = parent[parent[position]]
            position = parent[position]
        return position

    first: dict[tuple[str, str], int] = {}
    for position, item in enumerate(items):
        for link in (("group", item.received.order_group), ("key", item.key)):
            if link[1] is not None:
                earlier = first.setdefault((link[0], link[1]), position)
                parent[root(position)] = root(earlier)
    parts: dict[int, list[Item]] = {}
    for position, item in enumerate(items):
        parts.setdefault(root(position), []).append(item)
    return list(parts.values())
