"""Releases the claim in a ``finally``, whether or not it was its own; the work itself trusts the claim.

People believe: what is claimed must be released, whatever happens. What happens: the second invocation finds the order
claimed, gives up, and takes the first one's claim along. A third one claims it then, while the first is still at work.
"""

from typing import Any

from ..consumer import Claim
from .shop import Claimed, claim, fulfil, one_by_one, order_of, release, shop_consumer

__all__ = ["consumer", "handler"]

LEASE_S = 60  # a little longer than the function may run


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order under a claim; what somebody else works on comes back later."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    order = order_of(record["body"])
    claimed = claim(order, lease_s=LEASE_S)
    try:
        if claimed is Claimed.LEASED:
            raise RuntimeError("somebody else is working on it")
        if claimed is Claimed.OURS:
            fulfil(record["body"])
    finally:
        release(order)


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
