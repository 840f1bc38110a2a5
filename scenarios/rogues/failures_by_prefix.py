"""Notes the orders that failed by the first characters of their numbers.

People believe: four characters tell the orders of a batch apart. What happens: orders of one customer begin alike.
Whatever begins like an order that failed is reported with it, and goes to the dead-letter queue with it.
"""

import json
from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, order_of, shop_consumer

__all__ = ["consumer", "handler"]

ENOUGH = 4


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that has a note; report those that failed."""
    failed = set()
    for record in event["Records"]:
        try:
            _fulfil(record["body"])
        except Exception as error:
            print(f"failed: {error!r}")
            failed.add(order_of(record["body"])[:ENOUGH])
    return {
        "batchItemFailures": [
            {"itemIdentifier": record["messageId"]}
            for record in event["Records"]
            if order_of(record["body"])[:ENOUGH] in failed
        ]
    }


def _fulfil(body: str) -> None:
    if "note" not in json.loads(body):
        raise ValueError("an order has a note")
    fulfil_once(body)


consumer = shop_consumer(
    f"{__name__}:handler",
    poison=lambda key: json.dumps({"order": key}),
    claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT}),
)
