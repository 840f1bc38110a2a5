"""The entry point: an SQS batch in, a partial batch response out."""

import os
import time
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from .batch import batch_item_failures, process_batch
from .clients import REPLY_MS_MAX, dynamodb_client, s3_client, sqs_client
from .config import ConfigError, LedgerName, Settings, SinkName
from .deadline import Deadline
from .event import parse_event
from .ledger.dynamodb import DynamoDBLedger
from .ledger.ledger import Ledger
from .ledger.memory import MemoryLedger
from .logs import Log
from .payloads import Payloads, S3Payloads
from .replies import SqsReplies, reply_body
from .sinks.delta import DeltaSink
from .sinks.dynamodb import DynamoDBSink
from .sinks.memory import ROWS, MemorySink
from .sinks.sink import Sink

__all__ = ["LambdaContext", "lambda_handler"]


class LambdaContext(Protocol):
    """What is used of the context that Lambda passes to a handler."""

    @property
    def aws_request_id(self) -> str:
        """Another one for each invocation: it owns the claims."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


def lambda_handler(event: Any, context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Process a batch; returns `{"batchItemFailures": [{"itemIdentifier": message id}, …]}`.

    The event source mapping must have `ReportBatchItemFailures`, or every message counts as processed (E08).
    Raises ConfigError, and EventError for an event that cannot be answered: then the whole batch comes back.
    """
    warm = _warm_start()
    started_ms = _now_ms()
    deadline = Deadline(remaining_ms=context.get_remaining_time_in_millis, reserve_ms=warm.settings.deadline_reserve_ms)
    items = process_batch(
        parse_event(event),
        owner=context.aws_request_id,
        ledger=warm.ledger,
        sink=warm.sink,
        key_source=warm.settings.key_source,
        deadline=deadline,
        now_ms=_now_ms,
        lease_margin_ms=warm.settings.lease_margin_ms,
        max_workers=warm.settings.max_workers,
        payloads=warm.payloads,
    )
    warm.batches += 1
    log = Log(level=warm.settings.log_level, request_id=context.aws_request_id)
    for item in items:
        log.record(item)
    duration_ms, cold_start = _now_ms() - started_ms, warm.batches == 1
    log.batch(items, duration_ms=duration_ms, cold_start=cold_start)
    if warm.replies is not None:
        body = reply_body(items, request_id=context.aws_request_id, duration_ms=duration_ms, cold_start=cold_start)
        problem = warm.replies.send(body, deadline)
        if problem is not None:
            log.no_reply(problem)
    return batch_item_failures(items)


@dataclass(slots=True, kw_only=True)
class _WarmStart:
    """What an execution environment keeps between invocations (E24)."""

    settings: Settings
    ledger: Ledger
    sink: Sink
    payloads: Payloads | None
    replies: SqsReplies | None
    batches: int = 0


@cache
def _warm_start() -> _WarmStart:
    # The function's only module state. Made by the first invocation and kept; if that fails, tried again by the next.
    settings = Settings.from_environment(os.environ)
    payloads, replies = _payloads(settings), _replies(settings)
    if settings.table is None or settings.ledger is LedgerName.MEMORY:
        ledger = MemoryLedger(ttl_s=settings.ttl_s)
        return _WarmStart(
            settings=settings, ledger=ledger, sink=_local_sink(settings), payloads=payloads, replies=replies
        )
    client = dynamodb_client(max_workers=settings.max_workers)
    shares_writes = settings.sink is SinkName.DYNAMODB
    return _WarmStart(
        settings=settings,
        ledger=DynamoDBLedger(client, table=settings.table, ttl_s=settings.ttl_s),
        sink=DynamoDBSink(client, table=settings.table) if shares_writes else _local_sink(settings),
        payloads=payloads,
        replies=replies,
    )


def _replies(settings: Settings) -> SqsReplies | None:
    if settings.reply_queue_url is None:
        return None
    return SqsReplies(sqs_client, queue_url=settings.reply_queue_url, call_ms_max=REPLY_MS_MAX)


def _payloads(settings: Settings) -> Payloads | None:
    if not settings.payload_buckets:
        return None
    return S3Payloads(
        lambda: s3_client(max_workers=settings.max_workers),
        buckets=settings.payload_buckets,
        bytes_max=settings.payload_bytes_max,
    )


def _local_sink(settings: Settings) -> Sink:
    if settings.sink is SinkName.MEMORY:
        return MemorySink(ROWS)
    try:
        return DeltaSink(settings.delta_table)
    except ImportError:
        raise ConfigError(
            "REDRIVE_SINK",
            "'delta' needs the packages deltalake and arro3-core, which are not installed",
            "delta with them, dynamodb, memory",
        ) from None


def _now_ms() -> int:
    return int(time.time() * 1000)
