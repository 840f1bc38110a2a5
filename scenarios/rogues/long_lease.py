"""Claims an order for a day.

People believe: a long lease is the safe choice, since nobody can get in between. What happens: a process that crashes
cannot release its claim. Every retry finds the order claimed, until the message has been received too often and goes to
the dead-letter queue, a perfectly good message.
"""

from typing import Any

from ..consumer import Claim
from .shop import Claimed, claim, fulfil_once, one_by_one, order_of, release, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order under a claim; what somebody else works on comes back later."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    order = order_of(record["body"])
    claimed = claim(order, lease_s=24 * 60 * 60)
    if claimed is Claimed.LEASED:
        raise RuntimeError("somebody else is working on it")
    if claimed is Claimed.OURS:
        try:
            fulfil_once(record["body"])
        except Exception:
            release(order)
            raise


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
