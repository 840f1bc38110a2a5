"""Files an order without a number under ``unknown``.

People believe: a default keeps the batch going. What happens: there is now an order that nobody ever sent, all bodies
without a number land on it one over the other, and the real ones are acknowledged and gone.
"""

import json
from typing import Any

from ..consumer import Claim
from .shop import fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order, under its number if it has one."""
    return one_by_one(
        event, lambda record: fulfil(record["body"], order=json.loads(record["body"]).get("order", "unknown"))
    )


consumer = shop_consumer(
    f"{__name__}:handler",
    poison=lambda key: json.dumps({"note": f"for {key}"}),
    claims=frozenset({Claim.PARTIAL_BATCH}),
)
