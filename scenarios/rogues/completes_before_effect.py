"""Records that the order is done, then does it.

People believe: the record must come first, or a duplicate could slip in between. What happens: if the process dies
between the two, the retry finds the order done, and it is lost for good.
"""

from typing import Any

from ..consumer import Claim
from .shop import fulfil, one_by_one, order_of, orders, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that is not marked as done."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    if _mark_done(order_of(record["body"])):
        fulfil(record["body"])


def _mark_done(order: str) -> bool:
    try:
        orders().update_item(
            Key={"order": order},
            UpdateExpression="SET done = :yes",
            ConditionExpression="attribute_not_exists(done)",
            ExpressionAttributeValues={":yes": True},
        )
    except orders().meta.client.exceptions.ConditionalCheckFailedException:
        return False
    return True


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
