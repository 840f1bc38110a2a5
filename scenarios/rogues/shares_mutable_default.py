"""Collects the lines of a body in a default argument.

People believe: a default is made anew for each call. What happens: it is made once, with the function. Every order
carries the lines of all orders before it, those of earlier invocations included.
"""

from typing import Any

from .shop import fulfil, one_by_one, order_of, shop_consumer

__all__ = ["consumer", "handler"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Fulfil each order, line by line."""
    return one_by_one(event, lambda record: _fulfil(record["body"]))


def _fulfil(body: str, lines: list[str] = []) -> None:  # noqa: B006 - the bug
    order = order_of(body)
    lines.extend(body.splitlines(keepends=True))
    fulfil("".join(lines), order=order)


consumer = shop_consumer(f"{__name__}:handler")
