"""The ``return`` is indented one step too far.

People believe: the test with one record passed, so the loop is right. What happens: the handler answers after the
first record, and the rest of the batch is acknowledged unread.
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
            failures.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failures}
    return {"batchItemFailures": []}


consumer = shop_consumer(f"{__name__}:handler")
