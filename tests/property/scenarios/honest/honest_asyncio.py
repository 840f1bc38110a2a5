"""The records of a batch as coroutines of one event loop, the calls in its threads."""

import asyncio

from honest_orders import failed, fulfil_once, honest


def handler(event, context):
    return failed(asyncio.run(_rejected(event["Records"])))


async def _rejected(records):
    results = await asyncio.gather(
        *(asyncio.to_thread(fulfil_once, record["body"]) for record in records), return_exceptions=True
    )
    return [record for record, result in zip(records, results, strict=True) if isinstance(result, Exception)]


consumer = honest(__file__)
