"""A queue's attributes, and the ranges that SQS allows for them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .errors import SqsError

__all__ = [
    "VISIBILITY_TIMEOUT_S_MAX",
    "DeduplicationScope",
    "QueueConfig",
    "check_delay",
    "check_range",
    "not_for_this_type",
]

VISIBILITY_TIMEOUT_S_MAX: Final = 43_200
DELAY_S_MAX: Final = 900
RETENTION_S_MIN: Final = 60
RETENTION_S_MAX: Final = 1_209_600
MESSAGE_BYTES_MIN: Final = 1_024
MESSAGE_BYTES_MAX: Final = 1_048_576
MAX_RECEIVE_COUNT_MAX: Final = 1_000


class DeduplicationScope(StrEnum):
    """Within what a deduplication id counts as the same (S19)."""

    QUEUE = "queue"
    MESSAGE_GROUP = "messageGroup"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueConfig:
    """A queue's attributes. Raises :class:`SqsError` ``InvalidAttributeValue`` for what SQS would refuse.

    ``max_receive_count`` is the redrive policy's; without it nothing is ever dead-lettered. ``name`` gets the
    suffix ``.fifo`` by itself where it lacks it. ``in_flight_limit`` is AWS's quota (S15) and only smaller in tests.
    """

    name: str = "redrive-queue"
    fifo: bool = False
    visibility_timeout_s: int = 30
    delay_s: int = 0
    retention_s: int = 345_600
    max_message_bytes: int = MESSAGE_BYTES_MAX
    max_receive_count: int | None = None
    content_based_deduplication: bool = False
    deduplication_scope: DeduplicationScope = DeduplicationScope.QUEUE
    in_flight_limit: int = 120_000
    region: str = "us-east-1"
    account_id: str = "123456789012"

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("VisibilityTimeout", self.visibility_timeout_s, 0, VISIBILITY_TIMEOUT_S_MAX),
            ("DelaySeconds", self.delay_s, 0, DELAY_S_MAX),
            ("MessageRetentionPeriod", self.retention_s, RETENTION_S_MIN, RETENTION_S_MAX),
            ("MaximumMessageSize", self.max_message_bytes, MESSAGE_BYTES_MIN, MESSAGE_BYTES_MAX),
        ):
            check_range(name, value, least, most, code="InvalidAttributeValue")
        if self.max_receive_count is not None:
            most = MAX_RECEIVE_COUNT_MAX
            check_range("maxReceiveCount", self.max_receive_count, 1, most, code="InvalidAttributeValue")
        if self.in_flight_limit < 1:
            raise ValueError("a queue lets at least one message be in flight")

    @property
    def arn(self) -> str:
        """The queue's ARN, with the suffix that FIFO queues have."""
        suffix = ".fifo" if self.fifo and not self.name.endswith(".fifo") else ""
        return f"arn:aws:sqs:{self.region}:{self.account_id}:{self.name}{suffix}"


def check_delay(config: QueueConfig, delay_s: int | None) -> int:
    """How long a message sent with this ``DelaySeconds`` is hidden, in seconds (S14).

    Raises :class:`SqsError` ``InvalidParameterValue`` outside 0 to 900, and for a delay of its own on a FIFO queue.
    """
    if delay_s is None:
        return config.delay_s
    if config.fifo and delay_s:
        raise SqsError(
            "InvalidParameterValue",
            f"Value {delay_s} for parameter DelaySeconds is invalid. Reason: The request include parameter that is "
            "not valid for this queue type.",
        )
    check_range("DelaySeconds", delay_s, 0, DELAY_S_MAX)
    return config.delay_s if config.fifo else delay_s


def check_range(name: str, value: int, least: int, most: int, *, code: str = "InvalidParameterValue") -> None:
    """Raise :class:`SqsError` with ``code`` unless ``value`` is from ``least`` to ``most``."""
    if not least <= value <= most:
        reason = f"Must be between {least} and {most}, if provided."
        raise SqsError(code, f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def not_for_this_type(parameter: str) -> SqsError:
    """The refusal of a parameter that only the other type of queue has."""
    message = f"The request include parameter {parameter} which is not valid for this queue type"
    return SqsError("InvalidParameterValue", message)
