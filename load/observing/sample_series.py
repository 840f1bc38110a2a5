"""The looks at a queue during a run, thinned out so that a long run stays small and no peak is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, Final, TypeVar

from ..reporting.record import Sample

__all__ = ["SAMPLES_MAX", "SampleSeries", "worse_of"]

SAMPLES_MAX: Final = 3_600

N = TypeVar("N", int, float)


class SampleSeries:
    """Samples in the order of time. Beyond `most`, each two neighbours become one."""

    def __init__(self, most: int = SAMPLES_MAX) -> None:
        self._most = most
        self._looks_in_each = 1
        self._looks_in_last = 0
        self._samples: list[Sample] = []
        self._json: dict[Sample, dict[str, Any]] = {}

    def add(self, sample: Sample) -> None:
        """Add one that is later than all others."""
        if self._samples and self._looks_in_last < self._looks_in_each:
            self._samples[-1] = worse_of(self._samples[-1], sample)
            self._looks_in_last += 1
            return
        self._samples.append(sample)
        self._looks_in_last = 1
        if len(self._samples) > self._most:
            odd = self._samples.pop() if len(self._samples) % 2 else None
            self._samples = [worse_of(*pair) for pair in zip(self._samples[::2], self._samples[1::2], strict=True)]
            if odd is not None:
                self._samples.append(odd)
            else:
                self._looks_in_last += self._looks_in_each
            self._looks_in_each *= 2

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples)

    def __len__(self) -> int:
        return len(self._samples)

    def as_json(self) -> list[dict[str, Any]]:
        """All of them, with `backlog` in each. Made once for each sample: this is asked for several times a second."""
        self._json = {sample: self._json.get(sample) or _json_of(sample) for sample in self._samples}
        return list(self._json.values())

    @property
    def last(self) -> Sample | None:
        """The latest."""
        return self._samples[-1] if self._samples else None


def worse_of(earlier: Sample, later: Sample) -> Sample:
    """One for two: the depth of the deeper look, the larger age and latencies, and what was counted by the later."""
    deeper = earlier if earlier.backlog > later.backlog else later
    return replace(
        later,
        visible=deeper.visible,
        in_flight=deeper.in_flight,
        delayed=deeper.delayed,
        oldest_age_s=_larger(earlier.oldest_age_s, later.oldest_age_s),
        users=max(earlier.users, later.users),
        end_to_end_p50_ms=_larger(earlier.end_to_end_p50_ms, later.end_to_end_p50_ms),
        end_to_end_p99_ms=_larger(earlier.end_to_end_p99_ms, later.end_to_end_p99_ms),
        send_p50_ms=_larger(earlier.send_p50_ms, later.send_p50_ms),
        send_p99_ms=_larger(earlier.send_p99_ms, later.send_p99_ms),
    )


def _json_of(sample: Sample) -> dict[str, Any]:
    return {**asdict(sample), "backlog": sample.backlog}


def _larger(a: N | None, b: N | None) -> N | None:
    return b if a is None else a if b is None else max(a, b)
