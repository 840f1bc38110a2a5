"""Puts the order number in capitals before it is used as the key.

People believe: numbers are case insensitive. What happens: it is another number. The effect is filed under a key that
was never sent, and two orders that differ in case become one.
"""

from typing import Any

from .shop import fulfil, one_by_one, order_of, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order, under its number in capitals."""
    return one_by_one(event, lambda record: fulfil(record["body"], order=order_of(record["body"]).upper()))


consumer = shop_consumer(f"{__name__}:handler")
