"""Reckons its deadline from the time at which the module was imported.

People believe: the module is imported as the invocation begins. What happens: that is so for a cold start. A warm
environment finds its deadline long past, and gives every message back unread until it is in the dead-letter queue.
"""

import time
from typing import Any

from ..consumer import Claim, QueueSpec
from .shop import fulfil_once, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]

FUNCTION_TIMEOUT_S = 50
ENOUGH_S = 5

_ends_s = time.time() + FUNCTION_TIMEOUT_S


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil orders while there is time; report the rest."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    if _ends_s - time.time() < ENOUGH_S:
        raise TimeoutError("no time left for this one")
    fulfil_once(record["body"])


consumer = shop_consumer(
    f"{__name__}:handler",
    queue=QueueSpec(function_timeout_s=FUNCTION_TIMEOUT_S),
    claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS}),
)
