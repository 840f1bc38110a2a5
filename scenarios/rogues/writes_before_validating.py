"""Writes the order down first and looks at it then.

People believe: a message that fails leaves nothing behind. What happens: the message goes to the dead-letter queue as
it should, and what was written under a made-up number stays.
"""

import json
from typing import Any

from .shop import fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that turn out not to be one."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    order = json.loads(record["body"])
    fulfil(record["body"], order=order.get("order", "none"))
    if "order" not in order:
        raise ValueError("an order has a number")


consumer = shop_consumer(f"{__name__}:handler", poison=lambda key: json.dumps({"note": f"for {key}"}))
