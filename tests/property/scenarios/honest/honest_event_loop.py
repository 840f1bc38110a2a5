"""The event loop that a main thread has, for all invocations, as was done before there was ``asyncio.run``."""

import asyncio

from honest_orders import failed, fulfil_once, honest


def handler(event, context):
    return asyncio.get_event_loop().run_until_complete(_answer(event["Records"]))


async def _answer(records):
    return failed([record for record in records if not await _is_fulfilled(record["body"])])


async def _is_fulfilled(body):
    try:
        await asyncio.get_running_loop().run_in_executor(None, fulfil_once, body)
    except Exception:  # noqa: BLE001 - whatever it was, the message comes back
        return False
    return True


consumer = honest(__file__)
