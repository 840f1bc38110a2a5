"""Raises, which is right where a batch is one message."""

from honest_orders import fulfil_once, honest

from redrive.scenarios import QueueSpec


def handler(event, context):
    (record,) = event["Records"]
    fulfil_once(record["body"])


consumer = honest(__file__, queue=QueueSpec(batch_size=1, report_batch_item_failures=False))
