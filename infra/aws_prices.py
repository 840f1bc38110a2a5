"""Prices of AWS, from `prices.json`: US dollars, on demand, in one region, without any free tier; and the free tier.

For estimates alone: later tiers of a price, savings plans, taxes and data transfer are left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

__all__ = ["FREE_TIER", "PRICES", "PRICES_REGION", "Allowance", "Price"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What ``per`` of a ``unit`` cost, where AWS says so, and when (year and month) it was so."""

    usd: float
    per: int
    unit: str
    source: str
    as_of: str

    def of(self, count: float) -> float:
        """What ``count`` of the unit cost, in US dollars."""
        return self.usd * count / self.per


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What costs nothing: the first ``count`` of a ``unit`` in a month, over the prices that it ``covers`` together."""

    count: float
    unit: str
    covers: tuple[str, ...]
    source: str
    as_of: str


_FILE: Final = Path(__file__).with_name("prices.json")
_TABLE: Final[Mapping[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))

PRICES_REGION: Final[str] = _TABLE["region"]
PRICES: Final[Mapping[str, Price]] = MappingProxyType(
    {name: Price(**price) for name, price in _TABLE["prices"].items()}
)
FREE_TIER: Final[Mapping[str, Allowance]] = MappingProxyType(
    {
        name: Allowance(**{**allowance, "covers": tuple(allowance["covers"])})
        for name, allowance in _TABLE["free_tier_per_month"].items()
    }
)
