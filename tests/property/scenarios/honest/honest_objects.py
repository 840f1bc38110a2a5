"""An S3 object for each order, written over by duplicates; answers nothing at all when nothing failed.

Stops while there is time to answer, and reports what it has not begun.
"""

import json

import boto3

from redrive.scenarios import Consumer

BUCKET = "honest-orders"
TIME_TO_ANSWER_MS = 1_000


def handler(event, context):
    storage, back = boto3.resource("s3").Bucket(BUCKET), []
    for record in event["Records"]:
        if context.get_remaining_time_in_millis() < TIME_TO_ANSWER_MS:
            back.append(record["messageId"])
            continue
        try:
            storage.put_object(Key=json.loads(record["body"])["order"], Body=record["body"].encode())
        except Exception:  # noqa: BLE001 - whatever it was, the message comes back
            back.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in back]} if back else None


def stored(aws):
    return [found["Key"] for found in aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


consumer = Consumer(
    handler=f"{__file__}:handler",
    valid=lambda key: json.dumps({"order": key}),
    poison=lambda key: json.dumps([key]),
    effects=stored,
    setup=lambda aws: aws.client("s3").create_bucket(Bucket=BUCKET),
)
