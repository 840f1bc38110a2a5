"""Works in chunks of five, and counts them by whole division.

People believe: ten records are two chunks. What happens: nine are one chunk and four records that no chunk has. They
are acknowledged unread, and no test with a full batch will ever show it.
"""

from typing import Any

from .shop import fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]

CHUNK = 5


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil the orders chunk by chunk; report those that failed."""
    records, failures = event["Records"], []
    for number in range(len(records) // CHUNK):
        chunk = records[number * CHUNK : (number + 1) * CHUNK]
        failures += one_by_one({"Records": chunk}, lambda record: fulfil(record["body"]))["batchItemFailures"]
    return {"batchItemFailures": failures}


consumer = shop_consumer(f"{__name__}:handler")
