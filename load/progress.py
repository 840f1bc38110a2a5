"""What goes on, told on standard error: one line that changes on a terminal, else a line for each change."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape

__all__ = ["Progress"]


class Progress:
    """Tells each thing once."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("", spinner="dots")
        self._last = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def say(self, what: str) -> None:
        """What is going on now."""
        if what == self._last:
            return
        self._last = what
        if self._console.is_terminal:
            self._status.update(escape(what))
        else:
            self._console.print(what, markup=False, soft_wrap=True)
