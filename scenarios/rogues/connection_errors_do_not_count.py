"""Lets connection errors pass.

People believe: the connection will be back in a moment, and the SDK tries again. What happens: the SDK has tried and
has given up, which is why there is an error. Nothing was written, and the message is acknowledged.
"""

from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError

from ..consumer import Claim
from .shop import fulfil_once, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed for good."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    try:
        fulfil_once(record["body"])
    except BotoCoreError as error:
        print(f"a moment please: {error!r}")


# It does not say what its effects are: its calls show it.
consumer = replace(
    shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT})), effects=None
)
