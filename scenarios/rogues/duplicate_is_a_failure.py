"""Reports a duplicate as failed.

People believe: the conditional write was refused, so something went wrong. What happens: the order has been fulfilled,
and its duplicate can never be. It comes back until it is in the dead-letter queue, where somebody will look for what is
wrong with it.
"""

from typing import Any

from ..consumer import Claim
from .shop import one_by_one, order_of, orders, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that is not there yet; report those that failed."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    orders().put_item(
        Item={"order": order_of(record["body"]), "body": record["body"], "times": 1},
        ConditionExpression="attribute_not_exists(times)",
    )


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
