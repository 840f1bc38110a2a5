"""Prices of AWS, as data: US dollars, on demand, in us-east-1, without any free tier. For estimates alone."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["PRICES", "PRICES_REGION", "Price"]

PRICES_REGION: Final = "us-east-1"


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


_SQS: Final = "https://aws.amazon.com/sqs/pricing/"
_LAMBDA: Final = "https://aws.amazon.com/lambda/pricing/"
_DYNAMODB: Final = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_S3: Final = "https://aws.amazon.com/s3/pricing/"
_CLOUDWATCH: Final = "https://aws.amazon.com/cloudwatch/pricing/"

PRICES: Final = MappingProxyType(
    {
        "sqs-requests": Price(usd=0.40, per=1_000_000, unit="requests of 64 KB", source=_SQS, as_of="2026-03"),
        "sqs-fifo-requests": Price(usd=0.50, per=1_000_000, unit="requests of 64 KB", source=_SQS, as_of="2026-03"),
        "lambda-requests": Price(usd=0.20, per=1_000_000, unit="requests", source=_LAMBDA, as_of="2026-03"),
        "lambda-gb-seconds-arm64": Price(usd=0.0000133334, per=1, unit="GB-seconds", source=_LAMBDA, as_of="2026-03"),
        "lambda-gb-seconds-x86_64": Price(usd=0.0000166667, per=1, unit="GB-seconds", source=_LAMBDA, as_of="2026-03"),
        "dynamodb-writes": Price(
            usd=0.625, per=1_000_000, unit="write units of 1 KB", source=_DYNAMODB, as_of="2025-07"
        ),
        "dynamodb-reads": Price(usd=0.125, per=1_000_000, unit="read units of 4 KB", source=_DYNAMODB, as_of="2025-07"),
        "s3-writes": Price(usd=0.005, per=1_000, unit="PUT and LIST requests", source=_S3, as_of="2025-07"),
        "logs-gb": Price(usd=0.50, per=1, unit="GB of logs", source=_CLOUDWATCH, as_of="2026-02"),
        "alarm-months": Price(usd=0.10, per=1, unit="months of an alarm", source=_CLOUDWATCH, as_of="2026-02"),
    }
)
