"""Logs: one JSON object on one line for each record, one for each batch, and one for a reply that was not sent.

Written to standard output, which Lambda takes up as it is. The `logging` module is left alone: Lambda puts a handler
on its root logger, and a second one would print every line twice. No line holds a body or the value of an attribute.
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from .config import LogLevel
from .items import Fate, Item

__all__ = ["Log"]

_KEY_CHARS_MAX = 256
_SEVERITY = {level: position for position, level in enumerate(LogLevel)}


class Log:
    """Writes the lines of one invocation that are of `level` or above."""

    def __init__(self, *, level: LogLevel, request_id: str) -> None:
        self._level = level
        self._request_id = request_id

    def record(self, item: Item) -> None:
        """The line of a record: its `outcome` and, where there is more to say, the `reason`."""
        assert item.fate is not None
        # A success with a reason, other than a duplicate's, is a ledger that could not be told.
        expected = item.fate is Fate.DUPLICATE or (item.fate is Fate.PROCESSED and item.reason is None)
        self._write(
            LogLevel.INFO if expected else LogLevel.WARNING,
            event="record",
            message_id=item.received.message_id,
            business_key=None if item.key is None else item.key[:_KEY_CHARS_MAX],
            message_group=item.received.message_group,
            receive_count=item.received.receive_count,
            outcome=item.fate,
            reason=item.reason,
        )

    def batch(self, items: Sequence[Item], *, duration_ms: int, cold_start: bool) -> None:
        """The line of a batch. `cold_start` is true for the first batch of an execution environment."""
        fates = Counter(item.fate for item in items)
        self._write(
            LogLevel.INFO,
            event="batch",
            records=len(items),
            processed=fates[Fate.PROCESSED],
            duplicates=fates[Fate.DUPLICATE],
            failed=fates[Fate.FAILED],
            unprocessed=fates[Fate.UNPROCESSED],
            duration_ms=duration_ms,
            cold_start=cold_start,
        )

    def no_reply(self, reason: str) -> None:
        """The line of a reply that was not sent."""
        self._write(LogLevel.WARNING, event="reply", outcome="failed", reason=reason)

    def _write(self, level: LogLevel, **fields: Any) -> None:
        if _SEVERITY[level] < _SEVERITY[self._level]:
            return
        line = json.dumps({"level": level, "request_id": self._request_id, **fields})
        # One write for the whole line, so that lines do not mix; found anew each time, so that it can be redirected.
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
