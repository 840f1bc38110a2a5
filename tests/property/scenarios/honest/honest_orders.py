"""What the honest handlers share: a table of orders that counts how often each was fulfilled, and a consumer of it."""

import json
from functools import cache

import boto3

from redrive.scenarios import Claim, Consumer, Effect, QueueSpec

TABLE = "honest-orders"
EVERYTHING = frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEAD_LETTERS})


@cache
def orders():
    return boto3.resource("dynamodb").Table(TABLE)


def order_of(body):
    order = json.loads(body)["order"]
    if not isinstance(order, str) or not order:
        raise ValueError("an order has a number")
    return order


def fulfil_once(body):
    """One conditional write by business key. A duplicate changes nothing, and is no failure."""
    try:
        orders().update_item(
            Key={"order": order_of(body)},
            UpdateExpression="SET body = :body, times = :one REMOVE lease_ends_ms",
            ConditionExpression="attribute_not_exists(times)",
            ExpressionAttributeValues={":body": body, ":one": 1},
        )
    except orders().meta.client.exceptions.ConditionalCheckFailedException:
        pass


def failed(records):
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in records]}


def make_table(aws):
    aws.client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "order", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "order", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def fulfilled(aws):
    for row in aws.client("dynamodb").scan(TableName=TABLE)["Items"]:
        for _ in range(int(row.get("times", {"N": "0"})["N"])):
            yield Effect(key=row["order"]["S"], body=row["body"]["S"])


def valid(key):
    return json.dumps({"order": key, "note": "Größe 42"})


def poison(key):
    return f'{{"order": "{key}", '


def honest(path, *, queue=QueueSpec(), claims=EVERYTHING, setup=make_table):  # noqa: B008 - a frozen value
    return Consumer(
        handler=f"{path}:handler",
        valid=valid,
        poison=poison,
        effects=fulfilled,
        setup=setup,
        queue=queue,
        claims=claims,
        # A row of DynamoDB has 400 KB, names and numbers included.
        body_bytes_max=350_000,
    )
