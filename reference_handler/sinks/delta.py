"""A sink that merges rows into a local Delta table.

Guarantee: one row for each business key, whatever happens. A batch is one commit, which is there or not; a row whose
key the table has is not inserted again. So a crash after the effect and before completion costs nothing: the retry
merges, and inserts nothing. A table has no order of its own: `attributes` holds the sequence number of FIFO messages.

Needs the packages `deltalake` and `arro3-core`, which are imported when the sink is made.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..deadline import Deadline
from .sink import WRITTEN, Outcome, Row, failed

if TYPE_CHECKING:
    from deltalake import DeltaTable

__all__ = ["ATTEMPTS_MAX", "DeltaSink"]

ATTEMPTS_MAX = 30
"""Commits lost to other writers, some 40 ms each, before the batch goes back to the queue and waits there."""


class DeltaSink:
    """Inserts rows with new business keys into the table at `path`, which is made if it is not there."""

    bulk = True

    def __init__(self, path: Path) -> None:
        # Here and not at the first write, so that a package that is missing stops the function and not a message.
        import arro3.core  # noqa: F401
        import deltalake  # noqa: F401

        self._path = path

    def write(self, rows: Sequence[Row], *, owner: str, deadline: Deadline) -> Mapping[str, Outcome]:  # noqa: ARG002
        """See `Sink.write`."""
        from deltalake.exceptions import CommitFailedError

        # A merge compares its source with the table, not with itself: rows doubled in the source would both go in.
        rows_by_key = {row.business_key: row for row in reversed(rows)}
        unique = [row for row in rows if rows_by_key[row.business_key] is row]
        for attempt in range(ATTEMPTS_MAX):
            if attempt and not deadline.may_begin():
                break
            try:
                self._merge(unique)
            except CommitFailedError:
                continue  # another writer committed first: look at the table again
            return dict.fromkeys(rows_by_key, WRITTEN)
        return dict.fromkeys(rows_by_key, failed("other writers committed to the Delta table first"))

    def _merge(self, rows: Sequence[Row]) -> None:
        from .arrow import to_table

        merger = self._open().merge(
            to_table(rows),
            predicate="target.business_key = source.business_key",
            source_alias="source",
            target_alias="target",
        )
        merger.when_not_matched_insert_all().execute()

    def _open(self) -> "DeltaTable":
        # Opened anew for each commit: a kept handle would have to replay what others committed, and grows slow.
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        from .arrow import SCHEMA

        try:
            return DeltaTable(self._path)
        except TableNotFoundError:
            return DeltaTable.create(self._path, SCHEMA, mode="ignore", partition_by="ingested_date")
