"""Advice from a run and the configuration that it ran with: each piece with the figure that it rests on.

Without a figure there is no advice, but a line that says what was not measured. Rules: E01, E02, E04, E08, E13, E14,
S10, S13.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from . import wording
from .cost import savings
from .figures import Distribution, distribution, largest_backlog, oldest_age_s, processed_per_s, sent_per_s
from .noise import STRETCHES, growth
from .record import ConsumerConfiguration, RunRecord
from .run_cost import workload_of

__all__ = ["Advice", "Kind", "advice"]

_VISIBILITY_FACTOR: Final = 6
"""Times the function's timeout, as AWS recommends (E04)."""
_NEAR_TIMEOUT: Final = 0.8
_FULL: Final = 0.9
_MOSTLY_EMPTY: Final = 0.3
_SPARE: Final = 1.5
_CONCURRENCY_OF_A_MAPPING: Final = 1_000
_RECEIVES_MIN: Final = 5
"""So many deliveries are recommended before the DLQ: throttled invocations count as well (E17)."""
_RETENTION_SHARE: Final = 0.25
_RETENTION_MAX_S: Final = 1_209_600
_WINDOW_S: Final = 1.0
_WAITED: Final = 5
"""Times what a batch takes at most: a message that is older has waited for more than its turn."""
_MONTH_MESSAGES: Final = 5_000_000


class Kind(StrEnum):
    """Change a setting, keep it, or it cannot be said."""

    CHANGE = "change"
    KEEP = "keep"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """`what` to do about a setting, `why`, and the `figure` that this rests on, which `unknown` may lack."""

    about: str
    kind: Kind
    what: str
    why: str
    figure: str

    def __str__(self) -> str:
        """On one line."""
        if self.kind is Kind.UNKNOWN:
            return f"{self.about}: {self.what}"
        return f"{self.about}: {self.what}. {self.why} ({self.figure})"

    def as_json(self) -> dict[str, str]:
        """The texts by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the rules ask of a run."""

    record: RunRecord
    configuration: ConsumerConfiguration
    durations: Distribution | None
    records: Distribution | None
    end_to_end: Distribution | None
    latency_goal_ms: float | None

    @property
    def window_s(self) -> float:
        """The mapping's window; none where it is not known."""
        return self.configuration.batching_window_s or 0.0


def advice(record: RunRecord, *, latency_goal_ms: float | None = None) -> tuple[Advice, ...]:
    """What the run says about each setting, changes first. `latency_goal_ms` is what a message may take.

    Raises ValueError if a histogram cannot be decoded.
    """
    seen = _Seen(
        record=record,
        configuration=record.configuration,
        durations=distribution(record, "batch_duration"),
        records=distribution(record, "batch_records"),
        end_to_end=distribution(record, "end_to_end"),
        latency_goal_ms=latency_goal_ms,
    )
    order = list(Kind)
    found = [piece for rule in _RULES for piece in rule(seen)]
    return tuple(sorted(found, key=lambda piece: order.index(piece.kind)))


def _unknown(about: str, **needed: object) -> Iterator[Advice]:
    """That it cannot be said, if any of what is needed is None."""
    missing = [name.replace("_", " ") for name, value in needed.items() if value is None]
    if missing:
        were = "was" if len(missing) == 1 else "were"
        what = f"cannot say: {' and '.join(missing)} {were} not measured or not readable"
        yield Advice(about=about, kind=Kind.UNKNOWN, what=what, why="", figure="")


def _visibility_timeout(seen: _Seen) -> Iterator[Advice]:
    about, settings = "visibility timeout", seen.configuration
    visible_s, timeout_s, durations = settings.visibility_timeout_s, settings.function_timeout_s, seen.durations
    if visible_s is not None and durations is not None and durations.max / 1_000 + seen.window_s >= visible_s:
        yield Advice(
            about=about,
            kind=Kind.CHANGE,
            what=f"raise it above {wording.duration(durations.max + seen.window_s * 1_000)}",
            why="A batch that takes longer comes again while it is still being processed",
            figure=(
                f"the longest batch took {wording.duration(durations.max)}, p99.9 "
                f"{wording.duration(durations.percentile(99.9))}; it is {visible_s} s"
            ),
        )
        return
    if visible_s is None or timeout_s is None:
        yield from _unknown(about, visibility_timeout=visible_s, function_timeout=timeout_s)
        return
    wanted_s = math.ceil(_VISIBILITY_FACTOR * timeout_s + seen.window_s)
    figure = f"function timeout {timeout_s} s, window {seen.window_s:g} s, visibility timeout {visible_s} s"
    if durations is not None:
        figure += f"; the longest batch took {wording.duration(durations.max)}"
    if visible_s < wanted_s:
        why = (
            f"{_VISIBILITY_FACTOR} times the function's timeout plus the window leaves time for throttled retries (E04)"
        )
        yield Advice(about=about, kind=Kind.CHANGE, what=f"raise it to {wanted_s} s", why=why, figure=figure)
    else:
        why = f"It is at least {_VISIBILITY_FACTOR} times the function's timeout plus the window (E04)"
        yield Advice(about=about, kind=Kind.KEEP, what="keep it", why=why, figure=figure)


