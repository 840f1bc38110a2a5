"""A schedule of faults in use: asked at each place where one may strike, it tells which do.

What faults there are is in :mod:`redrive.fixtures.faults`.
"""

from collections import defaultdict
from collections.abc import Iterable
from operator import attrgetter
from typing import assert_never

from redrive.fixtures.faults import (
    STANDARD_ONLY,
    Answer,
    ClockSkew,
    ConcurrentDuplicate,
    CrashAt,
    DependencyDown,
    DuplicateDelivery,
    ErrorAnswer,
    FailedDelete,
    Fault,
    FaultAt,
    LateVisibility,
    LostDelete,
    MessageFault,
    Moment,
    Overtaken,
    SlowAt,
    Throttle,
    TimeoutAt,
)

__all__ = [
    "STANDARD_ONLY",
    "Answer",
    "AtCall",
    "ClockSkew",
    "ConcurrentDuplicate",
    "CrashAt",
    "DependencyDown",
    "DuplicateDelivery",
    "ErrorAnswer",
    "FailedDelete",
    "Fault",
    "FaultAt",
    "Faults",
    "LateVisibility",
    "LostDelete",
    "MessageFault",
    "Moment",
    "Overtaken",
    "SlowAt",
    "Throttle",
    "TimeoutAt",
]

AtCall = CrashAt | SlowAt | TimeoutAt | ConcurrentDuplicate
"""The faults that strike at one moment of one call."""


class Faults:
    """A schedule in use. Each fault strikes once; a dependency that is down and a skewed clock stay as they are.

    ``schedule`` has all of them, whether they struck or not.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self.schedule: tuple[Fault, ...] = tuple(faults)
        # By what they are about, so that asking costs the same however many there are.
        self._at_calls: dict[int, list[AtCall]] = defaultdict(list)
        self._down: dict[int, list[DependencyDown | ErrorAnswer]] = defaultdict(list)
        self._throttles: dict[int, list[Throttle]] = defaultdict(list)
        self._deletes: dict[int, list[LostDelete | FailedDelete]] = defaultdict(list)
        self._duplicates: dict[int, list[DuplicateDelivery]] = defaultdict(list)
        self._late: dict[tuple[int, int], list[LateVisibility]] = defaultdict(list)
        self._overtaken: dict[int, list[Overtaken]] = defaultdict(list)
        self._skews: dict[int, list[ClockSkew]] = defaultdict(list)
        for fault in self.schedule:
            self._file(fault)

    def _file(self, fault: Fault) -> None:
        match fault:
            case CrashAt() | SlowAt() | TimeoutAt() | ConcurrentDuplicate():
                self._at_calls[fault.invocation].append(fault)
            case DependencyDown() | ErrorAnswer():
                self._down[fault.invocation].append(fault)
            case Throttle():
                self._throttles[fault.invocation].append(fault)
            case LostDelete() | FailedDelete():
                self._deletes[fault.message].append(fault)
            case DuplicateDelivery():
                self._duplicates[fault.message].append(fault)
            case LateVisibility():
                self._late[fault.message, fault.receive].append(fault)
            case Overtaken():
                self._overtaken[fault.message].append(fault)
            case ClockSkew():
                self._skews[fault.environment].append(fault)
            case _:
                assert_never(fault)

    def at_call(self, invocation: int, call: int, moment: Moment) -> list[AtCall]:
        """The faults that strike at this call of this invocation."""
        mine = self._at_calls.get(invocation)
        if not mine:
            return []
        striking = [fault for fault in mine if (fault.call, fault.moment) == (call, moment)]
        self._at_calls[invocation] = [fault for fault in mine if (fault.call, fault.moment) != (call, moment)]
        return striking

    def at_end(self, invocation: int) -> list[AtCall]:
        """The faults of this invocation that no call of it has met."""
        return self._at_calls.pop(invocation, [])

    def instead_of(self, invocation: int, call: int) -> DependencyDown | ErrorAnswer | None:
        """The fault that keeps this call from having an effect, if there is one."""
        return next((fault for fault in self._down.get(invocation, ()) if fault.concerns(invocation, call)), None)

    def throttles(self, invocation: int) -> Throttle | None:
        """The fault that throttles this invocation, if there is one; the longest, if there are several."""
        return max(self._throttles.pop(invocation, []), key=attrgetter("for_ms"), default=None)

    def at_delete(self, message: int) -> LostDelete | FailedDelete | None:
        """What becomes of this attempt to delete the message, if it does not succeed."""
        mine = self._deletes.get(message)
        return mine.pop(0) if mine else None

    def after_delete(self, message: int) -> list[DuplicateDelivery]:
        """The duplicates that follow this deletion of the message."""
        return self._duplicates.pop(message, [])

    def after_receive(self, message: int, receive: int) -> list[LateVisibility]:
        """How late the message is visible after this receive of it, counted from 1, or after its send with 0."""
        return self._late.pop((message, receive), [])

    def overtaking(self, message: int) -> list[Overtaken]:
        """How others go before the message; asked when it is sent."""
        return self._overtaken.pop(message, [])

    def skew(self, environment: int) -> list[ClockSkew]:
        """How the clock of the execution environment is off."""
        return self._skews.get(environment, [])
