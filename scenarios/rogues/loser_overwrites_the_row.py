"""Who finds an order claimed by somebody else leaves a note in its row, with a put.

People believe: whoever has the claim is not done yet, or it would say so. What happens: it is done between the look and
the note, and the put replaces the whole row, with all that says so. The message comes back, and the work is done again.
"""

from typing import Any

from ..consumer import Claim
from .shop import Claimed, claim, fulfil_once, one_by_one, order_of, orders, release, shop_consumer

__all__ = ["consumer", "handler"]

LEASE_S = 60  # a little longer than the function may run


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order under a claim; what somebody else works on comes back later."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    order = order_of(record["body"])
    claimed = claim(order, lease_s=LEASE_S)
    if claimed is Claimed.LEASED:
        orders().put_item(Item={"order": order, "waits_for_it": record["messageId"]})
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