def _batch_size(seen: _Seen) -> Iterator[Advice]:
    about, size, records, durations = "batch size", seen.configuration.batch_size, seen.records, seen.durations
    if size is None or records is None or durations is None:
        yield from _unknown(about, batch_size=size, records_per_invocation=records, batch_duration=durations)
        return
    each_ms = durations.mean / records.mean
    figure = (
        f"{records.mean:.3g} of {size} records an invocation, {wording.duration(each_ms)} a record, "
        f"batch p99 {wording.duration(durations.percentile(99))}"
    )
    timeout_s, goal_ms = seen.configuration.function_timeout_s, seen.latency_goal_ms
    # A batch is as late as its last record, and must end well within the function's timeout.
    bounds = [bound for bound in (None if timeout_s is None else timeout_s * 1_000 * 0.5, goal_ms) if bound is not None]
    most = max(1, int(min(bounds) / each_ms)) if bounds and each_ms > 0 else None
    if most is not None and most < size and records.max > most:
        why = "A full batch would take longer than half of the function's timeout, or than the latency goal"
        yield Advice(about=about, kind=Kind.CHANGE, what=f"lower it to {most}", why=why, figure=figure)
    elif records.mean < _FULL * size:
        why = "Batches are not full: what comes within a poll or the window bounds them, not this setting"
        yield Advice(
            about=about, kind=Kind.KEEP, what="keep it; a larger one would change nothing", why=why, figure=figure
        )
    elif seen.configuration.fifo or size >= 10_000:
        why = "Batches are full, and it is as large as it may be (E01)"
        yield Advice(about=about, kind=Kind.KEEP, what="keep it", why=why, figure=figure)
    elif most is None:
        yield from _unknown(about, function_timeout=timeout_s)
    else:
        larger = min(most, size * 10, 10_000)
        window = " with a window of at least 1 s" if larger > 10 and seen.window_s < 1 else ""
        why = "Batches are full, so that each invocation and each request to SQS could carry more"
        kind, what = (Kind.CHANGE, f"try {larger}{window}") if larger > size else (Kind.KEEP, "keep it")
        yield Advice(about=about, kind=kind, what=what, why=why, figure=figure)


def _window(seen: _Seen) -> Iterator[Advice]:
    about, settings, records = "batching window", seen.configuration, seen.records
    if settings.fifo:
        return  # FIFO queues have none (E02)
    window_s, size = settings.batching_window_s, settings.batch_size
    if window_s is None or size is None or records is None:
        yield from _unknown(about, window=window_s, batch_size=size, records_per_invocation=records)
        return
    p50_ms = None if seen.end_to_end is None else seen.end_to_end.percentile(50)
    figure = f"{records.mean:.3g} of {size} records an invocation, window {window_s:g} s"
    if p50_ms is not None:
        figure += f", end-to-end p50 {wording.duration(p50_ms)}"
    goal_ms = seen.latency_goal_ms
    if goal_ms is not None and window_s * 1_000 >= goal_ms:
        why = "A message may wait for the whole window before it is delivered"
        yield Advice(about=about, kind=Kind.CHANGE, what=f"make it shorter than {goal_ms:g} ms", why=why, figure=figure)
    elif window_s == 0 and records.mean < _MOSTLY_EMPTY * size and (goal_ms is None or goal_ms > _WINDOW_S * 1_000):
        yield from _window_that_saves(seen, figure)
    else:
        why = (
            "Batches fill as they are" if records.mean >= _MOSTLY_EMPTY * size else "A longer one only delays messages"
        )
        yield Advice(about=about, kind=Kind.KEEP, what="keep it", why=why, figure=figure)


def _window_that_saves(seen: _Seen, figure: str) -> Iterator[Advice]:
    """A window where batches are mostly empty: for what it saves, if it saves anything."""
    workload, _, _ = workload_of(seen.record, _MONTH_MESSAGES)
    found = next((saving for saving in savings(workload) if 0 < saving.waits_s <= 5), None)
    if found is None:
        return
    saved = f"{found.change}: ${found.saved_usd:.2f} less for {wording.scale(_MONTH_MESSAGES)} messages a month"
    yield Advice(
        about="batching window",
        kind=Kind.CHANGE,
        what=f"try {found.waits_s:g} s if messages may wait as long",
        why="Most invocations carry few messages, and each is paid for",
        figure=f"{figure}; {saved}",
    )


