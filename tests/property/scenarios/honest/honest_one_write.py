"""One conditional UpdateItem per order, by business key: idempotent in the database, without a ledger."""

from honest_orders import failed, fulfil_once, honest


def handler(event, context):
    rejected = []
    for record in event["Records"]:
        try:
            fulfil_once(record["body"])
        except Exception:  # noqa: BLE001 - whatever it was, the message comes back
            rejected.append(record)
    return failed(rejected)


consumer = honest(__file__)
