"""Looks at its time once, at the beginning of the batch.

People believe: who has time for the batch has time for each of it. What happens: the service is slow today. The time is
up in the middle of the batch, the process is killed, and what was done comes back with what was not.
"""

from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]

ENOUGH_MS = 5_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order if there is time; report the others."""
    is_late = context.get_remaining_time_in_millis() < ENOUGH_MS

    def work(record: dict[str, Any]) -> None:
        if is_late:
            raise TimeoutError("no time left for this one")
        fulfil_once(record["body"])

    return one_by_one(event, work)


consumer = shop_consumer(
    f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH, Claim.IDEMPOTENT, Claim.DEADLINE_AWARE})
)
