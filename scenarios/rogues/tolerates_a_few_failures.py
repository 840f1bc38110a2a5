"""Reports failures if they are more than half of the batch.

People believe: a few bad messages are to be expected, and many mean that something is wrong. What happens: the few are
acknowledged. A message that fails alone and comes back is gone when it has enough good neighbours.
"""

from dataclasses import replace
from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed if they are many."""
    answer = one_by_one(event, lambda record: fulfil_once(record["body"]))
    if 2 * len(answer["batchItemFailures"]) > len(event["Records"]):
        return answer
    return {"batchItemFailures": []}


# It does not say what its effects are: that it fails a body alone and not in company is enough.
consumer = replace(shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.IDEMPOTENT})), effects=None)
