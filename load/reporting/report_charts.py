"""The charts of a report: what happened over the time of the run, and how latencies and batches are distributed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from . import wording
from .charts import Bar, Mark, Series, Tick, bar_chart, even_ticks, line_chart, log_ticks, time_ticks
from .figures import LATENCIES, SHORTEST_S, Distribution
from .record import RunRecord, Sample

__all__ = ["batch_chart", "histogram_chart", "percentile_chart", "time_charts"]

_COLUMNS_MAX: Final = 240
_BARS: Final = 48
_BATCH_BARS_MAX: Final = 40

Seen = Callable[[Sample], float | None]


def time_charts(record: RunRecord) -> list[Markup]:
    """Throughput, backlog, oldest age and end-to-end latency over time, but for what was not seen."""
    columns = _columns(record.samples)
    if len(columns) < 2:
        return []
    return [
        *_rates(record, columns),
        *_levels(
            record,
            columns,
            "Backlog",
            [
                ("in the queue", lambda sample: float(sample.backlog), 1, True),
                ("of which in flight", lambda sample: float(sample.in_flight), 2, False),
                (
                    "in the DLQ",
                    lambda sample: None if sample.dead_lettered is None else float(sample.dead_lettered),
                    4,
                    False,
                ),
            ],
            lambda value: f"{wording.count(value)} messages",
            wording.scale,
        ),
        *_levels(
            record,
            columns,
            "Age of the oldest message",
            [("oldest message", lambda sample: sample.oldest_age_s, 3, True)],
            _seconds,
            _seconds,
        ),
        *_levels(
            record,
            columns,
            "End-to-end latency of each look",
            [
                ("p99", lambda sample: sample.end_to_end_p99_ms, 2, False),
                ("p50", lambda sample: sample.end_to_end_p50_ms, 1, False),
            ],
            wording.duration,
            wording.duration,
        ),
    ]


def _seconds(value: float) -> str:
    return wording.duration(value * 1_000)


def _columns(samples: Sequence[Sample]) -> list[list[Sample]]:
    """The samples, neighbours together if they are more than can be drawn."""
    ordered = sorted(samples, key=lambda sample: sample.at_s)
    size = max(1, math.ceil(len(ordered) / _COLUMNS_MAX))
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def _largest(column: Sequence[Sample], of: Seen) -> float | None:
    return max((value for sample in column if (value := of(sample)) is not None), default=None)


def _rates(record: RunRecord, columns: list[list[Sample]]) -> list[Markup]:
    """Sent, processed and due by the second, from how the counts grew."""
    counted: list[tuple[str, Seen, int, bool]] = [
        ("sent", lambda sample: sample.sent, 1, False),
        ("processed", lambda sample: sample.processed, 2, False),
        ("due", lambda sample: sample.due, 3, True),
    ]
    lasts = [Sample(at_s=0.0, visible=0, in_flight=0, delayed=0, processed=0, due=0), *(part[-1] for part in columns)]
    series = []
    for name, of, colour, dashed in counted:
        values = tuple(_growth(before, after, of) for before, after in pairwise(lasts))
        if any(values):
            series.append(Series(name=name, values=values, colour=colour, dashed=dashed))
    return _drawn(
        record, columns, "Messages a second", series, wording.rate, lambda value: wording.rate(value, unit="")
    )


def _growth(before: Sample, after: Sample, of: Seen) -> float | None:
    start, end, seconds = of(before), of(after), after.at_s - before.at_s
    return None if start is None or end is None or seconds < SHORTEST_S else max(0.0, end - start) / seconds


def _levels(
    record: RunRecord,
    columns: list[list[Sample]],
    title: str,
    lines: list[tuple[str, Seen, int, bool]],
    write: Callable[[float], str],
    write_axis: Callable[[float], str],
) -> list[Markup]:
    """The largest of each column, so that no peak is lost."""
    series = []
    for name, of, colour, filled in lines:
        values = tuple(_largest(column, of) for column in columns)
        if any(value is not None for value in values):
            series.append(Series(name=name, values=values, colour=colour, filled=filled))
    return _drawn(record, columns, title, series, write, write_axis)


def _drawn(
    record: RunRecord,
    columns: list[list[Sample]],
    title: str,
    series: list[Series],
    write: Callable[[float], str],
    write_axis: Callable[[float], str],
) -> list[Markup]:
    if not series:
        return []
    times = [column[-1].at_s for column in columns]
    whole_s = max(times[-1], record.seconds, 0.001)
    largest = max(value for one in series for value in one.values if value is not None)
    top, up = even_ticks(largest, write_axis)

    def told(index: int) -> str:
        values = ((one.name, one.values[index]) for one in series)
        said = [f"{name}: {write(value)}" for name, value in values if value is not None]
        return "\n".join([f"at {_seconds(times[index])}", *said])

    ended = [Mark(record.seconds / whole_s, "sending ended")] if record.seconds < 0.97 * whole_s else []
    return [
        line_chart(
            title=title,
            description=f"At most {write(largest)}, over {_seconds(whole_s)}.",
            places=[min(1.0, max(0.0, time / whole_s)) for time in times],
            series=series,
            across=time_ticks(whole_s),
            up=up,
            scale=lambda value: value / top,
            told=told,
            marks=ended,
        )
    ]


def histogram_chart(title: str, of: Distribution) -> Markup:
    """How many took how long, on a logarithmic axis, with the percentiles marked."""
    smallest, largest = of.values[0], of.max
    if largest <= smallest * 1.01:
        smallest, largest = smallest / 1.1, largest * 1.1
    else:
        smallest, largest = smallest / 1.02, largest * 1.02
    across = math.log(largest / smallest)
    counts = [0] * _BARS
    for value, count in zip(of.values, of.counts, strict=True):
        counts[min(_BARS - 1, int(math.log(value / smallest) / across * _BARS))] += count
    # Room above the bars, for the marks' texts.
    top, up = even_ticks(max(counts) * 1.25, wording.scale)
    edges = [smallest * math.exp(across * index / _BARS) for index in range(_BARS + 1)]
    bars = [
        Bar(
            start=index / _BARS,
            end=(index + 1) / _BARS,
            height=count / top,
            text=f"{wording.duration(edges[index])} to {wording.duration(edges[index + 1])}: {wording.count(count)} "
            f"({wording.share(count / of.count)})",
        )
        for index, count in enumerate(counts)
        if count
    ]
    marks = [
        Mark(
            math.log(of.percentile(percent) / smallest) / across,
            f"p{percent:g} {wording.duration(of.percentile(percent))}",
        )
        for percent in (50.0, 99.0, 99.9)
    ]
    return bar_chart(
        title=title,
        description=", ".join(mark.text for mark in marks),
        bars=bars,
        across=log_ticks(smallest, largest, wording.duration, most=6),
        up=up,
        marks=marks,
    )


def percentile_chart(distributions: dict[str, Distribution]) -> Markup:
    """Latency by percentile, both axes logarithmic: each nine more takes as much room as the one before."""
    nines = max(2.0, min(5.0, max(math.log10(of.count) for of in distributions.values())))
    steps = [nines * index / 120 for index in range(121)]
    smallest = min(of.percentile(0) for of in distributions.values())
    largest = max(of.max for of in distributions.values()) * 1.05
    smallest = min(smallest, largest / 2)
    across = math.log(largest / smallest)

    def percent(step: float) -> float:
        return 100.0 * (1 - 10**-step)

    series = [
        Series(
            name=LATENCIES[name],
            # Beyond its last observation a distribution says nothing.
            values=tuple(of.percentile(percent(step)) if 10**step <= of.count else None for step in steps),
            colour=1 + list(LATENCIES).index(name),
        )
        for name, of in distributions.items()
    ]

    def told(index: int) -> str:
        values = ((one.name, one.values[index]) for one in series)
        said = [f"{name}: {wording.duration(value)}" for name, value in values if value is not None]
        return "\n".join([f"p{percent(steps[index]):.{max(0, math.ceil(steps[index]) - 1)}f}", *said])

    return line_chart(
        title="Latency by percentile",
        description="; ".join(
            f"{LATENCIES[name]} p99 {wording.duration(of.percentile(99))}" for name, of in distributions.items()
        ),
        places=[step / nines for step in steps],
        series=series,
        across=[
            Tick(step / nines, text)
            for step, text in (
                (0.0, "p0"),
                (0.30103, "p50"),
                (1.0, "p90"),
                (2.0, "p99"),
                (3.0, "p99.9"),
                (4.0, "p99.99"),
                (5.0, "p99.999"),
            )
            if step <= nines
        ],
        up=log_ticks(smallest, largest, wording.duration, most=6),
        scale=lambda value: math.log(max(value, smallest) / smallest) / across,
        told=told,
    )


def batch_chart(of: Distribution, batch_size: int | None) -> Markup:
    """How many invocations carried how many records, up to the batch size that is set."""
    most = max(round(of.max), batch_size or 0)
    width = math.ceil(most / _BATCH_BARS_MAX)
    parts = math.ceil(most / width)
    counts = [0] * parts
    for value, count in zip(of.values, of.counts, strict=True):
        counts[min(parts - 1, max(0, math.ceil(value / width) - 1))] += count
    top, up = even_ticks(max(counts), wording.scale)

    def named(index: int) -> str:
        first, last = index * width + 1, (index + 1) * width
        return f"{first}" if width == 1 else f"{first} to {last}"

    every = math.ceil(parts / 10)
    return bar_chart(
        title="Records in an invocation",
        description=f"{of.mean:.3g} on average, {of.max:.0f} at most",
        bars=[
            Bar(
                start=index / parts,
                end=(index + 1) / parts,
                height=count / top,
                text=f"{named(index)} records: {wording.count(count)} invocations ({wording.share(count / of.count)})",
            )
            for index, count in enumerate(counts)
            if count
        ],
        across=[Tick((index + 0.5) / parts, named(index)) for index in range(0, parts, every)],
        up=up,
        colour=2,
    )
