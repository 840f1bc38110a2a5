"""What the queue, the event source mapping and the function behind it are set to, as AWS answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from redrive.fixtures.stacks import AwsClients

from .record import ConsumerConfiguration

__all__ = ["read_configuration"]

_QUEUE: Final = "visibility timeout, retention, redrive policy"
_MAPPING: Final = "batch size, window, concurrency, partial batch response"
_FUNCTION: Final = "function timeout, memory, architecture"
_ATTRIBUTES: Final = ("QueueArn", "VisibilityTimeout", "MessageRetentionPeriod", "RedrivePolicy")
_REASON_CHARS_MAX: Final = 160


def read_configuration(aws: AwsClients, queue_url: str) -> ConsumerConfiguration:
    """Read it with as many rights as there are; raises nothing that AWS answers.

    What may not be read, or is not there, is None and has a line in `unread`. `aws` makes boto3 clients.
    """
    unread: list[str] = []
    found: dict[str, Any] = {"fifo": queue_url.endswith(".fifo")}
    queue = _asked(_QUEUE, unread, lambda: _queue(aws, queue_url))
    found |= queue
    arn = found.pop("arn", None)
    if arn is None:
        unread.append(f"{_MAPPING}: the queue's ARN is not known")
    else:
        found |= _asked(_MAPPING, unread, lambda: _mapping(aws, arn, unread))
    function_arn = found.pop("function_arn", None)
    if function_arn is None:
        unread.append(f"{_FUNCTION}: which function it is is not known")
    else:
        found |= _asked(_FUNCTION, unread, lambda: _function(aws, function_arn))
        found |= _asked("reserved concurrency", unread, lambda: _reserved(aws, function_arn))
    return ConsumerConfiguration(**found, unread=tuple(unread))


def _asked(what: str, unread: list[str], ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer, or nothing and a line that says why."""
    try:
        return ask()
    except (ClientError, BotoCoreError) as error:
        reason = " ".join(str(error).split())[:_REASON_CHARS_MAX]
    except (KeyError, TypeError, ValueError) as error:
        # An emulator's answer that AWS would not give.
        reason = f"the answer cannot be read ({type(error).__name__}: {' '.join(str(error).split())})"
    unread.append(f"{what}: {reason}")
    return {}


def _queue(aws: AwsClients, queue_url: str) -> dict[str, Any]:
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=list(_ATTRIBUTES))
    attributes: Mapping[str, str] = answer.get("Attributes", {})
    policy = json.loads(attributes.get("RedrivePolicy") or "{}")
    return {
        "arn": attributes["QueueArn"],
        "visibility_timeout_s": _number(attributes.get("VisibilityTimeout")),
        "retention_s": _number(attributes.get("MessageRetentionPeriod")),
        "dead_letter_queue": bool(policy.get("deadLetterTargetArn")),
        "max_receive_count": _number(policy.get("maxReceiveCount")),
    }


def _number(text: Any) -> int | None:
    return None if text is None else int(text)


def _mapping(aws: AwsClients, queue_arn: str, unread: list[str]) -> dict[str, Any]:
    pages = aws.client("lambda").get_paginator("list_event_source_mappings").paginate(EventSourceArn=queue_arn)
    mappings: list[Mapping[str, Any]] = [mapping for page in pages for mapping in page["EventSourceMappings"]]
    if not mappings:
        unread.append(f"{_MAPPING}: the queue has no event source mapping")
        return {}
    enabled = [mapping for mapping in mappings if mapping.get("State") == "Enabled"]
    mapping = (enabled or mappings)[0]
    if len(mappings) > 1:
        unread.append(f"{len(mappings)} mappings take from this queue; what is said is of {mapping.get('UUID')}")
    if not enabled:
        unread.append(f"the mapping is {mapping.get('State')}")
    window_s = mapping.get("MaximumBatchingWindowInSeconds")
    return {
        "function_arn": mapping["FunctionArn"],
        "function_name": _name(mapping["FunctionArn"]),
        "batch_size": _number(mapping.get("BatchSize")),
        "batching_window_s": None if window_s is None else float(window_s),
        "maximum_concurrency": _number((mapping.get("ScalingConfig") or {}).get("MaximumConcurrency")),
        "partial_batch_response": "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or ()),
    }


def _name(function_arn: str) -> str:
    """`arn:aws:lambda:REGION:ACCOUNT:function:NAME[:ALIAS]`."""
    parts = function_arn.split(":")
    return parts[6] if len(parts) > 6 else function_arn


def _function(aws: AwsClients, function_arn: str) -> dict[str, Any]:
    answer = aws.client("lambda").get_function_configuration(FunctionName=function_arn)
    architectures = answer.get("Architectures") or ()
    return {
        "function_timeout_s": _number(answer.get("Timeout")),
        "memory_mb": _number(answer.get("MemorySize")),
        "architecture": architectures[0] if architectures else None,
    }


def _reserved(aws: AwsClients, function_arn: str) -> dict[str, Any]:
    # Concurrency is the function's, not an alias's.
    function = ":".join(function_arn.split(":")[:7])
    answer = aws.client("lambda").get_function_concurrency(FunctionName=function)
    return {"reserved_concurrency": _number(answer.get("ReservedConcurrentExecutions"))}
