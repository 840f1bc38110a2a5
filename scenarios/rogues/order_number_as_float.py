"""Reads order numbers as floats.

People believe: a float holds any number, and some producers write ``12.0``. What happens: beyond 2**53 a float holds
every other integer only. The order is filed under a number that was never sent, or over its neighbour's.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..consumer import Aws, Effect
from .shop import TABLE, fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]

BEFORE_FIRST = 2**53


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order, under its number."""
    return one_by_one(event, lambda record: fulfil(record["body"], order=_number_of(record["body"])))


def _number_of(body: str) -> str:
    return str(int(float(json.loads(body)["order"])))


def _valid(key: str) -> str:
    return json.dumps({"order": BEFORE_FIRST + int(key.removeprefix("key-"))})


def _effects(aws: Aws) -> Iterator[Effect]:
    for row in aws.client("dynamodb").scan(TableName=TABLE, ConsistentRead=True)["Items"]:
        key = f"key-{int(row['order']['S']) - BEFORE_FIRST}"
        for _ in range(int(row["times"]["N"])):
            yield Effect(key=key, body=row["body"]["S"])


consumer = replace(shop_consumer(f"{__name__}:handler"), valid=_valid, effects=_effects)
