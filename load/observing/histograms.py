"""HDR histograms: percentiles that can be merged, to three significant digits.

Percentiles of two processes cannot be averaged. Their histograms can be added, and the sum is what one process would
have counted, whatever the order and however often a process has sent all that it has.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from hdrh.codec import HdrCookieException, HdrLengthException
from hdrh.histogram import HdrHistogram

__all__ = ["DIGITS", "LARGEST", "SMALLEST", "Bucket", "Histogram", "merged", "percentile_of"]

SMALLEST: Final = 1
LARGEST: Final = 24 * 3_600 * 1_000_000
"""24 hours in microseconds. What is outside of the range is counted at its ends."""
DIGITS: Final = 3

# What hdrh raises for text that is no histogram: its own errors, and those of what it decodes with.
_MALFORMED: Final = (
    HdrCookieException,
    HdrLengthException,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    zlib.error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """How many values were from `low` to `high`, both included."""

    low: int
    high: int
    count: int


class Histogram:
    """Counts whole numbers from 1 to 86,400,000,000: microseconds, or records.

    Each is known to three significant digits. `percentile(50)` is the median; of an empty histogram everything is 0.
    """

    __slots__ = ("_hdr",)

    def __init__(self) -> None:
        self._hdr = HdrHistogram(SMALLEST, LARGEST, DIGITS)

    @classmethod
    def decoded(cls, text: str) -> Self:
        """The histogram that `encoded` made the text of. Raises ValueError for any other text."""
        histogram = cls()
        histogram.merge(text)
        return histogram

    def record(self, value: float) -> None:
        """Count a value, to the nearest whole number."""
        self._hdr.record_value(min(LARGEST, max(SMALLEST, round(value))))

    def merge(self, encoded: str) -> None:
        """Add what another histogram counted, as its `encoded` gave it. Raises ValueError if it is none."""
        try:
            self._hdr.add(HdrHistogram.decode(encoded))
        except _MALFORMED as error:
            raise ValueError(f"not an HDR histogram: {' '.join(str(error).split())}") from error

    def encoded(self) -> str:
        """All that was counted, as text: HdrHistogram V2, compressed, base64."""
        return bytes(self._hdr.encode()).decode("ascii")

    def percentile(self, percent: float) -> int:
        """The value that `percent` of the values do not exceed."""
        return self.percentiles([percent])[percent] if self.count else 0

    def percentiles(self, percents: Iterable[float]) -> dict[float, int]:
        """Several at once, which costs no more than one."""
        wanted = list(percents)
        if not self.count:
            return dict.fromkeys(wanted, 0)
        values: Mapping[float, Any] = self._hdr.get_percentile_to_value_dict(wanted)
        return {percent: int(values[percent]) for percent in wanted}

    @property
    def count(self) -> int:
        """How many values."""
        return int(self._hdr.get_total_count())

    @property
    def max(self) -> int:
        """The largest value."""
        return int(self._hdr.get_max_value()) if self.count else 0

    @property
    def mean(self) -> float:
        """The mean of the values."""
        return float(self._hdr.get_mean_value())

    def buckets(self) -> list[Bucket]:
        """Where values are, in ascending order."""
        found = []
        # Not by hdrh's own iterator, which takes some hundred milliseconds over the empty ones.
        for index, count in enumerate(self._hdr.counts):
            if count:
                value = self._hdr.get_value_from_index(index)
                found.append(
                    Bucket(
                        low=int(self._hdr.get_lowest_equivalent_value(value)),
                        high=int(self._hdr.get_highest_equivalent_value(value)),
                        count=int(count),
                    )
                )
        return found


def merged(encoded: Iterable[str]) -> Histogram:
    """What several histograms counted together. Raises ValueError if one is none."""
    total = Histogram()
    for text in encoded:
        total.merge(text)
    return total


def percentile_of(values: list[float], percent: float) -> float | None:
    """A percentile of a few values that are all known (nearest rank); None of no values."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[max(0, min(len(ranked) - 1, int(percent * len(ranked) / 100 + 0.5) - 1))]
