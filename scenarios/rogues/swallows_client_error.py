"""Catches ``ClientError`` where it means a condition that was not met.

People believe: the one thing that can go wrong with a conditional write is its condition. What happens: ``ClientError``
is everything that AWS answers with an error, a refused value, a throttle, a missing permission. All of it is taken for
a duplicate and acknowledged.
"""

import json
from typing import Any

from botocore.exceptions import ClientError

from ..consumer import Claim
from .shop import one_by_one, order_of, orders, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that is not there yet; report those that failed."""
    return one_by_one(event, _work)


def _work(record: dict[str, Any]) -> None:
    try:
        orders().put_item(
            Item={"order": order_of(record["body"]), "body": record["body"], "times": 1},
            ConditionExpression="attribute_not_exists(times)",
        )
    except ClientError:
        print("a duplicate")


consumer = shop_consumer(
    f"{__name__}:handler",
    # DynamoDB refuses a key that is empty.
    poison=lambda key: json.dumps({"order": "", "note": f"for {key}"}),
    claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS}),
)
