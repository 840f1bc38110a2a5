"""What an AWS operation comes to if it is made twice, as data: a table of operations, with the reason for each.

What is not in the table is told by the operation's verb, and where that does not tell, by its HTTP method. Only what is
known to add counts against a consumer, so that what nobody knows is no false alarm.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["GUARDS", "RULES", "SERVICES", "Rule", "Writing", "rule_of"]


class Writing(StrEnum):
    """What a second call with the same parameters would do."""

    READS = "reads"
    """Nothing: it changes nothing to begin with."""
    SAME = "same"
    """Nothing: what it leaves behind is there already. Idempotent by nature."""
    GUARDED = "guarded"
    """Nothing: a condition, a name or a token keeps it from taking effect again."""
    ADDS = "adds"
    """The same once more."""
    TELEMETRY = "telemetry"
    """Tell once more about the run: metrics, logs and traces are not the work."""
    UNKNOWN = "unknown"
    """Nobody knows."""


class Rule(NamedTuple):
    """``guards`` are parameters that, where given, keep the call from taking effect twice.

    ``place`` names the parameter with the table, bucket or the like, ``key`` the one with what is replaced in it.
    """

    writing: Writing
    why: str
    guards: tuple[str, ...] = ()
    place: str = ""
    key: str = ""


GUARDS = frozenset(
    {
        "ClientRequestToken",
        "ClientToken",
        "ConditionExpression",
        "IdempotencyToken",
        "IfMatch",
        "IfNoneMatch",
        "clientRequestToken",
        "clientToken",
        "idempotencyToken",
    }
)
"""Parameters that are a guard wherever they are given."""

_ADDS_A_MESSAGE = "each send is a message of its own"
_REPLACES = "replaces what is there under the key"
_GONE = "what is gone stays gone"
_OPENS_UPLOAD = "an upload that is not completed is not there"
_ADDS_A_RECORD = "each record is appended"
_ADDS_A_RUN = "each start is a run of its own"
_ADDS_AN_EMAIL = "each send is one more email"

_READS, _SAME, _GUARDED, _ADDS = Writing.READS, Writing.SAME, Writing.GUARDED, Writing.ADDS

RULES: Mapping[str, Mapping[str, Rule]] = MappingProxyType(
    {
        "dynamodb": {
            "PutItem": Rule(_SAME, _REPLACES, ("Expected",), "TableName", "Item"),
            "UpdateItem": Rule(_SAME, "sets; adds where the expression does", ("Expected",), "TableName", "Key"),
            "DeleteItem": Rule(_SAME, _GONE, ("Expected",), "TableName", "Key"),
            "BatchWriteItem": Rule(_SAME, "knows puts and deletes only"),
            "TransactWriteItems": Rule(_SAME, "what its parts are; the condition of one guards them all"),
            "ExecuteStatement": Rule(Writing.UNKNOWN, "what its statement is"),
            "BatchExecuteStatement": Rule(Writing.UNKNOWN, "what its statements are"),
            "ExecuteTransaction": Rule(Writing.UNKNOWN, "what its statements are"),
            "TransactGetItems": Rule(_READS, "reads"),
        },
        "s3": {
            "PutObject": Rule(_SAME, _REPLACES, (), "Bucket", "Key"),
            "CopyObject": Rule(_SAME, _REPLACES, (), "Bucket", "Key"),
            "DeleteObject": Rule(_SAME, _GONE, (), "Bucket", "Key"),
            "CreateMultipartUpload": Rule(_SAME, _OPENS_UPLOAD),
            "UploadPart": Rule(_SAME, _OPENS_UPLOAD),
            "UploadPartCopy": Rule(_SAME, _OPENS_UPLOAD),
            "AbortMultipartUpload": Rule(_SAME, _GONE),
            "CompleteMultipartUpload": Rule(_SAME, _REPLACES, (), "Bucket", "Key"),
            "CreateBucket": Rule(_SAME, "a bucket is there once"),
        },
        "sqs": {
            "SendMessage": Rule(_ADDS, _ADDS_A_MESSAGE, ("MessageDeduplicationId",)),
            "SendMessageBatch": Rule(_ADDS, _ADDS_A_MESSAGE),
            "ReceiveMessage": Rule(_READS, "hides for a while, and adds nothing"),
            "ChangeMessageVisibility": Rule(_SAME, "counts from now"),
            "ChangeMessageVisibilityBatch": Rule(_SAME, "counts from now"),
            "PurgeQueue": Rule(_SAME, _GONE),
            "CreateQueue": Rule(_SAME, "a queue of the name is there once"),
        },
        "sns": {
            "Publish": Rule(_ADDS, _ADDS_A_MESSAGE, ("MessageDeduplicationId",)),
            "PublishBatch": Rule(_ADDS, _ADDS_A_MESSAGE),
            "CreateTopic": Rule(_SAME, "a topic of the name is there once"),
            "Subscribe": Rule(_SAME, "an endpoint is subscribed once"),
        },
        "eventbridge": {"PutEvents": Rule(_ADDS, "each event is delivered")},
        "scheduler": {"CreateSchedule": Rule(_GUARDED, "a schedule of the name is there once")},
        "kinesis": {
            "PutRecord": Rule(_ADDS, _ADDS_A_RECORD),
            "PutRecords": Rule(_ADDS, _ADDS_A_RECORD),
        },
        "firehose": {
            "PutRecord": Rule(_ADDS, _ADDS_A_RECORD),
            "PutRecordBatch": Rule(_ADDS, _ADDS_A_RECORD),
        },
        "sfn": {
            "StartExecution": Rule(_ADDS, _ADDS_A_RUN, ("name",)),
            "StartSyncExecution": Rule(_ADDS, _ADDS_A_RUN),
            "SendTaskSuccess": Rule(_SAME, "a task ends once"),
            "SendTaskFailure": Rule(_SAME, "a task ends once"),
            "SendTaskHeartbeat": Rule(_SAME, "counts from now"),
        },
        "ses": {
            "SendEmail": Rule(_ADDS, _ADDS_AN_EMAIL),
            "SendRawEmail": Rule(_ADDS, _ADDS_AN_EMAIL),
            "SendTemplatedEmail": Rule(_ADDS, _ADDS_AN_EMAIL),
            "SendBulkTemplatedEmail": Rule(_ADDS, _ADDS_AN_EMAIL),
        },
        "sesv2": {
            "SendEmail": Rule(_ADDS, _ADDS_AN_EMAIL),
            "SendBulkEmail": Rule(_ADDS, _ADDS_AN_EMAIL),
        },
        "lambda": {
            "Invoke": Rule(_ADDS, _ADDS_A_RUN),
            "InvokeAsync": Rule(_ADDS, _ADDS_A_RUN),
        },
        "batch": {"SubmitJob": Rule(_ADDS, _ADDS_A_RUN)},
        "ecs": {"RunTask": Rule(_ADDS, _ADDS_A_RUN)},
        "glue": {"StartJobRun": Rule(_ADDS, _ADDS_A_RUN, ("JobRunId",))},
        "rds-data": {
            "ExecuteStatement": Rule(Writing.UNKNOWN, "a unique key of the table may guard it"),
            "BatchExecuteStatement": Rule(Writing.UNKNOWN, "a unique key of the table may guard it"),
        },
    }
)
"""By service, as botocore's events name it, and operation."""

