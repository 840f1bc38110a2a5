"""Takes a message that has been received before for a duplicate.

People believe: who receives it a second time has done it the first time. What happens: mostly it comes again because
the first time failed. Every retry is acknowledged unread.
"""

from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that comes for the first time; report those that failed."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    if int(record["attributes"]["ApproximateReceiveCount"]) > 1:
        print("a duplicate")
        return
    fulfil_once(record["body"])


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT}))
