"""Reports the messages that were done.

People believe: the response is the list of what was processed. What happens: it is the list of what failed. What was
done comes back to be done again, and what failed is deleted.
"""

from typing import Any

from ..consumer import Claim
from .shop import fulfil, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order; list the results."""
    done = []
    for record in event["Records"]:
        try:
            fulfil(record["body"])
        except Exception as error:
            print(f"could not fulfil: {error!r}")
        else:
            done.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": done}


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.PARTIAL_BATCH}))
