"""A session, resource and table of its own, all made at import, with credentials and retries of its own choosing."""

import os

import boto3
from boto3.dynamodb.conditions import Attr
from botocore.config import Config
from honest_orders import TABLE, failed, honest, order_of

session = boto3.session.Session(region_name=os.environ["AWS_REGION"])
config = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=1, read_timeout=1)
table = session.resource("dynamodb", config=config).Table(TABLE)


def handler(event, context):
    rejected = []
    for record in event["Records"]:
        try:
            table.put_item(
                Item={"order": order_of(record["body"]), "body": record["body"], "times": 1},
                ConditionExpression=Attr("times").not_exists(),
            )
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            continue
        except Exception:  # noqa: BLE001 - whatever it was, the message comes back
            rejected.append(record)
    return failed(rejected)


consumer = honest(__file__)
