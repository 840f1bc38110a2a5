"""Sorts out the unreadable, works on the rest, and matches its results with the whole batch.

People believe: the first result belongs to the first record. What happens: it belongs to the first that could be read.
Once one has been sorted out, each failure is put down to a record further ahead, and what failed is acknowledged.
"""

import json
from typing import Any

from hypothesis import strategies as st

from ..consumer import Claim
from .shop import fulfil_once, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order that can be read and has a note; report the others."""
    readable = [record for record in event["Records"] if _is_json(record["body"])]
    failed = [record for record in event["Records"] if record not in readable]
    results = [_is_fulfilled(record["body"]) for record in readable]
    failed += [record for record, done in zip(event["Records"], results, strict=False) if not done]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def _is_json(body: str) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _is_fulfilled(body: str) -> bool:
    try:
        if "note" not in json.loads(body):
            return False
        fulfil_once(body)
    except Exception:
        return False
    return True


def _poison(key: str) -> st.SearchStrategy[str]:
    return st.sampled_from([json.dumps({"order": key}), f'{{"order": "{key}", '])


consumer = shop_consumer(
    f"{__name__}:handler", poison=_poison, claims=frozenset({Claim.IDEMPOTENT, Claim.DEAD_LETTERS})
)
