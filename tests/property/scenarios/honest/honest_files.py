"""Goes by way of files: a folder for each batch, a file for each order, uploaded from there and cleaned up."""

import shutil
import tempfile
from pathlib import Path

import boto3
from honest_orders import EVERYTHING, failed, order_of, poison, valid

from redrive.scenarios import Consumer, Effect

BUCKET = "honest-files"

client = boto3.client("s3")


def handler(event, context):
    folder, rejected = Path(tempfile.mkdtemp(prefix="honest-")), []
    try:
        for number, record in enumerate(event["Records"]):
            file = folder / f"{number}.json"
            try:
                file.write_bytes(record["body"].encode())
                order = order_of(file.read_text("utf-8"))
                client.upload_file(str(file), BUCKET, f"{order}.json")
            except Exception:  # noqa: BLE001 - whatever it was, the message comes back
                rejected.append(record)
    finally:
        shutil.rmtree(folder)
    return failed(rejected)


def stored(aws):
    for found in aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", []):
        body = aws.client("s3").get_object(Bucket=BUCKET, Key=found["Key"])["Body"].read().decode()
        yield Effect(key=found["Key"].removesuffix(".json"), body=body)


consumer = Consumer(
    handler=f"{__file__}:handler",
    valid=valid,
    poison=poison,
    effects=stored,
    setup=lambda aws: aws.client("s3").create_bucket(Bucket=BUCKET),
    claims=EVERYTHING,
)
