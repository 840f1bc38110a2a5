"""The mark that every message carries, so that whoever sees it later knows who sent it, and when it was due."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Final

__all__ = ["ATTRIBUTE_NAME", "RUN_OPTION", "Mark", "new_run"]

ATTRIBUTE_NAME: Final = "redrive_load"
"""The message attribute (S04: a String) that bears the mark."""

RUN_OPTION: Final = "redrive_run"
"""Where the run's id is among Locust's parsed options, which the master sends to its workers with the test."""

_MARK: Final = re.compile(r"([0-9a-f]{8})\.([^.\s]+)\.(\d{1,19})\.(\d{1,19})", re.ASCII)


def new_run() -> str:
    """An id for a run: 8 hexadecimal digits."""
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """`<run>.<sender>.<number>.<due_at_ms>`: the `number`-th message (from 0, without gaps) of a sender in a run.

    `due_at_ms` is when it should have been sent (open model) or was sent (closed), by the sender's clock.
    """

    run: str
    sender: str
    number: int
    due_at_ms: int

    def __str__(self) -> str:
        return f"{self.run}.{self.sender}.{self.number}.{self.due_at_ms}"

    @classmethod
    def parse(cls, text: str) -> Mark | None:
        """The mark in an attribute's value; None if it is none."""
        found = _MARK.fullmatch(text)
        if found is None:
            return None
        run, sender, number, due_at_ms = found.groups()
        return cls(run=run, sender=sender, number=int(number), due_at_ms=int(due_at_ms))

    @property
    def key(self) -> str:
        """The business key of a message of ours that is no duplicate."""
        return f"{self.run}-{self.sender}-{self.number}"
