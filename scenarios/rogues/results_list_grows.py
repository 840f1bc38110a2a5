"""Keeps the results in a module list that grows, and reads it from the beginning.

People believe: the list is as long as the batch. What happens: a warm execution environment keeps it (E24), so from the
second batch on the results of the first one are read. What failed is acknowledged, or what was done comes back.
"""

from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, shop_consumer

__all__ = ["consumer", "handler"]

_results: list[bool] = []


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed."""
    for record in event["Records"]:
        try:
            fulfil_once(record["body"])
        except Exception:
            _results.append(False)
        else:
            _results.append(True)
    results = zip(event["Records"], _results, strict=False)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record, done in results if not done]}


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.IDEMPOTENT, Claim.DEAD_LETTERS}))
