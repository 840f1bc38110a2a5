"""What an environment and a runtime can do for a scenario. What lacks one of them skips the scenario, and says so."""

from enum import StrEnum

__all__ = ["Capability"]


class Capability(StrEnum):
    """What a scenario may need of where and how the handler runs."""

    VIRTUAL_TIME = "virtual time"
    """Time is simulated for the queue and the handler, so that hours cost nothing."""
    CALL_FAULTS = "faults at AWS calls"
    """A fault can strike at a given AWS call of the handler."""
    MESSAGE_FAULTS = "faults at messages"
    """Deliveries and deletions of a given message can be struck."""
    CONCURRENCY = "invocations at once"
    """Several invocations can be in progress, interleaved under the seed's control."""
