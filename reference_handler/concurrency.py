"""Doing the same thing to many items at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["concurrently"]

T = TypeVar("T")


def concurrently(function: Callable[[T], None], items: Sequence[T], *, max_workers: int) -> None:
    """Call `function` on every item, at most `max_workers` at a time; return when all have returned.

    One worker means the calling thread and the order of the items. An error of `function` is raised here.
    """
    if max_workers == 1 or len(items) <= 1:
        for item in items:
            function(item)
        return
    with ThreadPoolExecutor(max_workers=min(max_workers, len(items))) as executor:
        for _ in executor.map(function, items):
            pass
