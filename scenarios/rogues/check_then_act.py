"""Looks whether the order is done, and does it if not.

People believe: nobody gets in between. What happens: the same message can be with two invocations at once; both look,
both see nothing, both do the work.
"""

from typing import Any

from ..consumer import Claim
from .shop import fulfil, one_by_one, order_of, orders, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that is not there yet."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    key = {"order": order_of(record["body"])}
    if "Item" not in orders().get_item(Key=key, ConsistentRead=True):
        fulfil(record["body"])


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
