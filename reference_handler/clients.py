"""The AWS clients, with limits that fit inside an invocation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

__all__ = ["REPLY_MS_MAX", "dynamodb_client", "s3_client", "sqs_client"]

# boto3's own limits are 60 s to connect, 60 s to read and five attempts: one hanging call would outlive the
# invocation, and with it the answer. These end a call in 5 s at worst, back-off included, and SQS does the retrying.
_CONNECT_TIMEOUT_S = 1.0
_READ_TIMEOUT_S = 1.0
_ATTEMPTS_MAX = 2

# A reply is worth one attempt and little time.
_REPLY_CONNECT_TIMEOUT_S = 0.5
_REPLY_READ_TIMEOUT_S = 1.0
REPLY_MS_MAX = 1_500
"""How long one call of `sqs_client` takes at most."""


def dynamodb_client(*, max_workers: int) -> DynamoDBClient:
    """A client for `max_workers` threads. Region, endpoint and credentials are found in boto3's usual places."""
    import boto3

    client = boto3.client("dynamodb", config=_config(max_workers))
    # botocore makes these classes when they are first asked for, and two threads that ask at once get two sets of them:
    # an `except` of one set does not catch an error of the other. So ask now, while there is one thread.
    _ = client.exceptions
    return client


def s3_client(*, max_workers: int) -> S3Client:
    """As `dynamodb_client`. A body that is read piece by piece may take longer in all than one call."""
    import boto3

    return boto3.client("s3", config=_config(max_workers))


def sqs_client() -> SQSClient:
    """A client for replies, which tries each call once."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "sqs",
        config=Config(
            connect_timeout=_REPLY_CONNECT_TIMEOUT_S,
            read_timeout=_REPLY_READ_TIMEOUT_S,
            retries={"total_max_attempts": 1},
        ),
    )


def _config(max_workers: int) -> Config:
    from botocore.config import Config

    return Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS_MAX},
        max_pool_connections=max_workers,
    )
