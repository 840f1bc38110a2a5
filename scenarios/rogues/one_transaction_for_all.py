"""Writes the batch in one transaction, and reports all of it if that fails.

People believe: all or nothing is the safe choice. What happens: one order that DynamoDB refuses refuses the others with
it, each time, until all of them are in the dead-letter queue.
"""

from dataclasses import replace
from typing import Any

from ..consumer import Claim
from .shop import TABLE, order_of, orders, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil all orders that can be read, or none; report those that cannot be, or all."""
    bodies, failed = {}, []
    for record in event["Records"]:
        try:
            bodies[order_of(record["body"])] = record["body"]
        except Exception:
            failed.append(record)
    try:
        if bodies:
            _write(bodies)
    except Exception as error:
        print(f"failed: {error!r}")
        failed = event["Records"]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def _write(bodies: dict[str, str]) -> None:
    orders().meta.client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": TABLE, "Item": {"order": order, "body": body, "times": 1}}}
            for order, body in bodies.items()
        ]
    )


# It does not say what its effects are: that a body fails in company and not alone is enough.
consumer = replace(
    shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT})), effects=None
)
