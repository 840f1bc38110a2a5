"""Charts as inline SVG, without a script: sizes across are percentages, so that text keeps its size on a phone.

Everything that is text goes through `Markup.format`, which escapes it. Colours are the page's classes `c1` to `c4`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

__all__ = ["Bar", "Mark", "Series", "Tick", "bar_chart", "even_ticks", "line_chart", "log_ticks", "time_ticks"]

_HEIGHT: Final = 200
_ACROSS: Final = 1_000
_TICKS: Final = 5
_TIME_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line: a value for each x, None where there is none. `colour` is 1 to 4; `filled` down to the axis."""

    name: str
    values: tuple[float | None, ...]
    colour: int
    filled: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, from 0 to 1, and what is written there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across the chart at a place from 0 to 1, and what is written at it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar between two places from 0 to 1, its height, and what is told of it."""

    start: float
    end: float
    height: float
    text: str


def line_chart(
    *,
    title: str,
    description: str,
    places: Sequence[float],
    series: Sequence[Series],
    across: Sequence[Tick],
    up: Sequence[Tick],
    scale: Callable[[float], float],
    told: Callable[[int], str],
    marks: Sequence[Mark] = (),
) -> Markup:
    """Lines over `places` (from 0 to 1). `scale` turns a value into a height from 0 to 1; `told` is said of a place."""
    drawn = [_line(one, places, scale) for one in series]
    inner = Markup(
        '<svg class="data" width="100%" height="{height}" viewBox="0 0 {across} {height}" preserveAspectRatio="none">'
        "{drawn}</svg>"
    ).format(height=_HEIGHT, across=_ACROSS, drawn=Markup("").join(drawn))
    return _figure(title, description, series, _axes(across, up), inner, _marks(marks), _columns(places, told))


def bar_chart(
    *,
    title: str,
    description: str,
    bars: Sequence[Bar],
    across: Sequence[Tick],
    up: Sequence[Tick],
    colour: int = 1,
    marks: Sequence[Mark] = (),
) -> Markup:
    """Bars, each told of when pointed at."""
    drawn = [
        Markup(
            '<rect class="bar c{colour}" x="{x:.3f}%" width="{width:.3f}%" y="{y:.2f}" height="{height:.2f}">'
            "<title>{text}</title></rect>"
        ).format(
            colour=colour,
            x=bar.start * 100,
            # A hair between neighbours.
            width=max(0.05, (bar.end - bar.start) * 100 - 0.15),
            y=_HEIGHT * (1 - bar.height),
            height=_HEIGHT * bar.height,
            text=bar.text,
        )
        for bar in bars
    ]
    return _figure(title, description, (), _axes(across, up), Markup("").join(drawn), _marks(marks), Markup(""))


def _figure(title: str, description: str, series: Sequence[Series], *parts: Markup) -> Markup:
    legend = Markup("").join(
        Markup('<li><i class="key c{}{}"></i>{}</li>').format(one.colour, " dashed" if one.dashed else "", one.name)
        for one in series
    )
    return Markup(
        '<figure class="chart"><figcaption><h3>{title}</h3>{legend}</figcaption>'
        '<svg class="plot" role="img" aria-label="{title}. {description}" height="{height}">{parts}</svg></figure>'
    ).format(
        title=title,
        legend=Markup('<ul class="legend">{}</ul>').format(legend) if legend else Markup(""),
        description=description,
        height=_HEIGHT + 28,
        parts=Markup("").join(parts),
    )


def _axes(across: Sequence[Tick], up: Sequence[Tick]) -> Markup:
    line = Markup(
        '<line class="grid" x1="0" x2="100%" y1="{0:.2f}" y2="{0:.2f}"/><text class="up" x="-8" y="{0:.2f}">{1}</text>'
    )
    lines = [line.format(_HEIGHT * (1 - tick.at), tick.text) for tick in up]
    texts = [
        Markup('<text class="across{2}" x="{0:.3f}%" y="{3}">{1}</text>').format(
            tick.at * 100, tick.text, " last" if tick.at > 0.96 else "", _HEIGHT + 20
        )
        for tick in across
    ]
    return Markup("").join([*lines, *texts])


def _line(one: Series, places: Sequence[float], scale: Callable[[float], float]) -> Markup:
    """The series as paths: interrupted where nothing is known."""
    points = [
        None if value is None else (place * _ACROSS, _HEIGHT * (1 - min(1.0, max(0.0, scale(value)))))
        for place, value in zip(places, one.values, strict=True)
    ]
    found = []
    for run in _runs(points):
        path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in run)
        if one.filled:
            closed = f"{path}L{run[-1][0]:.1f},{_HEIGHT}L{run[0][0]:.1f},{_HEIGHT}Z"
            found.append(Markup('<path class="area c{}" d="{}"/>').format(one.colour, closed))
        if len(run) == 1:  # a dot: a round cap on a line of no length
            path += "h0.1"
        found.append(
            Markup('<path class="line c{}{}" d="{}"/>').format(one.colour, " dashed" if one.dashed else "", path)
        )
    return Markup("").join(found)


def _runs(points: Iterable[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is not None:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _marks(marks: Sequence[Mark]) -> Markup:
    """Lines down the chart; their texts take turns in height, so that neighbours stay readable."""
    return Markup("").join(
        Markup(
            '<line class="mark" x1="{0:.3f}%" x2="{0:.3f}%" y1="{2}" y2="{3}"/>'
            '<text class="mark{4}" x="{0:.3f}%" dx="{5}" y="{2}">{1}</text>'
        ).format(
            mark.at * 100,
            mark.text,
            4 + 14 * (index % 3),
            _HEIGHT,
            " before" if mark.at > 0.7 else "",
            -4 if mark.at > 0.7 else 4,
        )
        for index, mark in enumerate(marks)
        if 0 <= mark.at <= 1
    )


def _columns(places: Sequence[float], told: Callable[[int], str]) -> Markup:
    """What is said when a place is pointed at, by columns that are seen only then."""
    found = []
    for index, place in enumerate(places):
        left = 0.0 if index == 0 else (places[index - 1] + place) / 2
        right = 1.0 if index == len(places) - 1 else (places[index + 1] + place) / 2
        found.append(
            Markup(
                '<rect class="column" x="{:.3f}%" width="{:.3f}%" y="0" height="{}"><title>{}</title></rect>'
            ).format(left * 100, max(0.0, right - left) * 100, _HEIGHT, told(index))
        )
    return Markup("").join(found)


def even_ticks(largest: float, write: Callable[[float], str]) -> tuple[float, list[Tick]]:
    """Round numbers from 0 to the first that is not less than `largest`, which is the top of the axis."""
    if largest <= 0:
        return 1.0, [Tick(0.0, write(0.0))]
    step = 10 ** math.floor(math.log10(largest / _TICKS))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10, 20) if largest / (step * factor) <= _TICKS)
    count = max(1, math.ceil(largest / step - 1e-9))
    return step * count, [Tick(index / count, write(step * index)) for index in range(count + 1)]


def log_ticks(smallest: float, largest: float, write: Callable[[float], str], *, most: int = 7) -> list[Tick]:
    """Round numbers between two values, on a logarithmic axis."""
    across = math.log(largest / smallest)
    decades = range(math.floor(math.log10(smallest)), math.ceil(math.log10(largest)) + 1)
    found: list[Tick] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        values = [10.0**decade * factor for decade in decades for factor in factors]
        shown = [value for value in values if smallest * 0.999 <= value <= largest * 1.001]
        found = [Tick(math.log(value / smallest) / across, write(value)) for value in shown]
        if len(found) <= most:
            break
    if len(found) < 2:  # no round number between them: the ends themselves
        return [Tick(0.0, write(smallest)), Tick(1.0, write(largest))]
    return found[:: math.ceil(len(found) / most)]


def time_ticks(seconds: float) -> list[Tick]:
    """Round times on an axis of so many seconds, all in one unit."""
    if seconds <= 0:
        return [Tick(0.0, "0")]
    step = next((step for step in _TIME_STEPS_S if seconds / step <= _TICKS), math.ceil(seconds / _TICKS))
    unit, name = next((unit, name) for unit, name in ((3_600, "h"), (60, "min"), (1, "s")) if step % unit == 0)
    times = [index * step for index in range(int(seconds / step) + 1)]
    return [Tick(time / seconds, f"{time // unit} {name}" if time else "0") for time in times]
