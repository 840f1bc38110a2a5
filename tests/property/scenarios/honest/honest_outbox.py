"""The order and its row in an outbox in one transaction, and only if the outbox has no such row yet."""

import boto3
from botocore.exceptions import ClientError
from honest_orders import TABLE, failed, honest, make_table, order_of

OUTBOX = "honest-outbox"

client = boto3.client("dynamodb")


def handler(event, context):
    rejected = []
    for record in event["Records"]:
        try:
            _fulfil(record["body"])
        except Exception:  # noqa: BLE001 - whatever it was, the message comes back
            rejected.append(record)
    return failed(rejected)


def _fulfil(body):
    order = {"S": order_of(body)}
    news = {"event": {"S": f"fulfilled#{order['S']}"}, "body": {"S": body}}
    try:
        client.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": OUTBOX,
                        "Item": news,
                        "ConditionExpression": "attribute_not_exists(event)",
                    }
                },
                {
                    "Update": {
                        "TableName": TABLE,
                        "Key": {"order": order},
                        "UpdateExpression": "SET body = :body ADD times :one",
                        "ExpressionAttributeValues": {":body": {"S": body}, ":one": {"N": "1"}},
                    }
                },
            ]
        )
    except ClientError as error:
        reasons = [reason["Code"] for reason in error.response.get("CancellationReasons", [])]
        if reasons[:1] != ["ConditionalCheckFailed"]:
            raise


def make_tables(aws):
    make_table(aws)
    aws.client("dynamodb").create_table(
        TableName=OUTBOX,
        KeySchema=[{"AttributeName": "event", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "event", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


consumer = honest(__file__, setup=make_tables)
