"""Strips white space off the body before it is stored.

People believe: space at the ends means nothing. What happens: the body is no longer the one that was sent, byte for
byte, and its MD5 no longer fits.
"""

from typing import Any

from .shop import fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order, with its body trimmed."""
    return one_by_one(event, lambda record: fulfil(record["body"].strip()))


consumer = shop_consumer(f"{__name__}:handler")
