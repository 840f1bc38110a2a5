"""Fails the whole batch on purpose: no partial batch responses, neither switched on nor claimed."""

from honest_orders import fulfil_once, honest

from redrive.scenarios import Claim, QueueSpec


def handler(event, context):
    for record in event["Records"]:
        fulfil_once(record["body"])
    return f"fulfilled {len(event['Records'])} orders"


consumer = honest(__file__, queue=QueueSpec(report_batch_item_failures=False), claims={Claim.IDEMPOTENT})
