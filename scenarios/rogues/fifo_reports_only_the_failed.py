"""Reports the message that failed, and goes on with the next one of its message group.

People believe: the queue keeps the order, it is FIFO. What happens: the failed message comes back after those behind
it have been done and deleted, so the order is lost (E19). Here it fails for a passing reason: the claim of a process
that crashed has not ended yet.
"""

from typing import Any

from ..consumer import Claim, QueueSpec
from .shop import VISIBILITY_TIMEOUT_S, Claimed, claim, fulfil_once, one_by_one, order_of, release, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order under a claim; what somebody else works on comes back later."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    order = order_of(record["body"])
    claimed = claim(order, lease_s=VISIBILITY_TIMEOUT_S + 60)
    if claimed is Claimed.LEASED:
        raise RuntimeError("somebody else is working on it")
    if claimed is Claimed.OURS:
        try:
            fulfil_once(record["body"])
        except Exception:
            release(order)
            raise


consumer = shop_consumer(
    f"{__name__}:handler",
    queue=QueueSpec(fifo=True),
    claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.ORDERED, Claim.DEAD_LETTERS}),
)
