"""Takes the one record out of the event.

People believe: the batch size is 1, or there is never more than one message waiting. What happens: the default batch
size is 10, and as soon as messages arrive together all but the first are acknowledged unread.
"""

from typing import Any

from .shop import fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil the order in the event."""
    return one_by_one({"Records": event["Records"][:1]}, lambda record: fulfil(record["body"]))


consumer = shop_consumer(f"{__name__}:handler")
