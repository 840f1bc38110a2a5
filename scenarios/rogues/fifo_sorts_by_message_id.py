"""Sorts the batch, as is good practice where rows are locked.

People believe: the order within a batch does not matter, they are done together. What happens: within a message group
it is all that matters, and message ids are random.
"""

from typing import Any

from ..consumer import Claim, QueueSpec
from .shop import fulfil_once, in_order, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order, in the order of the message ids."""
    records = sorted(event["Records"], key=lambda record: record["messageId"])
    return in_order({"Records": records}, lambda record: fulfil_once(record["body"]))


consumer = shop_consumer(
    f"{__name__}:handler", queue=QueueSpec(fifo=True), claims=frozenset({Claim.IDEMPOTENT, Claim.ORDERED})
)
