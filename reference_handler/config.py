"""The function's environment variables, read and checked once.

    ConfigError          a variable has a value that cannot be used; the message is one line and names it

A variable that is empty counts as not set: deployment templates write empty strings for what is not chosen.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from .keys import KeySource, parse_pointer
from .reasons import shown

__all__ = ["ConfigError", "LedgerName", "LogLevel", "Settings", "SinkName"]

W = TypeVar("W", bound=StrEnum)

_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
# The names that SQS allows (S04).
_ATTRIBUTE = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
_BUCKET = re.compile(r"[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]")
_NUMBER = re.compile(r"[0-9]{1,10}")
# No user and password, no query; in the path the account and the name, on LocalStack perhaps more before them.
_QUEUE_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9_-]{1,80}){2,5}")

_DAY_S = 86_400
# A message lives at most 14 days in its queue (S13), so 14 days after completion no delivery of it is left. A day on
# top for the producer that sends it again late, and for clocks that disagree. A message redriven from the DLQ starts
# a new life (S12): who redrives after weeks wants a longer time.
_TTL_S = 1_209_600 + _DAY_S
# Longer than any lease, which lasts at most a function's 900 s and the margin.
_TTL_S_MIN = 3_600
# All the bodies of a batch are in memory at once: ten of these fit into the 256 MB that the function has by default.
_PAYLOAD_BYTES_MAX = 8_388_608


class ConfigError(ValueError):
    """An environment variable that cannot be used: its name, its value, and what is allowed."""

    def __init__(self, name: str, problem: str, allowed: str) -> None:
        super().__init__(f"{name}: {problem}; allowed: {allowed}")
        self.name = name


class SinkName(StrEnum):
    """Values of REDRIVE_SINK."""

    DELTA = "delta"
    DYNAMODB = "dynamodb"
    MEMORY = "memory"


class LedgerName(StrEnum):
    """Values of REDRIVE_LEDGER."""

    MEMORY = "memory"
    DYNAMODB = "dynamodb"


class LogLevel(StrEnum):
    """Values of REDRIVE_LOG_LEVEL: the least level that is written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment variables say. `table` is set whenever the ledger is in DynamoDB.

    Without `payload_buckets`, pointers to bodies in S3 are not followed; without `reply_queue_url` nobody is told what
    became of a batch.
    """

    sink: SinkName = SinkName.DELTA
    delta_table: Path = Path("/tmp/redrive/sqs_messages")  # noqa: S108 - the one place Lambda lets a function write
    ledger: LedgerName = LedgerName.MEMORY
    table: str | None = None
    key_source: KeySource = KeySource()  # noqa: RUF009 - frozen
    payload_buckets: frozenset[str] = frozenset()
    payload_bytes_max: int = _PAYLOAD_BYTES_MAX
    reply_queue_url: str | None = None
    ttl_s: int = _TTL_S
    deadline_reserve_ms: int = 1_000
    lease_margin_ms: int = 1_000
    max_workers: int = 10
    log_level: LogLevel = LogLevel.INFO

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the variables. Raises ConfigError for the first that cannot be used."""
        read = _Reader(environment)
        default = cls()
        sink = read.word("REDRIVE_SINK", SinkName, default.sink)
        ledger = read.word(
            "REDRIVE_LEDGER",
            LedgerName,
            LedgerName.DYNAMODB if sink is SinkName.DYNAMODB else LedgerName.MEMORY,
        )
        if sink is SinkName.DYNAMODB and ledger is not LedgerName.DYNAMODB:
            raise ConfigError(
                "REDRIVE_LEDGER",
                f"{shown(str(ledger))} does not go with REDRIVE_SINK=dynamodb, which writes into the ledger's items",
                "dynamodb",
            )
        return cls(
            sink=sink,
            delta_table=read.path("REDRIVE_DELTA_TABLE", default.delta_table),
            ledger=ledger,
            table=read.table("REDRIVE_TABLE", required=ledger is LedgerName.DYNAMODB),
            key_source=KeySource(
                pointer=read.pointer("REDRIVE_BUSINESS_KEY_POINTER"),
                attribute=read.attribute("REDRIVE_BUSINESS_KEY_ATTRIBUTE"),
            ),
            payload_buckets=read.buckets("REDRIVE_PAYLOAD_BUCKETS"),
            payload_bytes_max=read.number("REDRIVE_PAYLOAD_BYTES_MAX", default.payload_bytes_max, 1, 268_435_456),
            reply_queue_url=read.queue("REDRIVE_REPLY_QUEUE_URL"),
            ttl_s=read.number("REDRIVE_TTL_S", default.ttl_s, _TTL_S_MIN, 3_650 * _DAY_S),
            deadline_reserve_ms=read.number("REDRIVE_DEADLINE_RESERVE_MS", default.deadline_reserve_ms, 0, 600_000),
            lease_margin_ms=read.number("REDRIVE_LEASE_MARGIN_MS", default.lease_margin_ms, 0, 600_000),
            max_workers=read.number("REDRIVE_MAX_WORKERS", default.max_workers, 1, 64),
            log_level=read.word("REDRIVE_LOG_LEVEL", LogLevel, default.log_level),
        )


