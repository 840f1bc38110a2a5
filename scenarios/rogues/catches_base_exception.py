"""Catches ``BaseException`` and tries again.

People believe: whatever it was, another try can only help. What happens: what was to stop it is caught too. Here that
is the time limit of an order, a ``BaseException`` as ``asyncio.CancelledError`` and gevent's ``Timeout`` are. The
function runs into its own timeout, and all neighbours come back.
"""

import time
from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, shop_consumer

__all__ = ["consumer", "handler"]

TIME_LIMIT_S = 10


class OutOfTime(BaseException):
    """The order has had its time. No ``Exception``, so that a retry does not catch it."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order within its time limit; report those that are not done then."""
    failures = []
    for record in event["Records"]:
        try:
            _fulfil_until(time.monotonic() + TIME_LIMIT_S, record["body"])
        except OutOfTime:
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def _fulfil_until(end_s: float, body: str) -> None:
    while True:
        try:
            if time.monotonic() > end_s:
                raise OutOfTime
            fulfil_once(body)
        except BaseException as error:
            print(f"trying again after {error!r}")
            time.sleep(2)
        else:
            return


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT}))
