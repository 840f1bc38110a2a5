"""Coroutines that call boto3 as it is, and wait a little between two tries."""

import asyncio

from honest_orders import failed, fulfil_once, honest


def handler(event, context):
    return failed(asyncio.run(_rejected(event["Records"])))


async def _rejected(records):
    return [record for record in records if not await _fulfilled(record["body"])]


async def _fulfilled(body):
    for _ in range(2):
        try:
            fulfil_once(body)
        except Exception:  # noqa: BLE001 - tried again, or reported
            await asyncio.sleep(0.2)
        else:
            return True
    return False


consumer = honest(__file__)
