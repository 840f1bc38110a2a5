"""Remembers the request id of the invocation that did the work.

People believe: a retry has the request id of the first try. What happens: so it is for asynchronous invocations. The
mapping invokes the function anew for each delivery, and every invocation has a request id of its own.
"""

from typing import Any

from ..consumer import Claim
from .shop import one_by_one, order_of, orders, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that this request has not fulfilled."""
    return one_by_one(event, lambda record: _fulfil(record["body"], context.aws_request_id))


def _fulfil(body: str, request_id: str) -> None:
    try:
        orders().update_item(
            Key={"order": order_of(body)},
            UpdateExpression="SET body = :body ADD times :one, request_ids :ids",
            ConditionExpression="NOT contains(request_ids, :id)",
            ExpressionAttributeValues={":body": body, ":one": 1, ":id": request_id, ":ids": {request_id}},
        )
    except orders().meta.client.exceptions.ConditionalCheckFailedException:
        print("a duplicate")


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
