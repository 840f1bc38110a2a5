"""All orders of a batch in one transaction; if that fails, each half of them, down to the one that is at fault."""

import boto3
from honest_orders import TABLE, failed, honest, order_of


def handler(event, context):
    return failed(_rejected(event["Records"]))


def _rejected(records):
    if not records:
        return []
    try:
        _fulfil_all(records)
    except Exception:  # noqa: BLE001 - whatever it was, the message comes back
        if len(records) == 1:
            return records if not _is_there(records[0]) else []
        half = len(records) // 2
        return _rejected(records[:half]) + _rejected(records[half:])
    return []


def _fulfil_all(records):
    writes = [
        {
            "Put": {
                "TableName": TABLE,
                "Item": {"order": {"S": order_of(record["body"])}, "body": {"S": record["body"]}, "times": {"N": "1"}},
                "ConditionExpression": "attribute_not_exists(times)",
            }
        }
        for record in records
    ]
    boto3.client("dynamodb").transact_write_items(TransactItems=writes)


def _is_there(record):
    try:
        key = {"order": {"S": order_of(record["body"])}}
        return "Item" in boto3.client("dynamodb").get_item(TableName=TABLE, Key=key, ConsistentRead=True)
    except Exception:  # noqa: BLE001 - whatever it was, the message comes back
        return False


consumer = honest(__file__)
