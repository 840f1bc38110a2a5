"""Remembers a hash of body and time of sending.

People believe: without the time, two orders that happen to be alike would be taken for one. What happens: the producer
that sends again does so a little later, so the same order has another hash each time, and nothing is ever a duplicate.
"""

import hashlib
from typing import Any

from ..consumer import Claim
from .shop import one_by_one, order_of, orders, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order whose hash has not been seen."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    digest = hashlib.sha256(f"{record['attributes']['SentTimestamp']} {record['body']}".encode()).hexdigest()
    try:
        orders().update_item(
            Key={"order": order_of(record["body"])},
            UpdateExpression="SET body = :body ADD times :one, digests :digests",
            ConditionExpression="NOT contains(digests, :digest)",
            ExpressionAttributeValues={":body": record["body"], ":one": 1, ":digest": digest, ":digests": {digest}},
        )
    except orders().meta.client.exceptions.ConditionalCheckFailedException:
        print("a duplicate")


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
