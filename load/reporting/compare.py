"""Two runs beside each other: what differs, and whether it is more than another run of the same would differ by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from statistics import NormalDist, fmean
from typing import Any, Final

from . import noise, wording
from .cost import Workload, cost
from .figures import PERCENTILES, Distribution, distribution, messages_per_send, processing_ended_s
from .noise import STRETCHES, Interval
from .record import RunRecord, Sample
from .run_cost import workload_of

__all__ = ["CONFIDENCE", "Comparison", "Difference", "Verdict", "compare"]

CONFIDENCE: Final = 0.95
"""How often two runs of the same come out as noise in every figure."""
_SMALLEST: Final = 0.001
"""A relative difference that is noise in any case: the histograms know no more than three digits."""
_FIGURES: Final = 2 * len(PERCENTILES) + 8
_ALPHA: Final = (1 - CONFIDENCE) / _FIGURES
_MILLION: Final = 1_000_000

_OWN: Final = ("queue_url", "unread", "run", "report")
"""Names in settings and configuration that differ between any two runs, or are told of elsewhere."""

Seen = Callable[[Sample], float | None]


class Verdict(StrEnum):
    """What a difference of B from A is."""

    NOISE = "noise"
    HIGHER = "higher"
    LOWER = "lower"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A figure of both runs. `low` and `high` bound the change of B from A: relative, or in the unit itself.

    `unit` is `ms`, `/s`, `messages`, `s`, `USD` or `share`. `why` says on what the verdict rests, or why there is none.
    """

    name: str
    unit: str
    a: float | None
    b: float | None
    low: float | None = None
    high: float | None = None
    relative: bool = True
    verdict: Verdict = Verdict.UNKNOWN
    why: str = ""

    @property
    def change(self) -> float | None:
        """Of B from A: relative, or in the unit itself."""
        if self.a is None or self.b is None:
            return None
        if self.relative:
            return self.b / self.a - 1 if self.a else None
        return self.b - self.a


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What differs between two runs, what was assumed in judging it, and what makes them hard to compare."""

    differences: tuple[Difference, ...]
    assumed: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def more_than_noise(self) -> tuple[Difference, ...]:
        """The differences that another run would show again."""
        return tuple(found for found in self.differences if found.verdict in (Verdict.HIGHER, Verdict.LOWER))

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "confidence": CONFIDENCE,
            "differences": [{**asdict(found), "change": found.change} for found in self.differences],
            "assumed": list(self.assumed),
            "warnings": list(self.warnings),
        }

    def lines(self) -> list[str]:
        """To be printed: the warnings, a line for each figure, what was assumed."""
        rows = [["figure", "A", "B", "change", f"{CONFIDENCE:.0%} interval", "verdict"]]
        rows += [
            [
                found.name,
                written(found.a, found.unit),
                written(found.b, found.unit),
                _written_change(found.change, found),
                _written_interval(found),
                found.verdict if found.verdict is not Verdict.UNKNOWN else f"unknown: {found.why}",
            ]
            for found in self.differences
        ]
        table = [f"{cells}  {verdict}" for cells, verdict in _last_apart(rows)]
        return [
            *(f"note: {warning}" for warning in self.warnings),
            *([""] if self.warnings else []),
            *table,
            "",
            *(f"assumed: {line}" for line in self.assumed),
        ]


def _last_apart(rows: list[list[str]]) -> list[tuple[str, str]]:
    width = max(len(line) for line in wording.aligned([row[:-1] for row in rows]))
    cells = wording.aligned([row[:-1] for row in rows])
    return [(line.ljust(width), row[-1]) for line, row in zip(cells, rows, strict=True)]


def written(value: float | None, unit: str) -> str:
    """A figure with its unit."""
    if value is None:
        return wording.NONE
    by_unit: Mapping[str, Callable[[float], str]] = {
        "ms": wording.duration,
        "s": lambda value: wording.duration(value * 1_000),
        "/s": wording.rate,
        "USD": wording.dollars,
        "share": wording.share,
    }
    return by_unit.get(unit, wording.count)(value)


def _written_change(value: float | None, of: Difference) -> str:
    if value is None:
        return wording.NONE
    if of.relative:
        return wording.change(value)
    return f"{'-' if value < 0 else '+'}{written(abs(value), of.unit)}" if value else "±0"


def _written_interval(of: Difference) -> str:
    if of.low is None or of.high is None:
        return wording.NONE
    return f"{_written_change(of.low, of)} to {_written_change(of.high, of)}"


def compare(a: RunRecord, b: RunRecord) -> Comparison:
    """B against A. Raises ValueError if a histogram cannot be decoded."""
    differences: list[Difference] = []
    assumed = [
        f"{CONFIDENCE:.0%} is for all {_FIGURES} figures together, each judged at {1 - _ALPHA:.2%}",
        f"a run is cut into {STRETCHES} equal stretches, each of B's held against A's at the same place in the run",
        "what is still alike between neighbouring stretches widens the interval",
    ]
    for name, words, per_sample in _LATENCY_FIGURES:
        differences += _percentiles(name, words, per_sample, a, b, assumed)
    differences += [
        _rate("messages sent", a, b, lambda sample: sample.sent, lambda run: run.seconds),
        _rate("messages processed", a, b, lambda sample: sample.processed, processing_ended_s),
        _level("backlog, mean", "messages", a, b, lambda sample: float(sample.backlog)),
        _level("oldest message, mean", "s", a, b, lambda sample: sample.oldest_age_s),
        _cost(a, b, assumed),
        _share("batches that failed", a, b, lambda run: (run.batches_failed, run.batches_sent)),
        _share("messages refused", a, b, lambda run: (run.counts.failed, run.counts.failed + run.counts.accepted)),
        _share("messages in the DLQ", a, b, lambda run: (run.account.dead_lettered, run.account.sent)),
    ]
    assumed.append("failures are taken to be independent of each other: the record does not say when each happened")
    return Comparison(differences=tuple(differences), assumed=tuple(assumed), warnings=warnings(a, b))


def warnings(a: RunRecord, b: RunRecord) -> tuple[str, ...]:
    """What makes the two hard to compare, on one line each."""
    found = []
    for name in ("environment", "region", "queue_url", "observer"):
        one, other = getattr(a, name), getattr(b, name)
        if one != other:
            found.append(f"{name.replace('_', ' ')} differs: {one} and {other}")
    for title, one, other in (
        ("setting", a.settings, b.settings),
        ("configuration", asdict(a.configuration), asdict(b.configuration)),
        ("version of", a.versions, b.versions),
    ):
        found += [
            f"{title} {name} differs: {one.get(name)} and {other.get(name)}"
            for name in sorted({*one, *other})
            if one.get(name) != other.get(name) and name not in _OWN
        ]
    for label, run in (("A", a), ("B", b)):
        if run.account.problem is not None:
            found.append(f"{label} does not balance: {run.account.problem}")
        found += [f"{label}: {line}" for line in run.not_known]
        if run.environment != "aws":
            found.append(f"{label} ran on an emulator ({run.environment})")
    return tuple(wording.plain(line) for line in found)


_LATENCY_FIGURES: Final[tuple[tuple[str, str, dict[float, Seen]], ...]] = (
    ("send_batch", "send", {50.0: lambda sample: sample.send_p50_ms, 99.0: lambda sample: sample.send_p99_ms}),
    (
        "end_to_end",
        "end to end",
        {50.0: lambda sample: sample.end_to_end_p50_ms, 99.0: lambda sample: sample.end_to_end_p99_ms},
    ),
)


def _percentiles(
    name: str, words: str, per_sample: dict[float, Seen], a: RunRecord, b: RunRecord, assumed: list[str]
) -> list[Difference]:
    of_a, of_b = distribution(a, name), distribution(b, name)
    if of_a is None or of_b is None:
        return [
            Difference(
                name=f"{words} p{percent:g}",
                unit="ms",
                a=None if of_a is None else of_a.percentile(percent),
                b=None if of_b is None else of_b.percentile(percent),
                why="not measured in both",
            )
            for percent in PERCENTILES
        ]
    worth_a, worth_b = (_worth(run, of, name, per_sample) for run, of in ((a, of_a), (b, of_b)))
    assumed += [_worth_line(words, label, worth) for label, worth in (("A", worth_a), ("B", worth_b))]
    return [_percentile(words, percent, a, b, of_a, of_b, worth_a, worth_b) for percent in PERCENTILES]


@dataclass(frozen=True, slots=True)
class _Worth:
    """How many observations are worth one independent one, at the median and in the tail; None: not measured."""

    median: float | None
    tail: float | None

    def independent(self, run: RunRecord, of: Distribution, percent: float) -> float:
        """How many independent observations there are; where it was not measured, one for each second."""
        known = [effect for effect in (self.median, self.tail) if effect is not None]
        if not known:
            return min(float(of.count), max(1.0, run.seconds))
        if percent <= 50:
            return of.count / (self.median or max(known))
        return of.count / (max(known) if percent < 99 else self.tail or max(known))


def _worth(run: RunRecord, of: Distribution, name: str, per_sample: dict[float, Seen]) -> _Worth:
    in_a_send = messages_per_send(run) or 1.0

    def counted(sample: Sample) -> float | None:
        return sample.processed if name == "end_to_end" else sample.sent / in_a_send

    median, tail = (
        noise.design_effect(run, of, percent=percent, seen=seen, counted=counted)
        for percent, seen in per_sample.items()
    )
    return _Worth(median, tail)


def _worth_line(words: str, label: str, worth: _Worth) -> str:
    if worth.median is None and worth.tail is None:
        return f"{words}, {label}: each second counts as one observation: the looks' percentiles were too few, or none"
    effects = " and ".join(
        f"{effect:.3g} {where}"
        for effect, where in ((worth.median, "around the median"), (worth.tail, "in the tail"))
        if effect is not None
    )
    return f"{words}, {label}: observations that count as one, by how the looks' percentiles scatter: {effects}"


def _percentile(
    words: str,
    percent: float,
    a: RunRecord,
    b: RunRecord,
    of_a: Distribution,
    of_b: Distribution,
    worth_a: _Worth,
    worth_b: _Worth,
) -> Difference:
    found = Difference(name=f"{words} p{percent:g}", unit="ms", a=of_a.percentile(percent), b=of_b.percentile(percent))
    one = noise.percentile_interval(of_a, percent, independent=worth_a.independent(a, of_a, percent), alpha=_ALPHA)
    other = noise.percentile_interval(of_b, percent, independent=worth_b.independent(b, of_b, percent), alpha=_ALPHA)
    if one is None or other is None:
        return replace(found, why="too few independent observations")
    assert found.a is not None
    assert found.b is not None
    return _judged(found, noise.ratio_interval(found.a, one, found.b, other), "order statistics")


def _judged(found: Difference, interval: Interval | None, why: str) -> Difference:
    """With the verdict of an interval."""
    if interval is None or found.a is None:
        return replace(found, why="a figure of nothing has no relative change")
    smallest = _SMALLEST if found.relative else _SMALLEST * abs(found.a)
    if interval.low > smallest:
        verdict = Verdict.HIGHER
    elif interval.high < -smallest:
        verdict = Verdict.LOWER
    else:
        verdict = Verdict.NOISE
    return replace(found, low=interval.low, high=interval.high, verdict=verdict, why=why)


def _rate(name: str, a: RunRecord, b: RunRecord, of: Seen, until: Callable[[RunRecord], float]) -> Difference:
    one, other = (noise.growth(run.samples, of, until_s=until(run), stretches=STRETCHES) for run in (a, b))
    return _paired(Difference(name=name, unit="/s", a=None, b=None), one, other)


def _level(name: str, unit: str, a: RunRecord, b: RunRecord, of: Seen) -> Difference:
    one, other = (noise.levels(run.samples, of, until_s=run.seconds, stretches=STRETCHES) for run in (a, b))
    return _paired(Difference(name=name, unit=unit, a=None, b=None, relative=False), one, other)


def _paired(found: Difference, one: list[float] | None, other: list[float] | None) -> Difference:
    found = replace(found, a=None if one is None else fmean(one), b=None if other is None else fmean(other))
    if one is None or other is None:
        return replace(found, why="too few looks")
    interval = noise.paired_interval(one, other, alpha=_ALPHA)
    if found.relative:
        if not found.a:
            return replace(found, why="a figure of nothing has no relative change")
        interval = Interval(interval.low / found.a, interval.high / found.a)
    return _judged(found, interval, "stretches of both runs in pairs")


def _share(name: str, a: RunRecord, b: RunRecord, of: Callable[[RunRecord], tuple[int, int]]) -> Difference:
    (one, all_one), (other, all_other) = of(a), of(b)
    found = Difference(
        name=name,
        unit="share",
        a=one / all_one if all_one else None,
        b=other / all_other if all_other else None,
        relative=False,
    )
    if not all_one or not all_other or not 0 <= one <= all_one or not 0 <= other <= all_other:
        return replace(found, why="nothing was counted")
    return _judged(found, noise.share_interval(one, all_one, other, all_other, alpha=_ALPHA), "shares of counts")


def _cost(a: RunRecord, b: RunRecord, assumed: list[str]) -> Difference:
    """Of a million messages. What scatters in it are the messages and the time of an invocation."""
    (one, error_a), (other, error_b) = _cost_and_error(a), _cost_and_error(b)
    found = Difference(name="cost of a million", unit="USD", a=one, b=other)
    if error_a is None or error_b is None:
        return replace(found, why="invocations were not measured in both, and it rests on assumptions")
    assumed.append("cost: invocations are as dependent on each other as end-to-end latencies are around the median")
    reach = NormalDist().inv_cdf(1 - _ALPHA / 2)
    interval = noise.ratio_interval(
        one,
        Interval(one - reach * error_a, one + reach * error_a),
        other,
        Interval(other - reach * error_b, other + reach * error_b),
    )
    return _judged(found, interval, "means of invocations")


def _cost_and_error(run: RunRecord) -> tuple[float, float | None]:
    """What a million messages cost in US dollars, with its standard error."""
    workload, _, _ = workload_of(run, _MILLION)
    usd = cost(workload).usd()
    records, durations = distribution(run, "batch_records"), distribution(run, "batch_duration")
    if records is None or durations is None:
        return usd, None
    end_to_end = distribution(run, "end_to_end")
    worth = _Worth(None, None)
    if end_to_end is not None:
        worth = _worth(run, end_to_end, "end_to_end", dict(_LATENCY_FIGURES[1][2]))
    # Relative standard errors of both means; redeliveries are as rare events are.
    of_records = math.sqrt(records.variance / worth.independent(run, records, 50)) / records.mean
    of_durations = math.sqrt(durations.variance / worth.independent(run, durations, 50)) / durations.mean
    redelivered = max(0.0, (workload.deliveries - 1) * run.account.sent)
    fuller = workload.records * (1 + of_records)
    more: tuple[Workload, ...] = (
        replace(workload, records_per_invocation=fuller, duration_ms=workload.duration_ms / (1 + of_records)),
        replace(workload, duration_ms=workload.duration_ms * (1 + of_durations)),
        replace(workload, deliveries=workload.deliveries + math.sqrt(redelivered) / max(1, run.account.sent)),
    )
    return usd, math.hypot(*(cost(other).usd() - usd for other in more))
