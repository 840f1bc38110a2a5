"""The seam between the batch and what remembers business keys across invocations.

A key is absent, in progress (leased by an owner until a time) or done. An entry past its time to live is absent.
"""

from enum import StrEnum
from typing import Protocol

__all__ = ["Claim", "Ledger", "Status"]


class Status(StrEnum):
    """What a ledger says of a key."""

    IN_PROGRESS = "in_progress"
    DONE = "done"


class Claim(StrEnum):
    """What became of a claim: ours; done before, so the message is a duplicate; or somebody else's for now."""

    CLAIMED = "claimed"
    DONE = "done"
    LEASED = "leased"


class Ledger(Protocol):
    """Claims on business keys. Of any number of callers racing for a key, one gets it.

    `owner` is the request id of the invocation; times are milliseconds since the epoch. A call may raise what its
    storage raises; then it may or may not have taken effect. Methods are called from several threads.
    """

    def claim(self, key: str, *, owner: str, lease_until_ms: int, now_ms: int) -> Claim:
        """Take the key, unless it is done or leased by another owner. A lease that has ended may be taken over."""
        ...

    def complete(self, key: str, *, owner: str, now_ms: int) -> bool:
        """Mark a claimed key as done. False, and nothing changes, if it is not this owner's any more."""
        ...

    def release(self, key: str, *, owner: str) -> bool:
        """Give a claim back, so that the next one need not wait. False, and nothing changes, if it is not ours."""
        ...
