"""What an environment and a runtime can do for a scenario. What lacks one of them skips the scenario, and says so."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from redrive.fixtures.faults import (
    ClockSkew,
    ConcurrentDuplicate,
    CrashAt,
    DependencyDown,
    DuplicateDelivery,
    ErrorAnswer,
    FailedDelete,
    Fault,
    LateVisibility,
    LostDelete,
    Overtaken,
    SlowAt,
    Throttle,
    TimeoutAt,
)

__all__ = ["Capability", "needed_by"]


class Capability(StrEnum):
    """What a scenario may need of where and how the handler runs."""

    VIRTUAL_TIME = "virtual time"
    """Time is simulated for the queue and the handler, so that hours cost nothing and milliseconds count."""
    LONG_PAUSES = "long pauses"
    """A plan may pause until all that was sent is at rest, however long that takes."""
    CALL_FAULTS = "faults at AWS calls"
    """A fault can strike at a given AWS call of the handler."""
    DUPLICATES = "duplicate deliveries"
    """A given message can be delivered once more after it was deleted."""
    LOST_DELETES = "lost deletions"
    """The deletion of a given message can be lost."""
    REORDERING = "messages late or out of order"
    """A given message can be overtaken by others, or be visible later than it should be."""
    THROTTLING = "throttled invocations"
    """A given invocation can be throttled before it begins."""
    OWN_EVENTS = "events of its own making"
    """The function can be invoked with an event that is not, or not quite, the mapping's."""
    CONCURRENCY = "invocations at once"
    """Several invocations can be in progress, interleaved under the seed's control."""


_NEEDED_BY: Mapping[type, frozenset[Capability]] = MappingProxyType(
    {
        DuplicateDelivery: frozenset({Capability.DUPLICATES}),
        LostDelete: frozenset({Capability.LOST_DELETES}),
        FailedDelete: frozenset({Capability.LOST_DELETES}),
        LateVisibility: frozenset({Capability.REORDERING}),
        Overtaken: frozenset({Capability.REORDERING}),
        CrashAt: frozenset({Capability.CALL_FAULTS}),
        SlowAt: frozenset({Capability.CALL_FAULTS}),
        TimeoutAt: frozenset({Capability.CALL_FAULTS}),
        DependencyDown: frozenset({Capability.CALL_FAULTS}),
        ErrorAnswer: frozenset({Capability.CALL_FAULTS}),
        ConcurrentDuplicate: frozenset({Capability.CALL_FAULTS, Capability.CONCURRENCY}),
        Throttle: frozenset({Capability.THROTTLING}),
        ClockSkew: frozenset({Capability.VIRTUAL_TIME}),
    }
)


def needed_by(kind: type[Fault]) -> frozenset[Capability]:
    """What it takes for faults of a kind to strike."""
    return _NEEDED_BY[kind]
