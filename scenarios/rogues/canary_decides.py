"""Tries the first record to see whether all is well, and gives the whole batch back if it is not.

People believe: if the first one fails, something is down that the others need too. What happens: the first one is bad
and nothing is down. It is chance who comes first on a standard queue, and so it is who goes to the dead-letter queue
with it.
"""

from dataclasses import replace
from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order if the first one can be; report those that failed, or all."""
    first = one_by_one({"Records": event["Records"][:1]}, _work)
    if first["batchItemFailures"]:
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}
    return one_by_one({"Records": event["Records"][1:]}, _work)


def _work(record: dict[str, Any]) -> None:
    fulfil_once(record["body"])


# It does not say what its effects are: that the order of the records matters is enough.
consumer = replace(shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.IDEMPOTENT})), effects=None)
