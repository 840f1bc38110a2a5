"""Each request as it was measured, for whoever does not trust a histogram: one CSV file for each process."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

__all__ = ["RawSamples"]


class RawSamples:
    """Writes `at_s` (epoch seconds, of the end), `type`, `name`, `response_time_ms`, `length`, `error` (its class)."""

    def __init__(self, folder: Path, *, run: str, process: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{run}-{process}.csv"
        self._file = self.path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["at_s", "type", "name", "response_time_ms", "length", "error"])

    def add(
        self,
        *,
        at_s: float,
        request_type: str,
        name: str,
        response_time_ms: float | None,
        length: int,
        error: BaseException | None,
    ) -> None:
        """Write one request."""
        if self._file.closed:
            return
        row: list[Any] = [f"{at_s:.3f}", request_type, name, "", length, "" if error is None else type(error).__name__]
        if response_time_ms is not None:
            row[3] = repr(float(response_time_ms))
        self._writer.writerow(row)

    def flush(self) -> None:
        """Everything so far is in the file."""
        if not self._file.closed:
            self._file.flush()

    def close(self) -> None:
        """The run is over."""
        self._file.close()
