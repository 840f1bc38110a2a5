"""Takes the pointer of a large message for its body.

People believe: a body is what the record has in it. What happens: a producer with the Extended Client Library puts
large bodies into S3 and sends where they are (E25). That is no order, so the largest orders end in the dead-letter
queue.
"""

from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed."""
    return one_by_one(event, lambda record: fulfil_once(record["body"]))


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.OVERSIZE})
)
