"""Lets the first exception out.

People believe: with partial batch responses switched on, only the message that failed comes back. What happens: a
function error fails the whole batch, so all its neighbours come back too, and go to the dead-letter queue with it.
"""

from typing import Any

from ..consumer import Claim
from .shop import fulfil, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order."""
    for record in event["Records"]:
        fulfil(record["body"])
    return {"batchItemFailures": []}


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH}))
