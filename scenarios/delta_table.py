"""Reading back what a handler wrote to a local Delta table. Needs the extra ``redrive[delta]``."""

from pathlib import Path
from typing import Any

__all__ = ["NEEDS", "delta_rows"]

NEEDS = ("deltalake", "arro3.core")
"""The modules that the extra installs."""


def delta_rows(path: str | Path, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The rows of the table at ``path``, in no particular order; none if there is no table."""
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        table = DeltaTable(path)
    except TableNotFoundError:
        return []
    rows: list[dict[str, Any]] = []
    for batch in table.scan(columns=columns):
        rows.extend(batch.to_struct_array().to_pylist())
    return rows
