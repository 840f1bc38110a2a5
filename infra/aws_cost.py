"""What a verification on AWS may cost: an estimate that errs upwards, from counts and the price table."""

from dataclasses import dataclass
from typing import Final

from .aws_prices import PRICES, PRICES_REGION

__all__ = ["Cost", "Estimate", "Work", "estimate"]

_BODY_KB: Final = 64
_POLLERS: Final = 5
"""How many receives the mapping has waiting at a time (E13), each for up to 20 s (E03)."""
_RECEIVE_WAIT_S: Final = 20
_ITEM_WRITES: Final = 4
"""Writes for a delivery: claimed, done or released, each with room for a body of 2 KB."""
_INVOCATION_S: Final = 1.0
_INVOCATION_LOG_KB: Final = 4.0
_LOOK_S: Final = 2
_MONTH_S: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done: counts, seconds and megabytes. ``deliveries`` counts each delivery of a message.

    ``creates`` is False where everything is there already: then nothing is put into S3, and no alarms are new.
    """

    messages: int
    deliveries: int
    seconds: float
    memory_mb: int = 256
    body_kb: float = 1.0
    architecture: str = "arm64"
    fifo: bool = False
    creates: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One line of an estimate: ``count`` of ``item`` cost ``usd``."""

    item: str
    count: float
    usd: float

    def __str__(self) -> str:
        return f"{self.item:<26} {self.count:>12,.3f} {PRICES[self.item].unit:<22} ${self.usd:.6f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What it may cost, line by line."""

    costs: tuple[Cost, ...]

    @property
    def usd(self) -> float:
        """All of it."""
        return sum(cost.usd for cost in self.costs)

    def lines(self) -> list[str]:
        """To be printed: each line, the sum, and where the prices are from."""
        ages = sorted({PRICES[cost.item].as_of for cost in self.costs})
        since = ages[0] if len(ages) == 1 else f"{ages[0]} to {ages[-1]}"
        total = f"about ${self.usd:.4f}, by the prices of {since} for {PRICES_REGION} without a free tier"
        return [*map(str, self.costs), total]

    def __add__(self, other: "Estimate") -> "Estimate":
        """Both together, line by line."""
        mine = {cost.item: cost for cost in self.costs}
        for cost in other.costs:
            before = mine.get(cost.item, Cost(item=cost.item, count=0.0, usd=0.0))
            mine[cost.item] = Cost(item=cost.item, count=before.count + cost.count, usd=before.usd + cost.usd)
        return Estimate(costs=tuple(mine.values()))


def estimate(work: Work) -> Estimate:
    """The cost of this work: every delivery in an invocation of its own that takes a second."""
    parts = max(1.0, work.body_kb / _BODY_KB)
    waiting = work.seconds / _RECEIVE_WAIT_S * _POLLERS
    looks = work.seconds / _LOOK_S
    # Sent once, received and deleted or given back each time; two looks at queues by us.
    requests = parts * (work.messages + 2 * work.deliveries) + waiting + 2 * looks
    size = max(1.0, work.body_kb)
    counts = {
        "sqs-fifo-requests" if work.fifo else "sqs-requests": requests,
        "lambda-requests": work.deliveries,
        f"lambda-gb-seconds-{work.architecture}": work.deliveries * _INVOCATION_S * work.memory_mb / 1024,
        "dynamodb-writes": work.deliveries * _ITEM_WRITES * size,
        # Each look reads the whole table twice, consistently, and every message may have left a row by then.
        "dynamodb-reads": looks * 2 * max(1.0, work.messages * size / 4),
        "logs-gb": work.deliveries * _INVOCATION_LOG_KB / 1024 / 1024,
    }
    if work.creates:
        counts |= {"s3-writes": 10, "alarm-months": 2 * work.seconds / _MONTH_S}
    return Estimate(
        costs=tuple(Cost(item=item, count=count, usd=PRICES[item].of(count)) for item, count in counts.items())
    )
