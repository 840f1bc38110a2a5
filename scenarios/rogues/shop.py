"""The shop that the rogues work for: a table of orders, its effects, and a consumer definition for a handler.

An order is a JSON object ``{"order": "…", "note": "…"}``. Fulfilling it adds 1 to ``times`` of its row, so that
doing it twice shows.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3

from ..consumer import Aws, Claim, Consumer, Effect, QueueSpec

__all__ = ["TABLE", "fulfil", "orders", "shop_consumer"]

TABLE = "orders"

_QUEUE = QueueSpec()


@cache
def _dynamodb() -> Any:
    return boto3.resource("dynamodb")


def orders() -> Any:
    """The DynamoDB table of orders."""
    return _dynamodb().Table(TABLE)


def fulfil(body: str) -> None:
    """The work: fulfil the order in ``body``. Raises ``ValueError`` or ``KeyError`` for a body that is no order."""
    order = json.loads(body)["order"]
    orders().update_item(
        Key={"order": order},
        UpdateExpression="SET body = :body ADD times :one",
        ExpressionAttributeValues={":body": body, ":one": 1},
    )


def shop_consumer(
    handler: str,
    *,
    queue: QueueSpec = _QUEUE,
    claims: frozenset[Claim] = frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS}),
) -> Consumer:
    """The consumer for a handler of the shop, given as ``module:attribute``."""
    return Consumer(
        handler=handler,
        valid=lambda key: json.dumps({"order": key, "note": "Größe 42, 1.10 €"}, ensure_ascii=False),
        poison=lambda key: f'{{"order": "{key}", ',
        effects=_effects,
        setup=_setup,
        queue=queue,
        claims=claims,
    )


def _setup(aws: Aws) -> None:
    aws.client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "order", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "order", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _effects(aws: Aws) -> Iterator[Effect]:
    for row in aws.client("dynamodb").scan(TableName=TABLE, ConsistentRead=True)["Items"]:
        for _ in range(int(row.get("times", {"N": "0"})["N"])):
            yield Effect(key=row["order"]["S"], body=row["body"]["S"])
