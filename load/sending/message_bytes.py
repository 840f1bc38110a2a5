"""How large messages are: `512`, `100-2000` or `lognormal:MEDIAN,SIGMA`, in bytes as SQS counts them (S01)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from random import Random
from typing import Final

__all__ = ["MESSAGE_BYTES_MAX", "MessageBytes"]

MESSAGE_BYTES_MAX: Final = 1_048_576
"""Of a message with its attributes, and of all messages of a batch together (S01, S02)."""

_RANGE: Final = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
_LOGNORMAL: Final = re.compile(r"lognormal:(\d{1,9}(?:\.\d+)?),(\d{1,3}(?:\.\d+)?)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBytes:
    """A distribution of sizes: even from `low` to `high`, or lognormal if there is a `sigma`, `low` being the median.

    No size is above what a message may have.
    """

    low: int
    high: int
    sigma: float | None = None

    @classmethod
    def parse(cls, text: str) -> MessageBytes:
        """From an argument. Raises ValueError."""
        if found := _RANGE.fullmatch(text):
            low = int(found[1])
            high = int(found[2]) if found[2] else low
            if 1 <= low <= high <= MESSAGE_BYTES_MAX:
                return cls(low=low, high=high)
        elif found := _LOGNORMAL.fullmatch(text):
            median, sigma = round(float(found[1])), float(found[2])
            if 1 <= median <= MESSAGE_BYTES_MAX and sigma <= 10:
                return cls(low=median, high=MESSAGE_BYTES_MAX, sigma=sigma)
        raise ValueError(
            f"{text!r} is not a size from 1 to {MESSAGE_BYTES_MAX} bytes, like 512, 100-2000 or lognormal:1000,0.5"
        )

    def draw(self, random: Random) -> int:
        """The size of the next message."""
        if self.sigma is not None:
            # Before it is raised, lest it be more than a float holds.
            exponent = min(self.sigma * random.gauss(0.0, 1.0), 20.0)
            return max(1, min(MESSAGE_BYTES_MAX, round(self.low * math.exp(exponent))))
        return self.low if self.low == self.high else random.randint(self.low, self.high)
