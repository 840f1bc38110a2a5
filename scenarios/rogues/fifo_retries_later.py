"""Puts what failed to the end of the batch and tries it once more there.

People believe: a short pause helps, and the others need not wait for it. What happens: those of the same message group
have to wait, that is what the group is for. The retry works, and comes after what was sent later.
"""

from typing import Any

from ..consumer import Claim, QueueSpec
from .shop import fulfil_once, in_order, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order, and those that failed once more; report what failed again."""
    later = []
    for record in event["Records"]:
        try:
            fulfil_once(record["body"])
        except Exception as error:
            print(f"later: {error!r}")
            later.append(record)
    return in_order({"Records": later}, lambda record: fulfil_once(record["body"]))


consumer = shop_consumer(
    f"{__name__}:handler", queue=QueueSpec(fifo=True), claims=frozenset({Claim.IDEMPOTENT, Claim.ORDERED})
)
