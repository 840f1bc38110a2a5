"""A task group of coroutines, each with a try of its own, so that no failure cancels its neighbours."""

import asyncio

from honest_orders import failed, fulfil_once, honest

AT_A_TIME = 2


def handler(event, context):
    return asyncio.run(_answer(event["Records"]))


async def _answer(records):
    turn, rejected = asyncio.Semaphore(AT_A_TIME), []
    async with asyncio.TaskGroup() as group:
        for record in records:
            group.create_task(_fulfil(record, turn, rejected))
    return failed(rejected)


async def _fulfil(record, turn, rejected):
    async with turn:
        try:
            await asyncio.to_thread(fulfil_once, record["body"])
        except Exception:  # noqa: BLE001 - whatever it was, the message comes back
            rejected.append(record)


consumer = honest(__file__)
