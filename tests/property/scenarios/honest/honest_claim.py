"""Claim, do, complete, with a lease that ends with the invocation, and released where the work fails."""

import time

from honest_orders import failed, fulfil_once, honest, order_of, orders


def handler(event, context):
    lease_ends_ms = int(time.time() * 1000) + context.get_remaining_time_in_millis()
    return failed([record for record in event["Records"] if not _is_done(record["body"], lease_ends_ms)])


def _is_done(body, lease_ends_ms):
    try:
        order = order_of(body)
        if not _claim(order, lease_ends_ms):
            return "times" in orders().get_item(Key={"order": order}, ConsistentRead=True).get("Item", {})
    except Exception:  # noqa: BLE001 - whatever it was, the message comes back
        return False
    try:
        fulfil_once(body)
    except Exception:  # noqa: BLE001 - whatever it was, the message comes back
        _release(order)
        return False
    return True


def _claim(order, lease_ends_ms):
    try:
        orders().update_item(
            Key={"order": order},
            UpdateExpression="SET lease_ends_ms = :ends",
            ConditionExpression=(
                "attribute_not_exists(times) AND (attribute_not_exists(lease_ends_ms) OR lease_ends_ms <= :now)"
            ),
            ExpressionAttributeValues={":ends": lease_ends_ms, ":now": int(time.time() * 1000)},
        )
    except orders().meta.client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _release(order):
    try:
        orders().update_item(Key={"order": order}, UpdateExpression="REMOVE lease_ends_ms")
    except Exception:  # noqa: BLE001 - the lease ends by itself
        print("not released")


consumer = honest(__file__)
