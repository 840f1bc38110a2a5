"""What can go wrong, as values: a schedule of faults is data that can be generated, shrunk and printed.

Messages are counted from 0 in the order in which they are sent, invocations from 0 in the order in which they
begin, and the AWS calls of an invocation from 1. A fault at a call that the invocation does not get to strikes as the
invocation ends, after all that it did and before it answers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

__all__ = [
    "ConcurrentDuplicate",
    "CrashAt",
    "DependencyDown",
    "DuplicateDelivery",
    "Fault",
    "FaultAt",
    "Faults",
    "LostDelete",
    "Moment",
    "SlowAt",
]


class Moment(StrEnum):
    """Which side of a call: before it is sent, or after it took effect and before its answer is seen."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateDelivery:
    """The message is delivered once more, ``after_ms`` after it was deleted (S17)."""

    message: int
    after_ms: int = 0

    def __str__(self) -> str:
        return f"message {self.message + 1} is delivered again {self.after_ms / 1000:g} s after it was deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostDelete:
    """The first attempt to delete the message is lost, so it becomes visible again (E11)."""

    message: int

    def __str__(self) -> str:
        return f"the deletion of message {self.message + 1} is lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashAt:
    """The function's process dies at a call."""

    invocation: int
    call: int
    moment: Moment = Moment.AFTER

    def __str__(self) -> str:
        return f"invocation {self.invocation + 1} crashes {self.moment} its AWS call {self.call}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowAt:
    """A call takes long."""

    invocation: int
    call: int
    duration_ms: int
    moment: Moment = Moment.BEFORE

    def __str__(self) -> str:
        return (
            f"invocation {self.invocation + 1} is held up for {self.duration_ms / 1000:g} s "
            f"{self.moment} its AWS call {self.call}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrentDuplicate:
    """While the invocation is at a call, all its messages are delivered to a second one that runs to its end (S17)."""

    invocation: int
    call: int
    moment: Moment = Moment.BEFORE

    def __str__(self) -> str:
        return (
            f"a second invocation gets the messages of invocation {self.invocation + 1} "
            f"{self.moment} its AWS call {self.call}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyDown:
    """From a call on, no AWS call of the invocation gets through, or as many as ``calls`` do not."""

    invocation: int
    call: int = 1
    calls: int | None = None

    def concerns(self, invocation: int, call: int) -> bool:
        """Whether it keeps this call from getting through."""
        over = self.calls is not None and call >= self.call + self.calls
        return self.invocation == invocation and self.call <= call and not over

    def __str__(self) -> str:
        where = f"invocation {self.invocation + 1}"
        if self.calls is not None:
            return f"{self.calls} AWS calls of {where} do not get through from call {self.call} on"
        return f"no AWS call of {where} gets through from call {self.call} on"


FaultAt = CrashAt | SlowAt | ConcurrentDuplicate | DependencyDown
Fault = DuplicateDelivery | LostDelete | FaultAt

_F = TypeVar("_F", bound=Fault)


class Faults:
    """A schedule of faults, asked at the places where one may strike. Each strikes once, a down dependency aside."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._pending = list(faults)
        self.struck: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        yield from self.struck
        yield from self._pending

    def at_call(self, invocation: int, call: int, moment: Moment) -> list[CrashAt | SlowAt | ConcurrentDuplicate]:
        """The faults that strike at this call of this invocation."""
        if not self._pending:
            return []
        return self._take(
            fault
            for fault in self._pending
            if isinstance(fault, CrashAt | SlowAt | ConcurrentDuplicate)
            and (fault.invocation, fault.call, fault.moment) == (invocation, call, moment)
        )

    def at_end(self, invocation: int) -> list[CrashAt | SlowAt | ConcurrentDuplicate]:
        """The faults of this invocation that no call of it has met."""
        if not self._pending:
            return []
        return self._take(
            fault
            for fault in self._pending
            if isinstance(fault, CrashAt | SlowAt | ConcurrentDuplicate) and fault.invocation == invocation
        )

    def is_down(self, invocation: int, call: int) -> DependencyDown | None:
        """The fault that keeps this call from getting through, if there is one."""
        for fault in (*self.struck, *self._pending):
            if isinstance(fault, DependencyDown) and fault.concerns(invocation, call):
                self._take([fault])
                return fault
        return None

    def loses_delete(self, message: int) -> bool:
        """Whether this attempt to delete the message is lost."""
        return bool(self._take(f for f in self._pending if isinstance(f, LostDelete) and f.message == message))

    def after_delete(self, message: int) -> list[DuplicateDelivery]:
        """The duplicates that follow this deletion of the message."""
        return self._take(f for f in self._pending if isinstance(f, DuplicateDelivery) and f.message == message)

    def _take(self, faults: Iterable[_F]) -> list[_F]:
        taken = list(faults)
        for fault in taken:
            if fault in self._pending:
                self._pending.remove(fault)
                self.struck.append(fault)
        return taken
