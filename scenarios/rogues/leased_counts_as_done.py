"""Takes an order that somebody else has claimed for a duplicate, and acknowledges it.

People believe: whoever holds the claim will do the work. What happens: whoever held it has crashed, the message that
could have brought the work back has been deleted, and when the lease ends nobody is there to notice.
"""

from typing import Any

from ..consumer import Claim
from .shop import Claimed, claim, fulfil_once, one_by_one, order_of, release, shop_consumer

__all__ = ["consumer", "handler"]

LEASE_S = 60  # a little longer than the function may run


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that nobody else is working on."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    order = order_of(record["body"])
    if claim(order, lease_s=LEASE_S) is not Claimed.OURS:
        return
    try:
        fulfil_once(record["body"])
    except Exception:
        release(order)
        raise


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
