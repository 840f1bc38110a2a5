"""Stops reporting a message once it has been received ``maxReceiveCount`` times.

People believe: by then SQS has put it into the dead-letter queue. What happens: SQS moves a message at the receive
after that (S10). The last delivery is acknowledged like any other success, and the message is gone.
"""

from typing import Any

from .shop import MAX_RECEIVE_COUNT, fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed, as long as there is another try."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    try:
        fulfil(record["body"])
    except Exception:
        if int(record["attributes"]["ApproximateReceiveCount"]) < MAX_RECEIVE_COUNT:
            raise
        print("this one is in the dead-letter queue now")


consumer = shop_consumer(f"{__name__}:handler")
