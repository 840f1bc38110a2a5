"""Remembers for five minutes what it has done.

People believe: duplicates follow close on each other, as the five minutes of a FIFO queue show. What happens: a message
can come again an hour later, and from the dead-letter queue two weeks later. By then it is new.
"""

import time
from typing import Any

from ..consumer import Claim
from .shop import one_by_one, order_of, orders, shop_consumer

__all__ = ["consumer", "handler"]

REMEMBERED_S = 5 * 60


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that was not fulfilled lately."""
    return one_by_one(event, lambda record: _fulfil(record["body"]))


def _fulfil(body: str) -> None:
    now_s = int(time.time())
    try:
        orders().update_item(
            Key={"order": order_of(body)},
            UpdateExpression="SET body = :body, forgotten_s = :then ADD times :one",
            ConditionExpression="attribute_not_exists(forgotten_s) OR forgotten_s <= :now",
            ExpressionAttributeValues={":body": body, ":one": 1, ":then": now_s + REMEMBERED_S, ":now": now_s},
        )
    except orders().meta.client.exceptions.ConditionalCheckFailedException:
        print("a duplicate")


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
