"""Careless about what a message or an event looks like, and how large it is."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import boto3

from redrive.scenarios.consumer import Claim
from redrive.scenarios.rogues.shop import fulfil_once, one_by_one, orders, shop_consumer

PROMISED = frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS, Claim.IDEMPOTENT})


@dataclass
class Record:
    messageId: str  # noqa: N815
    receiptHandle: str  # noqa: N815
    body: str
    attributes: dict[str, str]
    messageAttributes: dict[str, Any]  # noqa: N815
    md5OfBody: str  # noqa: N815
    eventSource: str  # noqa: N815
    eventSourceARN: str  # noqa: N815
    awsRegion: str  # noqa: N815
    md5OfMessageAttributes: str = ""  # noqa: N815


def takes_known_fields_only(event, context):
    """Believes that the fields of a record are these for good."""
    return one_by_one(event, lambda record: fulfil_once(Record(**record).body))


def reads_binary_as_text(event, context):
    """Believes that binary message attributes are UTF-8."""

    def work(record):
        for attribute in record["messageAttributes"].values():
            if "binaryValue" in attribute:
                base64.b64decode(attribute["binaryValue"]).decode()
        fulfil_once(record["body"])

    return one_by_one(event, work)


def cuts_long_bodies(event, context):
    """Believes that nobody sends more than 256 KiB."""
    return one_by_one(event, lambda record: fulfil_once(record["body"][: 256 * 1024]))


def logs_the_batch_first(event, context):
    """Believes that a batch fits into an item."""
    text = json.dumps(event, ensure_ascii=False)
    if len(text) > 5_000_000:
        raise ValueError("the log takes 5 MB at most")
    return one_by_one(event, lambda record: fulfil_once(record["body"]))


def takes_no_envelope(event, context):
    """Believes that all bodies are orders, and reads them before it begins."""
    wanted = [json.loads(record["body"])["order"] for record in event["Records"]]
    assert len(wanted) == len(event["Records"])
    return one_by_one(event, lambda record: fulfil_once(record["body"]))


_failures: list[dict[str, str]] = []


def answers_with_the_last_failures(event, context):
    """Believes that there is a record in every event, which makes the list anew."""
    for number, record in enumerate(event["Records"]):
        if number == 0:
            _failures.clear()
        _failures.extend(
            one_by_one({"Records": [record]}, lambda record: fulfil_once(record["body"]))["batchItemFailures"]
        )
    return {"batchItemFailures": list(_failures)}


def resolves_nothing(event, context):
    """Believes that somebody else resolves pointers."""
    return one_by_one(event, lambda record: fulfil_once(record["body"]))


def resolved(body: str) -> str:
    value = json.loads(body)
    if not isinstance(value, list):
        return body
    found = boto3.client("s3").get_object(Bucket=value[1]["s3BucketName"], Key=value[1]["s3Key"])
    text: str = found["Body"].read().decode()
    return text


def resolves_any_bucket(event, context):
    """Believes that whatever is pointed to is meant for it."""
    return one_by_one(event, lambda record: fulfil_once(resolved(record["body"])))


def skips_what_is_missing(event, context):
    """Believes that a missing object was worked on and removed."""

    def work(record):
        try:
            body = resolved(record["body"])
        except boto3.client("s3").exceptions.NoSuchKey:
            return
        fulfil_once(body)

    return one_by_one(event, work)


def one_item_for_the_batch(event, context):
    """Believes that there are never more than 25 records."""
    return one_by_one({"Records": event["Records"][:25]}, lambda record: fulfil_once(record["body"]))


def resolves_its_own_bucket(event, context):
    """Right: takes pointers into its own bucket only."""

    def work(record):
        value = json.loads(record["body"])
        if isinstance(value, list) and value[1]["s3BucketName"] != "redrive-large-bodies":
            raise ValueError("not our bucket")
        fulfil_once(resolved(record["body"]))

    return one_by_one(event, work)


def rows():
    return orders().scan()["Items"]


def consumer_of(name, **options):
    return shop_consumer(f"{__file__}:{name}", claims=options.pop("claims", PROMISED), **options)
