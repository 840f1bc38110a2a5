"""Answers with partial batch responses; the mapping was made without ``ReportBatchItemFailures``.

People believe: the response says which messages failed. What happens: the mapping does not read it. Any normal return
is success of the whole batch, so the failed messages are deleted (E08).
"""

from typing import Any

from ..consumer import QueueSpec
from .shop import fulfil, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report those that failed."""
    return one_by_one(event, lambda record: fulfil(record["body"]))


consumer = shop_consumer(f"{__name__}:handler", queue=QueueSpec(report_batch_item_failures=False), claims=frozenset())
