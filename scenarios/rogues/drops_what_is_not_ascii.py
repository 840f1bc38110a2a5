"""Drops what the target system's code page does not have.

People believe: nobody misses an umlaut. What happens: the order is another one. ``Größe`` becomes ``Gre``, the amount
has lost its currency, and nothing says so.
"""

from typing import Any

from .shop import fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order, in ASCII."""
    return one_by_one(event, lambda record: fulfil(record["body"].encode("ascii", "ignore").decode()))


consumer = shop_consumer(f"{__name__}:handler")
