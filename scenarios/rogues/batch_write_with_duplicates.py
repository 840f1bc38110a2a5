"""Writes the batch at once, the same order twice if it is in there twice.

People believe: a put by key is idempotent, so duplicates do no harm. What happens: DynamoDB refuses a batch that names
a key twice. The whole batch comes back, together, until all of it is in the dead-letter queue.
"""

from typing import Any

from ..consumer import Claim
from .shop import order_of, orders, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil all orders in one write; report what cannot be read, and all if the write fails."""
    items, failed = [], []
    for record in event["Records"]:
        try:
            items.append({"order": order_of(record["body"]), "body": record["body"], "times": 1})
        except Exception:
            failed.append(record)
    try:
        with orders().batch_writer() as batch:
            for item in items:
                batch.put_item(Item=item)
    except Exception as error:
        print(f"failed: {error!r}")
        failed = event["Records"]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.IDEMPOTENT, Claim.DEAD_LETTERS}))
