"""How figures are written: for people, short, with their unit, the same on the terminal and in the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["NONE", "aligned", "change", "count", "dollars", "duration", "plain", "rate", "scale", "share"]

NONE: Final = "—"
"""What stands for a figure that is not there."""

_SCALES: Final = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))
_MS_PER_S, _MS_PER_MIN, _MS_PER_H = 1_000.0, 60_000.0, 3_600_000.0


def count(value: float | None) -> str:
    """A number of things, with separators: `12,345`; a fraction only where it is small."""
    if value is None:
        return NONE
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}"


def scale(value: float) -> str:
    """A round number, short: `100k`, `5M`."""
    for size, letter in _SCALES:
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def rate(value: float | None, unit: str = "/s") -> str:
    """So many a second, three digits."""
    if value is None:
        return NONE
    return f"{value:.3g}{unit}" if abs(value) < 999.5 else f"{value:,.0f}{unit}"


def duration(value_ms: float | None) -> str:
    """A time in the unit that fits it: `850 µs`, `12.3 ms`, `4.56 s`, `3 min 20 s`, `2 h 5 min`, `4 d`."""
    if value_ms is None:
        return NONE
    size = abs(value_ms)
    if size < 1:
        return "0 ms" if size == 0 else f"{value_ms * 1_000:.3g} µs"
    if size < _MS_PER_S - 0.5:
        return f"{value_ms:.3g} ms"
    if size < 2 * _MS_PER_MIN:
        return f"{value_ms / _MS_PER_S:.3g} s"
    if size < 2 * _MS_PER_H:
        large, small, names = _MS_PER_MIN, _MS_PER_S, ("min", "s")
    elif size < 48 * _MS_PER_H:
        large, small, names = _MS_PER_H, _MS_PER_MIN, ("h", "min")
    else:
        large, small, names = 24 * _MS_PER_H, _MS_PER_H, ("d", "h")
    whole, rest = divmod(round(value_ms / small), round(large / small))
    return f"{whole} {names[0]} {rest} {names[1]}" if rest else f"{whole} {names[0]}"


def dollars(value: float | None) -> str:
    """US dollars, with as many digits as say something: `$1,234`, `$3.20`, `$0.0046`."""
    if value is None:
        return NONE
    size = abs(value)
    if size >= 1_000:
        return f"${value:,.0f}"
    if size >= 0.1 or size == 0:
        return f"${value:,.2f}"
    return f"${value:.4f}" if size >= 0.0001 else f"${value:.1e}"


def share(value: float | None) -> str:
    """A share as percent."""
    return NONE if value is None else f"{value * 100:.3g} %"


def change(value: float | None) -> str:
    """A relative change as percent, with its sign; one of a thousandth of a percent is none."""
    return NONE if value is None else "±0 %" if abs(value) < 0.000_01 else f"{value * 100:+.3g} %"


def plain(text: str) -> str:
    """A text on one line whatever is in it, with nothing that would move a terminal's cursor."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def aligned(rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Rows of cells as lines, the first `left` columns to the left and the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return [
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
