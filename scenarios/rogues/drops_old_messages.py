"""Acknowledges a message that was sent some time ago without doing it.

People believe: so old a message has been done by an earlier delivery, or nobody waits for it any more. What happens: it
is that old because an earlier delivery failed. What was to be tried again is gone.
"""

import time
from typing import Any

from .shop import fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]

TOO_OLD_S = 120


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that is fresh; report those that failed."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    age_s = time.time() - int(record["attributes"]["SentTimestamp"]) / 1000
    if age_s > TOO_OLD_S:
        print("too old")
        return
    fulfil(record["body"])


consumer = shop_consumer(f"{__name__}:handler")
