"""The errors that the SQS and Lambda APIs answer with, as far as the model refuses things."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

__all__ = ["ERRORS", "ErrorShape", "SqsError"]

_SQS = "AWS.SimpleQueueService."


class ErrorShape(NamedTuple):
    """How an API reports an error.

    ``query_code`` is what botocore's ``ClientError.response["Error"]["Code"]`` says: SQS still sends the code of its
    older protocol along. ``in_sqs_model`` is False for codes that SQS answers with and its API model does not list
    (recordings), and for Lambda's own.
    """

    query_code: str
    http_status: int = 400
    in_sqs_model: bool = True


ERRORS: Final[Mapping[str, ErrorShape]] = MappingProxyType(
    {
        "BatchEntryIdsNotDistinct": ErrorShape(f"{_SQS}BatchEntryIdsNotDistinct"),
        "BatchRequestTooLong": ErrorShape(f"{_SQS}BatchRequestTooLong"),
        "EmptyBatchRequest": ErrorShape(f"{_SQS}EmptyBatchRequest"),
        "InvalidAttributeValue": ErrorShape("InvalidAttributeValue"),
        "InvalidBatchEntryId": ErrorShape(f"{_SQS}InvalidBatchEntryId"),
        "InvalidMessageContents": ErrorShape("InvalidMessageContents"),
        "InvalidParameterValue": ErrorShape("InvalidParameterValue", in_sqs_model=False),
        "MissingParameter": ErrorShape("MissingParameter", in_sqs_model=False),
        "OverLimit": ErrorShape("OverLimit", 403),
        "PurgeQueueInProgress": ErrorShape(f"{_SQS}PurgeQueueInProgress", 403),
        "QueueDoesNotExist": ErrorShape(f"{_SQS}NonExistentQueue"),
        "ReceiptHandleIsInvalid": ErrorShape("ReceiptHandleIsInvalid", 404),
        "ResourceNotFoundException": ErrorShape("ResourceNotFoundException", 404),
        "TooManyEntriesInBatchRequest": ErrorShape(f"{_SQS}TooManyEntriesInBatchRequest"),
        # Lambda's, for an event source mapping that it refuses.
        "InvalidParameterValueException": ErrorShape("InvalidParameterValueException", in_sqs_model=False),
    }
)
"""By the name that botocore gives the exception class."""


class SqsError(Exception):
    """A request that AWS would refuse.

    ``code`` is the error's name in :data:`ERRORS` (``InvalidParameterValue``, ``MissingParameter``, …), ``message``
    says what was wrong. Nothing has changed when it is raised.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @property
    def query_code(self) -> str:
        """What ``ClientError.response["Error"]["Code"]`` says."""
        return ERRORS[self.code].query_code

    @property
    def http_status(self) -> int:
        """The status of the HTTP response."""
        return ERRORS[self.code].http_status
