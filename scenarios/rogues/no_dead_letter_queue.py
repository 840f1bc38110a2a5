"""The handler is right; its queue has no redrive policy.

People believe: what fails is retried until it works. What happens: poison comes back every few minutes for days, takes
its place in batch after batch, and is gone without a trace when its retention ends.
"""

from typing import Any

from ..consumer import Claim, QueueSpec
from .shop import fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed."""
    return one_by_one(event, lambda record: fulfil(record["body"]))


consumer = shop_consumer(
    f"{__name__}:handler",
    queue=QueueSpec(max_receive_count=None),
    claims=frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS}),
)
