"""Lists the ids of the failed messages, bare.

People believe: ``batchItemFailures`` is a list of ids. What happens: it is a list of objects with an
``itemIdentifier``. Anything else in it fails the whole batch (E06).
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
            failures.append(record["messageId"])
    return {"batchItemFailures": failures}


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset())
