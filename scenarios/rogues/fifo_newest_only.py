"""Does the newest message of each message group only.

People believe: what came before is out of date. What happens: each message was a piece of work of its own, and the
earlier ones are acknowledged without having been done.
"""

from typing import Any

from ..consumer import Claim, QueueSpec
from .shop import fulfil_once, in_order, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil the newest order of each message group."""
    newest = {record["attributes"]["MessageGroupId"]: record for record in event["Records"]}
    return in_order({"Records": list(newest.values())}, lambda record: fulfil_once(record["body"]))


consumer = shop_consumer(
    f"{__name__}:handler", queue=QueueSpec(fifo=True), claims=frozenset({Claim.IDEMPOTENT, Claim.ORDERED})
)
