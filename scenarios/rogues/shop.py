"""The shop that the rogues work for: a table of orders, its effects, and a consumer definition for a handler.

An order is a JSON object ``{"order": "…", "note": "…"}``. Fulfilling it adds 1 to ``times`` of its row, so that
doing it twice shows. What is here is right; each rogue puts its one bug around it.
"""

import json
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from ..consumer import Aws, Body, Claim, Consumer, Effect, QueueSpec

__all__ = [
    "BODY_BYTES_MAX",
    "MAX_RECEIVE_COUNT",
    "TABLE",
    "VISIBILITY_TIMEOUT_S",
    "Claimed",
    "claim",
    "fulfil",
    "fulfil_once",
    "in_order",
    "one_by_one",
    "order_of",
    "orders",
    "release",
    "shop_consumer",
]

TABLE = "orders"
VISIBILITY_TIMEOUT_S = 300
MAX_RECEIVE_COUNT = 3
BODY_BYTES_MAX = 350_000  # a row of DynamoDB has 400 KB, names and numbers included

_QUEUE = QueueSpec(visibility_timeout_s=VISIBILITY_TIMEOUT_S, max_receive_count=MAX_RECEIVE_COUNT)

Record = dict[str, Any]
Work = Callable[[Record], object]


@cache
def _dynamodb() -> Any:
    # This module is not imported afresh for each run. A client that retries would remember from one run to the next how
    # often it had to.
    return boto3.resource("dynamodb", config=Config(retries={"total_max_attempts": 1}))


def orders() -> Any:
    """The DynamoDB table of orders."""
    return _dynamodb().Table(TABLE)


def order_of(body: str) -> str:
    """The order that a body is about. Raises ``ValueError`` or ``KeyError`` for a body that is no order."""
    order: str = json.loads(body)["order"]
    return order


def fulfil(body: str, order: str | None = None) -> None:
    """The work: fulfil the order in ``body``, once more if it is done already. Raises as :func:`order_of` does."""
    orders().update_item(
        Key={"order": order_of(body) if order is None else order},
        UpdateExpression="SET body = :body ADD times :one",
        ExpressionAttributeValues={":body": body, ":one": 1},
    )


def fulfil_once(body: str) -> None:
    """The work done right: one conditional write does it and records that it is done. A duplicate changes nothing."""
    try:
        orders().update_item(
            Key={"order": order_of(body)},
            UpdateExpression="SET body = :body, times = :one REMOVE lease_ends_s",
            ConditionExpression="attribute_not_exists(times)",
            ExpressionAttributeValues={":body": body, ":one": 1},
        )
    except orders().meta.client.exceptions.ConditionalCheckFailedException:
        print("a duplicate")


class Claimed(StrEnum):
    """What a try to claim an order came to."""

    OURS = "ours"
    LEASED = "leased by somebody else"
    DONE = "done already"


def claim(order: str, *, lease_s: int) -> Claimed:
    """Claim an order for ``lease_s`` seconds from now, unless it is done or somebody else's claim still lasts."""
    now_s = int(time.time())
    try:
        orders().update_item(
            Key={"order": order},
            UpdateExpression="SET lease_ends_s = :ends",
            ConditionExpression=(
                "attribute_not_exists(times) AND (attribute_not_exists(lease_ends_s) OR lease_ends_s <= :now)"
            ),
            ExpressionAttributeValues={":ends": now_s + lease_s, ":now": now_s},
        )
    except orders().meta.client.exceptions.ConditionalCheckFailedException:
        row = orders().get_item(Key={"order": order}, ConsistentRead=True)["Item"]
        return Claimed.DONE if "times" in row else Claimed.LEASED
    return Claimed.OURS


def release(order: str) -> None:
    """Give a claim back, so that a retry need not wait for its end."""
    orders().update_item(Key={"order": order}, UpdateExpression="REMOVE lease_ends_s")


def one_by_one(event: dict[str, Any], work: Work) -> dict[str, Any]:
    """A partial batch response done right: what failed is reported, whatever it was and whoever its neighbours are."""
    failures = []
    for record in event["Records"]:
        try:
            work(record)
        except Exception as error:
            print(f"failed: {error!r}")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def in_order(event: dict[str, Any], work: Work) -> dict[str, Any]:
    """The same for a FIFO queue: after a failure the rest of its message group goes back unprocessed (E18)."""
    stopped = set()

    def unless_stopped(record: Record) -> None:
        group = record["attributes"]["MessageGroupId"]
        if group in stopped:
            raise RuntimeError("an earlier message of the group failed")
        try:
            work(record)
        except Exception:
            stopped.add(group)
            raise

    return one_by_one(event, unless_stopped)


def _valid(key: str) -> str:
    return json.dumps({"order": key, "note": "Größe 42, 1.10 €"}, ensure_ascii=False) + "\n"


def _poison(key: str) -> str:
    return f'{{"order": "{key}", '


def shop_consumer(
    handler: str,
    *,
    queue: QueueSpec = _QUEUE,
    claims: frozenset[Claim] = frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS}),
    poison: Callable[[str], Body] = _poison,
) -> Consumer:
    """The consumer for a handler of the shop, given as ``module:attribute``."""
    return Consumer(
        handler=handler,
        valid=_valid,
        poison=poison,
        effects=_effects,
        setup=_setup,
        queue=queue,
        claims=claims,
        body_bytes_max=BODY_BYTES_MAX,
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
