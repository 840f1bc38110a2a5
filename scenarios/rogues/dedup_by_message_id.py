"""Remembers the message ids that it has done.

People believe: a message id stands for a piece of work. What happens: it stands for one send. A producer that times out
and sends again, or a redrive from the dead-letter queue, gives the same work a new message id.
"""

from typing import Any

from ..consumer import Claim
from .shop import one_by_one, order_of, orders, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order whose message has not been seen."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    try:
        orders().update_item(
            Key={"order": order_of(record["body"])},
            UpdateExpression="SET body = :body ADD times :one, message_ids :ids",
            ConditionExpression="NOT contains(message_ids, :id)",
            ExpressionAttributeValues={
                ":body": record["body"],
                ":one": 1,
                ":id": record["messageId"],
                ":ids": {record["messageId"]},
            },
        )
    except orders().meta.client.exceptions.ConditionalCheckFailedException:
        print("a duplicate")


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
