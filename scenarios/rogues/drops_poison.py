"""Acknowledges what cannot be parsed.

People believe: it can never be done, so it may as well go. What happens: nobody sees it again. What the dead-letter
queue is for, looking at it, mending the producer and sending it once more, is no longer possible.
"""

from typing import Any

from .shop import fulfil, one_by_one, order_of, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that can be read; report those that failed."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    try:
        order_of(record["body"])
    except ValueError:
        print("dropped: not an order")
        return
    fulfil(record["body"])


consumer = shop_consumer(f"{__name__}:handler")
