"""A sink for tests: a list.

Guarantee: none. The list ends with its execution environment, and a row is appended as often as it is written. A
crash after the effect and before completion is followed by the same effect again: at least once.
"""

from collections.abc import Mapping, MutableSequence, Sequence

from ..deadline import Deadline
from .sink import WRITTEN, Outcome, Row

__all__ = ["ROWS", "MemorySink"]

ROWS: list[Row] = []
"""What this execution environment has written when the environment variables choose this sink."""


class MemorySink:
    """Appends rows to the list it is given."""

    bulk = False

    def __init__(self, rows: MutableSequence[Row]) -> None:
        self._rows = rows

    def write(self, rows: Sequence[Row], *, owner: str, deadline: Deadline) -> Mapping[str, Outcome]:  # noqa: ARG002
        """See `Sink.write`."""
        self._rows.extend(rows)
        return {row.business_key: WRITTEN for row in rows}