def _whole(limit: float) -> int:
    """Rounded up, but for what is the histograms' imprecision."""
    return math.ceil(round(limit, 1))


def _arrival_rate(record: RunRecord) -> float | None:
    """Messages a second in the twentieth of the run in which most were sent; the mean where that was not seen."""
    grown = growth(record.samples, lambda sample: sample.sent, until_s=record.seconds, stretches=STRETCHES)
    return max(grown) if grown else sent_per_s(record)


def _concurrency(seen: _Seen) -> Iterator[Advice]:
    about, settings, durations, records = "concurrency", seen.configuration, seen.durations, seen.records
    rate = _arrival_rate(seen.record)
    if not rate or durations is None or records is None:
        yield from _unknown(about, arrival_rate=rate or None, batch_duration=durations, records_per_invocation=records)
        return
    needed = rate / records.mean * durations.mean / 1_000
    limits = [limit for limit in (settings.maximum_concurrency, settings.reserved_concurrency) if limit is not None]
    limit = min(limits, default=_CONCURRENCY_OF_A_MAPPING)
    capacity = limit * records.mean / (durations.mean / 1_000) if durations.mean > 0 else math.inf
    figure = (
        f"at most {wording.rate(rate)} arrive, {records.mean:.3g} an invocation of {wording.duration(durations.mean)}: "
        f"{needed:.3g} at a time (Little's law); a limit of {limit} carries {wording.rate(capacity)}"
    )
    maximum, reserved = settings.maximum_concurrency, settings.reserved_concurrency
    if maximum is not None and reserved is not None and reserved < maximum:
        yield Advice(
            about=about,
            kind=Kind.CHANGE,
            what=f"reserve at least {maximum} for the function, or lower the mapping's maximum to {reserved}",
            why="Invocations above the reservation are throttled, and each throttled delivery counts (E17)",
            figure=f"maximum concurrency {maximum}, reserved {reserved}",
        )
    if needed > limit:
        what = f"raise the limit to {_whole(needed * _SPARE)}, or make invocations shorter"
        why = "More arrives than can be processed, and the backlog grows for as long as it does"
        yield Advice(about=about, kind=Kind.CHANGE, what=what, why=why, figure=figure)
    elif needed * _SPARE > limit:
        what = f"raise the limit to {_whole(needed * _SPARE)}"
        why = "There is little to spare for a burst or a slow dependency"
        yield Advice(about=about, kind=Kind.CHANGE, what=what, why=why, figure=figure)
    elif (oldest_age_s(seen.record) or 0.0) > _WAITED * (durations.max / 1_000 + seen.window_s + 1):
        what = "cannot say: by these figures the limit would do, and yet messages waited; whatever holds them back"
        yield Advice(
            about=about,
            kind=Kind.UNKNOWN,
            what=f"{what} (the mapping's growth, throttling, an emulator) was not measured",
            why="",
            figure=f"{figure}; the oldest message was {wording.duration((oldest_age_s(seen.record) or 0) * 1_000)} old",
        )
    else:
        why = "It carries half as much again as arrived" if limits else "The mapping grows to 1,000 by itself (E13)"
        yield Advice(about=about, kind=Kind.KEEP, what="keep it", why=why, figure=figure)


def _memory(seen: _Seen) -> Iterator[Advice]:
    about, settings, durations = "memory", seen.configuration, seen.durations
    timeout_s, memory_mb = settings.function_timeout_s, settings.memory_mb
    if timeout_s is None or durations is None:
        yield from _unknown(about, function_timeout=timeout_s, batch_duration=durations)
        return
    p999_ms = durations.percentile(99.9)
    size = "" if memory_mb is None else f" with {memory_mb} MB"
    figure = (
        f"batches took {wording.duration(p999_ms)} at p99.9 and {wording.duration(durations.max)} at most{size}; "
        f"function timeout {timeout_s} s"
    )
    if durations.max >= _NEAR_TIMEOUT * timeout_s * 1_000:
        what = "raise it (the function's share of a CPU grows with it), lower the batch size, or raise the timeout"
        why = "A batch that meets the timeout fails as a whole, with all that was done in it"
        yield Advice(about=about, kind=Kind.CHANGE, what=what, why=why, figure=figure)
    else:
        why = "Durations stay clear of the timeout; whether less would do they do not say: memory use was not measured"
        yield Advice(about=about, kind=Kind.KEEP, what="keep it", why=why, figure=figure)
    if settings.architecture == "x86_64":
        yield from _architecture(seen)