SERVICES: Mapping[str, Rule] = MappingProxyType(
    {
        "cloudwatch": Rule(Writing.TELEMETRY, "metrics"),
        "cloudwatch-logs": Rule(Writing.TELEMETRY, "logs"),
        "xray": Rule(Writing.TELEMETRY, "traces"),
        "sts": Rule(_READS, "gives credentials"),
        "kms": Rule(_READS, "works on what it is given"),
        "bedrock-runtime": Rule(_READS, "works on what it is given"),
        "comprehend": Rule(_READS, "works on what it is given"),
        "translate": Rule(_READS, "works on what it is given"),
        "appconfigdata": Rule(_READS, "reads a configuration"),
    }
)
"""Services all of whose operations that a handler makes are alike."""

# What a proxy sees are the names that requests are signed with.
_OTHER_NAMES = MappingProxyType(
    {"events": "eventbridge", "states": "sfn", "monitoring": "cloudwatch", "logs": "cloudwatch-logs", "email": "ses"}
)

_VERBS: tuple[tuple[Writing, str, str], ...] = (
    (
        _READS,
        "an operation of this name reads",
        (
            "Get List Describe Head Scan Query BatchGet Select Search Lookup Check Validate Verify Test Detect Analyze "
            "Estimate Simulate Filter"
        ),
    ),
    (
        _SAME,
        "an operation of this name says how it is to be",
        (
            "Put Set Update Delete Tag Untag Remove Enable Disable Attach Detach Associate Disassociate Cancel Stop "
            "Abort Modify Register Deregister Complete Copy Replace Purge"
        ),
    ),
    (_ADDS, "an operation of this name does one more each time", "Send Publish Invoke"),
)
_METHODS = MappingProxyType({"GET": _READS, "HEAD": _READS, "PUT": _SAME, "DELETE": _SAME})


def rule_of(service: str, operation: str, method: str = "") -> Rule:
    """The rule for an operation: of the table, by its verb, or by its HTTP ``method``."""
    service = service.lower()
    service = _OTHER_NAMES.get(service, service)
    if service in SERVICES:
        return SERVICES[service]
    known = RULES.get(service, {}).get(operation)
    if known is not None:
        return known
    for writing, why, verbs in _VERBS:
        if operation.startswith(tuple(verbs.split())):
            return Rule(writing, why)
    return Rule(_METHODS.get(method.upper(), Writing.UNKNOWN), "so says its HTTP method")
