"""Looks at the first three records, which was the batch size when it was written.

People believe: a batch is as large as it has always been. What happens: the batch size is a setting of the mapping, and
somebody sets it. The handler needs no deployment for that, and acknowledges unread what is behind the third.
"""

from typing import Any

from .shop import fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]

BATCH_SIZE = 3


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed."""
    return one_by_one({"Records": event["Records"][:BATCH_SIZE]}, lambda record: fulfil(record["body"]))


consumer = shop_consumer(f"{__name__}:handler")
