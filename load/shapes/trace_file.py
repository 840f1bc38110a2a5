"""Recorded traces: when messages were sent, to send others in the same rhythm."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from .schedule import Piece, PieceSchedule, Schedule, TraceSchedule, counted

__all__ = ["TraceError", "read_trace"]

_TIME_NAMES: Final = ("time", "timestamp", "at_s", "at", "sent_at", "t")
_COUNT_NAMES: Final = ("count", "messages", "n")
_REPORT_NAME: Final = "report.json"


class TraceError(ValueError):
    """A trace that cannot be read; says where and why, on one line."""


def read_trace(path: Path, *, batch_size: int, speed: float = 1.0) -> Schedule:
    """The schedule of a recorded trace, at `speed` times its own speed. Raises TraceError.

    CSV, with a header or without, or JSON lines: a time for each message, in seconds or ISO 8601 (without an offset:
    UTC). With a count beside it, so many messages, spread evenly until the time of the next row. Or what an earlier run
    wrote: its `report.json`, the folder that this is in, or the CSV of its samples, with `at_s` and `sent`.
    """
    source = path / _REPORT_NAME if path.is_dir() else path
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TraceError(f"the trace {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        return _schedule(list(_rows(text)), batch_size=batch_size, speed=speed)
    except TraceError as error:
        raise TraceError(f"the trace {path} {error}") from error


def _schedule(rows: list[Mapping[str, Any]], *, batch_size: int, speed: float) -> Schedule:
    if not rows:
        raise TraceError("has no rows")
    if "sent" in rows[0] and "at_s" in rows[0]:
        sent = [_pair(row, number, "at_s", "sent") for number, row in enumerate(rows, 1)]
        return PieceSchedule(_pieces_of_sent(sorted(sent), speed=speed), batch_size=batch_size)
    time_name = _named(rows[0], _TIME_NAMES)
    if time_name is None:
        raise TraceError(f"has no column of times: call one {_TIME_NAMES[0]!r}")
    count_name = _named(rows[0], _COUNT_NAMES)
    if count_name is None:
        times_s = [_time_s(row.get(time_name), number) for number, row in enumerate(rows, 1)]
        return TraceSchedule(times_s, batch_size=batch_size, speed=speed)
    counts = [_pair(row, number, time_name, count_name) for number, row in enumerate(rows, 1)]
    return PieceSchedule(_from_the_first(counted(counts, speed=speed)), batch_size=batch_size)


def _pieces_of_sent(sent: Sequence[tuple[float, float]], *, speed: float) -> tuple[Piece, ...]:
    """From rows of (time, messages sent since the beginning)."""
    grown = [(at_s, later - earlier, next_s) for (at_s, earlier), (next_s, later) in pairwise(sent) if next_s > at_s]
    if any(messages < 0 for _, messages, _ in grown):
        raise TraceError("counts backwards: 'sent' is the number of messages since the beginning")
    while grown and not grown[-1][1]:
        grown.pop()
    rows = [(at_s, messages) for at_s, messages, _ in grown]
    return _from_the_first(counted(rows, until_s=grown[-1][2], speed=speed) if grown else ())


def _from_the_first(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    first = next((index for index, piece in enumerate(pieces) if piece.begin_rate), None)
    if first is None:
        raise TraceError("has no messages")
    return tuple(pieces[first:])


def _rows(text: str) -> Iterator[Mapping[str, Any]]:
    start = text.lstrip()[:1]
    if start in {"{", "["}:
        yield from _json_rows(text)
        return
    lines = [row for row in csv.reader(text.splitlines()) if any(field.strip() for field in row)]
    if not lines:
        return
    header = [field.strip().lower() for field in lines[0]]
    if _is_time(lines[0][0]):
        header = [_TIME_NAMES[0], _COUNT_NAMES[0]][: len(lines[0])]
    else:
        lines = lines[1:]
    yield from (dict(zip(header, (field.strip() for field in line), strict=False)) for line in lines)


def _json_rows(text: str) -> Iterable[Mapping[str, Any]]:
    try:
        whole = json.loads(text)
    except ValueError:
        return [_json_row(line, number) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if isinstance(whole, dict) and isinstance(whole.get("samples"), list):
        whole = whole["samples"]
    rows = whole if isinstance(whole, list) else [whole]
    return [row if isinstance(row, dict) else {_TIME_NAMES[0]: row} for row in rows]


def _json_row(line: str, number: int) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise TraceError(f"has no JSON in line {number}") from error
    return row if isinstance(row, dict) else {_TIME_NAMES[0]: row}


def _named(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in row), None)


def _pair(row: Mapping[str, Any], number: int, time_name: str, count_name: str) -> tuple[float, float]:
    try:
        count = float(row[count_name])
    except (KeyError, TypeError, ValueError):
        count = math.nan
    if not 0 <= count < math.inf:
        raise TraceError(f"has no count of messages in row {number}: {row.get(count_name)!r}")
    return _time_s(row.get(time_name), number), count


def _is_time(text: str) -> bool:
    try:
        _time_s(text, 0)
    except TraceError:
        return False
    return True


def _time_s(value: Any, number: int) -> float:
    try:
        at_s = float(value)
    except (TypeError, ValueError):
        at_s = _iso_s(value, number)
    if not math.isfinite(at_s):
        raise TraceError(f"has no time in row {number}: {value!r}")
    return at_s


def _iso_s(value: Any, number: int) -> float:
    try:
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError as error:
        raise TraceError(f"has no time in row {number}: {value!r} is neither seconds nor ISO 8601") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
