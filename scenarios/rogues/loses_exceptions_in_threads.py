"""Hands the work to a thread pool and never asks what became of it.

People believe: an exception in a thread comes out where the pool ends. What happens: it stays in its future until
somebody asks for the result. Nobody does, so everything that failed is acknowledged.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil the orders in a thread of their own."""
    failures = []
    with ThreadPoolExecutor(max_workers=1) as pool:
        for record in event["Records"]:
            try:
                pool.submit(fulfil_once, record["body"])
            except Exception:
                failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT}))