class _Reader:
    """Reads one variable at a time, or says what is wrong with it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def _get(self, name: str) -> str | None:
        return self._environment.get(name) or None

    def word(self, name: str, words: type[W], default: W) -> W:
        text = self._get(name)
        if text is None:
            return default
        try:
            return words(text)
        except ValueError:
            raise ConfigError(name, f"unknown value {shown(text)}", ", ".join(words)) from None

    def number(self, name: str, default: int, low: int, high: int) -> int:
        text = self._get(name)
        if text is None:
            return default
        if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
            raise ConfigError(name, f"bad value {shown(text)}", f"a whole number from {low} to {high}")
        return int(text)

    def path(self, name: str, default: Path) -> Path:
        text = self._get(name)
        if text is None:
            return default
        if "://" in text:  # may hold credentials, so it is not repeated
            raise ConfigError(name, "it is a URL", "the path of a local folder")
        if "\0" in text:
            raise ConfigError(name, f"bad value {shown(text)}", "the path of a local folder")
        return Path(text)

    def table(self, name: str, *, required: bool) -> str | None:
        text = self._get(name)
        allowed = "the name of a DynamoDB table, 3 to 255 of A-Z a-z 0-9 _ . -"
        if text is None and required:
            raise ConfigError(name, "not set, and a ledger in DynamoDB needs it", allowed)
        if text is not None and not _TABLE.fullmatch(text):
            raise ConfigError(name, f"bad value {shown(text)}", allowed)
        return text

    def buckets(self, name: str) -> frozenset[str]:
        text = self._get(name)
        if text is None:
            return frozenset()
        names = [part.strip() for part in text.split(",")]
        if not all(map(_BUCKET.fullmatch, names)):
            raise ConfigError(name, f"bad value {shown(text)}", "names of S3 buckets with commas between them")
        return frozenset(names)

    def queue(self, name: str) -> str | None:
        text = self._get(name)
        if text is not None and not _QUEUE_URL.fullmatch(text):
            # May hold credentials, so it is not repeated.
            raise ConfigError(name, "it is no such URL", "the https URL of a standard queue of SQS")
        return text

    def pointer(self, name: str) -> tuple[str, ...] | None:
        text = self._get(name)
        if text is None:
            return None
        try:
            return parse_pointer(text)
        except ValueError:
            raise ConfigError(name, f"bad value {shown(text)}", "a JSON pointer (RFC 6901) such as /order/id") from None

    def attribute(self, name: str) -> str | None:
        text = self._get(name)
        if text is not None and not _ATTRIBUTE.fullmatch(text):
            raise ConfigError(
                name, f"bad value {shown(text)}", "the name of a message attribute, 1 to 256 of A-Z a-z 0-9 _ . -"
            )
        return text
