"""Parses the whole batch before it looks after failures.

People believe: what can go wrong is the write, so that is where the ``try`` is. What happens: one body that is no JSON
raises before the first order is looked at. All its neighbours come back, and go to the dead-letter queue with it.
"""

import json
from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed."""
    parsed = [(record, json.loads(record["body"])) for record in event["Records"]]
    with_note = [record for record, order in parsed if "note" in order]
    return one_by_one({"Records": with_note}, lambda record: fulfil_once(record["body"]))


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT}))
