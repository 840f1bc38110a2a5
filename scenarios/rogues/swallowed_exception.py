"""Logs the exception and goes on.

People believe: a message that failed will be retried. What happens: an invocation that returns normally acknowledges
its whole batch, so the failed message is deleted and gone.
"""

from typing import Any

from .shop import fulfil, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; print what went wrong."""
    for record in event["Records"]:
        try:
            fulfil(record["body"])
        except Exception as error:
            print(f"could not fulfil: {error!r}")
    return {"batchItemFailures": []}


consumer = shop_consumer(f"{__name__}:handler")
