"""Stops at the first failure and reports that one.

People believe: what was not reached is not acknowledged either. What happens: whatever is not reported counts as
done, so the messages behind the failed one are deleted without ever having been looked at.
"""

from typing import Any

from .shop import fulfil, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil the orders up to the first that cannot be."""
    for record in event["Records"]:
        try:
            fulfil(record["body"])
        except Exception as error:
            print(f"stopping: {error!r}")
            return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    return {"batchItemFailures": []}


consumer = shop_consumer(f"{__name__}:handler")
