"""Reports failures by receipt handle.

People believe: a delivery is known by its receipt handle, as in ``DeleteMessage``. What happens: the mapping wants the
message id. An identifier that it does not know fails the whole batch (E07).
"""

from typing import Any

from .shop import fulfil, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed."""
    failures = []
    for record in event["Records"]:
        try:
            fulfil(record["body"])
        except Exception:
            failures.append({"itemIdentifier": record["receiptHandle"]})
    return {"batchItemFailures": failures}


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset())