def _architecture(seen: _Seen) -> Iterator[Advice]:
    workload, _, _ = workload_of(seen.record, _MONTH_MESSAGES)
    for saving in savings(workload):
        if saving.change == "architecture arm64":
            yield Advice(
                about="architecture",
                kind=Kind.CHANGE,
                what="try arm64",
                why="Its GB-seconds cost a fifth less; how long the function takes there was not measured",
                figure=f"${saving.saved_usd:.2f} less for {wording.scale(_MONTH_MESSAGES)} messages a month",
            )


def _receives(seen: _Seen) -> Iterator[Advice]:
    about, settings = "max receive count", seen.configuration
    account, poison = seen.record.account, seen.record.counts.poison
    count = settings.max_receive_count
    if settings.dead_letter_queue is False:
        yield Advice(
            about="DLQ",
            kind=Kind.CHANGE,
            what="give the queue a redrive policy",
            why="A message that cannot be processed comes again until its retention ends, and is then lost (S13)",
            figure=f"no redrive policy; retention {wording.duration((settings.retention_s or 0) * 1_000)}"
            if settings.retention_s
            else "no redrive policy",
        )
        return
    if count is None:
        yield from _unknown(about, max_receive_count=count)
        return
    healthy = account.dead_lettered - poison
    figure = f"{account.dead_lettered} in the DLQ, {poison} poison were sent; it is {count}"
    if healthy > 0:
        what = f"raise it to {max(_RECEIVES_MIN, count + 2)}, and look at why they failed"
        why = f"{healthy} messages that were not poison ended in the DLQ"
        yield Advice(about=about, kind=Kind.CHANGE, what=what, why=why, figure=figure)
    elif count < _RECEIVES_MIN:
        why = f"Throttled deliveries count as well; AWS recommends at least {_RECEIVES_MIN} (E17, S10)"
        yield Advice(about=about, kind=Kind.CHANGE, what=f"raise it to {_RECEIVES_MIN}", why=why, figure=figure)
    else:
        why = "No message but poison ended in the DLQ"
        yield Advice(about=about, kind=Kind.KEEP, what="keep it", why=why, figure=figure)


def _retention(seen: _Seen) -> Iterator[Advice]:
    about, retention_s = "retention", seen.configuration.retention_s
    rate, backlog, age_s = processed_per_s(seen.record), largest_backlog(seen.record), oldest_age_s(seen.record)
    if retention_s is None or not rate or backlog is None:
        yield from _unknown(about, retention=retention_s, processing_rate=rate or None, backlog=backlog)
        return
    drain_s = backlog / rate
    figure = (
        f"the largest backlog of {wording.count(backlog)} is {wording.duration(drain_s * 1_000)} of work at "
        f"{wording.rate(rate)}; retention {wording.duration(retention_s * 1_000)}"
    )
    if age_s is not None:
        figure += f"; the oldest message was {wording.duration(age_s * 1_000)} old"
    waits_s = max(drain_s, age_s or 0.0)
    if waits_s > _RETENTION_SHARE * retention_s:
        longer_s = min(_RETENTION_MAX_S, math.ceil(waits_s / _RETENTION_SHARE))
        what = f"raise it to {wording.duration(longer_s * 1_000)}"
        if retention_s >= _RETENTION_MAX_S:
            what = "it is as long as it may be: process faster"
        why = "Messages that wait longer are gone, processed or not (S13)"
        yield Advice(about=about, kind=Kind.CHANGE, what=what, why=why, figure=figure)
    else:
        why = "The backlog drains long before messages are gone (S13)"
        yield Advice(about=about, kind=Kind.KEEP, what="keep it", why=why, figure=figure)


def _partial_batch_response(seen: _Seen) -> Iterator[Advice]:
    about, on = "partial batch response", seen.configuration.partial_batch_response
    if on is None:
        yield from _unknown(about, function_response_types=on)
    elif not on:
        yield Advice(
            about=about,
            kind=Kind.CHANGE,
            what="turn on ReportBatchItemFailures, and answer with batchItemFailures",
            why="Without it the function's answer is ignored, and one failure brings its whole batch back (E08)",
            figure=f"function response types are empty; {seen.record.counts.poison} poison messages were sent",
        )


_RULES: Final[tuple[Callable[[_Seen], Iterator[Advice]], ...]] = (
    _receives,
    _visibility_timeout,
    _concurrency,
    _partial_batch_response,
    _batch_size,
    _window,
    _memory,
    _retention,
)
