"""FIFO as AWS documents it: stop at the first failure and return all failed and unprocessed records.

It holds back the other message groups of the batch too, so it claims neither partial batches nor that nothing but
poison is dead-lettered.
"""

from honest_orders import failed, fulfil_once, honest

from redrive.scenarios import Claim, QueueSpec


def handler(event, context):
    records = event["Records"]
    for position, record in enumerate(records):
        try:
            fulfil_once(record["body"])
        except Exception:  # noqa: BLE001 - whatever it was, the message comes back
            return failed(records[position:])
    return failed([])


consumer = honest(__file__, queue=QueueSpec(fifo=True), claims={Claim.ORDERED, Claim.IDEMPOTENT})
