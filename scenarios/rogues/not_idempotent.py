"""Does the work, and that is all.

People believe: a message is delivered once. What happens: SQS delivers at least once. A duplicate delivery, a lost
deletion or a crash after the work does the work again.
"""

from typing import Any

from ..consumer import Claim
from .shop import fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed."""
    return one_by_one(event, lambda record: fulfil(record["body"]))


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
