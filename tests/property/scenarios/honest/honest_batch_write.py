"""Writes the batch at once at the end, and reports what stays unprocessed. A put by key is idempotent."""

import time
from dataclasses import replace

import boto3
from honest_orders import TABLE, failed, honest, order_of

client = boto3.client("dynamodb")


def handler(event, context):
    rejected, readable = [], {}
    for record in event["Records"]:
        try:
            readable.setdefault(order_of(record["body"]), []).append(record)
        except Exception:  # noqa: BLE001 - whatever it was, the message comes back
            rejected.append(record)
    unwritten = _write({order: records[0]["body"] for order, records in readable.items()})
    return failed(rejected + [record for order in unwritten for record in readable[order]])


def _write(bodies):
    left = [
        {"PutRequest": {"Item": {"order": {"S": order}, "body": {"S": body}, "times": {"N": "1"}}}}
        for order, body in bodies.items()
    ]
    for wait_s in (0, 0.1, 0.4):
        if not left:
            break
        time.sleep(wait_s)
        try:
            left = client.batch_write_item(RequestItems={TABLE: left})["UnprocessedItems"].get(TABLE, [])
        except client.exceptions.ClientError:
            continue
        except Exception:  # noqa: BLE001 - whatever it was, the message comes back
            break
    return [put["PutRequest"]["Item"]["order"]["S"] for put in left]


# One item that is too large refuses the whole batch, so it says nothing of large bodies.
consumer = replace(honest(__file__), body_bytes_max=None)
