"""Several threads that outlive the invocation, each with a client of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import boto3
from honest_orders import TABLE, failed, honest, order_of

mine = threading.local()
making = threading.Lock()
pool = ThreadPoolExecutor(max_workers=3)


def handler(event, context):
    return failed([record for record in pool.map(_rejected, event["Records"]) if record is not None])


def _rejected(record):
    try:
        _fulfil(record["body"])
    except Exception:  # noqa: BLE001 - whatever it was, the message comes back
        return record
    return None


def _fulfil(body):
    client = _client()
    with suppress(client.exceptions.ConditionalCheckFailedException):
        client.put_item(
            TableName=TABLE,
            Item={"order": {"S": order_of(body)}, "body": {"S": body}, "times": {"N": "1"}},
            ConditionExpression="attribute_not_exists(times)",
        )


def _client():
    if not hasattr(mine, "client"):
        with making:
            mine.client = boto3.client("dynamodb")
    return mine.client


consumer = honest(__file__)
