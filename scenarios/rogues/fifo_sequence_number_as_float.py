"""Compares sequence numbers as floats, to skip what it has done.

People believe: a sequence number is a number. What happens: it has twenty digits (S20), a float has sixteen. Neighbours
become equal, and the message behind one that was done counts as done itself.
"""

from typing import Any

from ..consumer import Claim, QueueSpec
from .shop import fulfil_once, in_order, shop_consumer

__all__ = ["consumer", "handler"]

_furthest: dict[str, float] = {}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that is further on than the last of its message group."""
    return in_order(event, _work)


def _work(record: dict[str, Any]) -> None:
    group, number = record["attributes"]["MessageGroupId"], float(record["attributes"]["SequenceNumber"])
    if number <= _furthest.get(group, 0.0):
        print("a duplicate")
        return
    fulfil_once(record["body"])
    _furthest[group] = number


consumer = shop_consumer(
    f"{__name__}:handler", queue=QueueSpec(fifo=True), claims=frozenset({Claim.IDEMPOTENT, Claim.ORDERED})
)
