"""Opens a circuit breaker after a failure, and closes it never.

People believe: while something is wrong it is better not to try. What happens: nothing tries whether it still is. One
bad message, and this environment fails whatever comes after it, while a cold one beside it does the same work well.
"""

from typing import Any

from ..consumer import Claim
from .shop import fulfil_once, one_by_one, shop_consumer

__all__ = ["consumer", "handler"]

_failures: list[str] = []


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order while the circuit is closed; report the others."""
    is_open = bool(_failures)
    return one_by_one(event, lambda record: _work(record, is_open))


def _work(record: dict[str, Any], is_open: bool) -> None:
    if is_open:
        raise RuntimeError("the circuit is open")
    try:
        fulfil_once(record["body"])
    except Exception:
        _failures.append(record["messageId"])
        raise


consumer = shop_consumer(f"{__name__}:handler", claims=frozenset({Claim.IDEMPOTENT}))
