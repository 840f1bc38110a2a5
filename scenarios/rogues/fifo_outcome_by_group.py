"""Keeps one outcome for each message group.

People believe: a group is worked on in order, so its last outcome says how it went. What happens: a message that is
done wipes out the failure before it. The one that failed is acknowledged.
"""

from typing import Any

from ..consumer import Claim, QueueSpec
from .shop import fulfil_once, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; report the message groups that failed."""
    done = {}
    for record in event["Records"]:
        try:
            fulfil_once(record["body"])
        except Exception as error:
            print(f"failed: {error!r}")
            done[_group(record)] = False
        else:
            done[_group(record)] = True
    return {
        "batchItemFailures": [
            {"itemIdentifier": record["messageId"]} for record in event["Records"] if not done[_group(record)]
        ]
    }


def _group(record: dict[str, Any]) -> str:
    group: str = record["attributes"]["MessageGroupId"]
    return group


consumer = shop_consumer(
    f"{__name__}:handler", queue=QueueSpec(fifo=True), claims=frozenset({Claim.IDEMPOTENT, Claim.ORDERED})
)
