"""Gathers coroutines without ``return_exceptions``.

People believe: each coroutine reports its own failure, so nothing more is needed. What happens: the first exception
comes out of ``gather``, ``asyncio.run`` ends and cancels those that are still waiting for their turn. Nobody reports
them, so they are acknowledged undone.
"""

import asyncio
from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, shop_consumer

__all__ = ["consumer", "handler"]

AT_A_TIME = 1

Failures = list[dict[str, str]]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil the orders, so many at a time; report those that failed."""
    failures: Failures = []
    try:
        asyncio.run(_all(event["Records"], failures))
    except Exception as error:
        print(f"failed: {error!r}")
    return {"batchItemFailures": failures}


async def _all(records: list[dict[str, Any]], failures: Failures) -> None:
    turn = asyncio.Semaphore(AT_A_TIME)
    await asyncio.gather(*(_one(record, failures, turn) for record in records))


async def _one(record: dict[str, Any], failures: Failures, turn: asyncio.Semaphore) -> None:
    async with turn:
        try:
            await asyncio.to_thread(fulfil_once, record["body"])
        except Exception:
            failures.append({"itemIdentifier": record["messageId"]})
            raise


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT}))
