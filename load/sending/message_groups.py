"""The message groups of a sender. Who sends to one has it alone meanwhile, so that order within it is kept (S18)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue

__all__ = ["MessageGroups"]


class MessageGroups:
    """`group-0` to `group-<count - 1>`, handed out in turn; the same for every sender."""

    def __init__(self, count: int) -> None:
        self._free: Queue[str] = Queue()
        for place in range(count):
            self._free.put(f"group-{place}")

    @contextmanager
    def taken(self, most: int) -> Iterator[list[str]]:
        """Some groups that nobody else has, 1 to `most`. Waits until there is one."""
        groups = [self._free.get()]
        try:
            while len(groups) < most:
                groups.append(self._free.get_nowait())
        except Empty:
            pass
        try:
            yield groups
        finally:
            for group in groups:
                self._free.put(group)
