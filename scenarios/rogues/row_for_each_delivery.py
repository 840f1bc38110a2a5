"""Writes an event for each order, under a new id.

People believe: the order is written under a condition, so the handler is idempotent. What happens: the event is not.
Each delivery of the same message adds one, and whoever counts the events counts too many.
"""

import uuid
from dataclasses import replace
from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, one_by_one, order_of, orders, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order and write down that it was; report those that failed."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    fulfil_once(record["body"])
    orders().put_item(Item={"order": f"event-{uuid.uuid4()}", "is_about": order_of(record["body"])})


# It does not say what its effects are: its calls show it.
consumer = replace(
    shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT})), effects=None
)
