"""Records that the order is done in a ``finally``.

People believe: ``finally`` is where one cleans up. What happens: it runs after a failure as well. The order is marked
as done although it failed, so the retry acknowledges it, and it never gets to the dead-letter queue either.
"""

import json
from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, one_by_one, orders, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that is not marked as done; report those that failed."""
    return one_by_one(event, lambda record: _work(record["body"]))


def _work(body: str) -> None:
    order = json.loads(body)
    key = {"order": order["order"]}
    if "done" in orders().get_item(Key=key, ConsistentRead=True).get("Item", {}):
        return
    try:
        if "note" not in order:
            raise ValueError("an order has a note")
        fulfil_once(body)
    finally:
        orders().update_item(Key=key, UpdateExpression="SET done = :yes", ExpressionAttributeValues={":yes": True})


consumer = shop_consumer(
    f"{__name__}:handler",
    poison=lambda key: json.dumps({"order": key}),
    claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS}),
)
