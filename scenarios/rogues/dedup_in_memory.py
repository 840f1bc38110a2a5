"""Remembers in a module variable what it has done.

People believe: the execution environment stays warm, so it knows what it has done. What happens: there are several of
them, and each can go away at any time. The retry after a crash runs in a fresh one that remembers nothing.
"""

from typing import Any

from ..consumer import Claim
from .shop import fulfil, one_by_one, order_of, shop_consumer

__all__ = ["consumer", "handler"]

_done: set[str] = set()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that this environment has not fulfilled."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    order = order_of(record["body"])
    if order not in _done:
        fulfil(record["body"])
        _done.add(order)


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
