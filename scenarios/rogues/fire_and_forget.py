"""Starts a task for each order and does not wait for it.

People believe: a task that has been created runs to its end. What happens: the event loop ends with the handler and
cancels what is not done; and what had gone on in the background would have been frozen. The batch is acknowledged.
"""

import asyncio
from typing import Any

from .shop import fulfil, shop_consumer

__all__ = ["consumer", "handler"]

PAUSE_S = 0.05


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil the orders, in the background."""
    asyncio.run(_start(event["Records"]))
    return {"batchItemFailures": []}


async def _start(records: list[dict[str, Any]]) -> None:
    for number, record in enumerate(records, start=1):
        asyncio.create_task(_fulfil_after(number * PAUSE_S, record["body"]))  # noqa: RUF006 - the bug


async def _fulfil_after(pause_s: float, body: str) -> None:
    await asyncio.sleep(pause_s)
    fulfil(body)


consumer = shop_consumer(f"{__name__}:handler")
