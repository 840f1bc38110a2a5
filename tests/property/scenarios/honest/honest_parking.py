"""Parks what it cannot read in a place of its own, instead of the dead-letter queue: that is where its effect is."""

import re

from honest_orders import failed, fulfil_once, honest, orders

from redrive.scenarios import Claim


def handler(event, context):
    rejected = []
    for record in event["Records"]:
        try:
            try:
                fulfil_once(record["body"])
            except ValueError:
                _park(record["body"])
        except Exception:  # noqa: BLE001 - whatever it was, the message comes back
            rejected.append(record)
    return failed(rejected)


def _park(body):
    (order,) = re.findall(r'"order": "([^"]*)"', body)
    orders().put_item(Item={"order": order, "body": body, "times": 1, "parked": True})


consumer = honest(__file__, claims={Claim.PARTIAL_BATCH, Claim.IDEMPOTENT})
