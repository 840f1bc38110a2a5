"""FIFO by message group: after a failure the rest of the group goes back unprocessed, and the other groups go on."""

from itertools import groupby

from honest_orders import EVERYTHING, failed, fulfil_once, honest

from redrive.scenarios import Claim, QueueSpec


def handler(event, context):
    rejected = []
    for _, records in groupby(sorted(event["Records"], key=_group), key=_group):
        rejected += _rejected(list(records))
    return failed(rejected)


def _group(record):
    return record["attributes"]["MessageGroupId"]


def _rejected(records):
    for position, record in enumerate(records):
        try:
            fulfil_once(record["body"])
        except Exception:  # noqa: BLE001 - whatever it was, the message comes back
            return records[position:]
    return []


consumer = honest(__file__, queue=QueueSpec(fifo=True), claims=EVERYTHING | {Claim.ORDERED})
