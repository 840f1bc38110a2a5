"""Which faults of a plan struck, read off its history."""

from collections.abc import Iterable, Iterator

from redrive.fixtures.faults import DuplicateDelivery, FailedDelete, Fault, LostDelete
from redrive.simulator import trace
from redrive.simulator.driver import FAILED_DELETE_CODE

from .history import History

__all__ = ["has_struck"]


def has_struck(history: History, faults: Iterable[Fault]) -> bool:
    """Whether one of these struck; not whether any other did, be it of the same kind."""
    return not set(faults).isdisjoint(_struck(history))


def _struck(history: History) -> Iterator[Fault]:
    """The faults that struck. A duplicate of a message stands for all that its deletion set off."""
    duplicates: dict[int, list[DuplicateDelivery]] = {}
    for fault in history.plan.faults:
        if isinstance(fault, DuplicateDelivery):
            duplicates.setdefault(fault.message, []).append(fault)
    deleted: set[str] = set()
    for event in history.events:
        match event:
            case trace.Struck():
                yield event.fault
            case trace.DeleteLost():
                yield LostDelete(message=history.by_message_id[event.message_id].number)
            case trace.DeleteRefused(code=code) if code == FAILED_DELETE_CODE:
                yield FailedDelete(message=history.by_message_id[event.message_id].number)
            case trace.Deleted():
                deleted.add(event.message_id)
            case trace.Reappeared() if event.message_id in deleted:
                # Not while it was in flight: that is what a concurrent duplicate does.
                yield from duplicates.get(history.by_message_id[event.message_id].number, [])
