"""Reports failures under another name than ``itemIdentifier``.

People believe: the id is there, so the mapping will find it. What happens: an item without ``itemIdentifier`` fails the
whole batch (E06), and nothing says so anywhere.
"""

from typing import Any

from .shop import fulfil, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed."""
    failures = []
    for record in event["Records"]:
        try:
            fulfil(record["body"])
        except Exception:
            failures.append({"messageId": record["messageId"]})
    return {"batchItemFailures": failures}


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset())
