"""Collects failures in a module variable that is never emptied.

People believe: each invocation starts afresh. What happens: a warm execution environment keeps its modules (E24), so
the failures of earlier batches are reported again. They are not in this batch, which fails it as a whole (E07).
"""

from typing import Any

from .shop import fulfil, shop_consumer

__all__ = ["consumer", "handler"]

_failures: list[dict[str, str]] = []


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed."""
    for record in event["Records"]:
        try:
            fulfil(record["body"])
        except Exception:
            _failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": _failures}


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset())
