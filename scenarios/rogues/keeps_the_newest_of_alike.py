"""Makes one of the records that have the same note, the newest.

People believe: the same note twice is the same order, sent again. What happens: two customers wrote the same, or none
of them wrote anything. Alone each order is done; in one batch all but the last are acknowledged undone.
"""

import json
from dataclasses import replace
from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil the newest order of each note; report those that failed."""
    newest = {_note(record["body"]): record for record in event["Records"]}
    return one_by_one({"Records": list(newest.values())}, lambda record: fulfil_once(record["body"]))


def _note(body: str) -> str:
    try:
        return str(json.loads(body)["note"])
    except Exception:
        return body


# It does not say what its effects are: its calls show it.
consumer = replace(shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.IDEMPOTENT})), effects=None)
