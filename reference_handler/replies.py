"""Replies: one message for each invocation, which tells whoever measures latency what became of each record.

Only for who asks for it (`REDRIVE_REPLY_QUEUE_URL`). A reply tells of a record the value of its message attribute
`redrive_load`, which the sender made to recognise it by; of the rest nothing, no body, no business key, no attribute.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .deadline import Deadline
from .event import Record
from .items import Fate, Item
from .reasons import safe_reason

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["MARK_ATTRIBUTE", "MESSAGE_BYTES_MAX", "REPLY_VERSION", "SqsReplies", "reply_body"]

REPLY_VERSION = 1
MARK_ATTRIBUTE = "redrive_load"
MESSAGE_BYTES_MAX = 1_048_576
"""What SQS takes as a body (S01)."""

_MARK_CHARS_MAX = 128
# What stands around the records, with room for the longest request id and for the number of those left out.
_FRAME_BYTES = 1_024
_OUTCOMES = {Fate.PROCESSED: "done", Fate.DUPLICATE: "duplicate", Fate.FAILED: "failed", Fate.UNPROCESSED: "failed"}


def reply_body(items: Sequence[Item], *, request_id: str, duration_ms: int, cold_start: bool) -> str:
    """The reply to a batch, as JSON on one line of ASCII.

    `{"redrive_reply": 1, "request_id", "records", "duration_ms", "cold_start", "messages": [[mark, outcome, receive
    count], …], "left_out"}`. Mark and receive count are null where they are not known; the outcome is `done`,
    `duplicate` or `failed`. `left_out` is how many records at the end of the batch did not fit into a message.
    """
    left_bytes = MESSAGE_BYTES_MAX - _FRAME_BYTES
    told: list[str] = []
    for item in items:
        assert item.fate is not None
        one = json.dumps([_mark(item), _OUTCOMES[item.fate], item.received.receive_count], separators=(",", ":"))
        left_bytes -= len(one) + 1
        if left_bytes < 0:
            break
        told.append(one)
    frame: dict[str, Any] = {
        "redrive_reply": REPLY_VERSION,
        "request_id": request_id[:_MARK_CHARS_MAX],
        "records": len(items),
        "duration_ms": duration_ms,
        "cold_start": cold_start,
        "left_out": len(items) - len(told),
    }
    return f'{json.dumps(frame, separators=(",", ":"))[:-1]},"messages":[{",".join(told)}]}}'


class SqsReplies:
    """Sends replies to a standard queue. `call_ms_max` is how long the client takes at most for one call.

    Whoever waits for a reply can do without it, and the batch cannot do without its answer: nothing is raised here.
    """

    def __init__(self, make_client: Callable[[], SQSClient], *, queue_url: str, call_ms_max: int) -> None:
        self._queue_url = queue_url
        self._call_ms_max = call_ms_max
        self._sqs: SQSClient | None = None
        self._problem = ""
        # Made before there is a reply, so that the time it takes is not taken from the answer.
        try:
            self._sqs = make_client()
        except Exception as error:  # noqa: BLE001 - as with the call
            self._problem = safe_reason(error)

    def send(self, body: str, deadline: Deadline) -> str | None:
        """Send a reply; returns None, or why it was not sent as far as is known."""
        if self._sqs is None:
            return self._problem
        if not deadline.may_spend(self._call_ms_max):
            return "the invocation's time was running out"
        try:
            self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)
        except Exception as error:  # noqa: BLE001 - the work is done, and its answer must not depend on the reply
            return safe_reason(error)
        return None


def _mark(item: Item) -> str | None:
    content = item.received.content
    if not isinstance(content, Record):
        return None
    attribute = content.message_attributes.get(MARK_ATTRIBUTE)
    text = attribute.string_value if attribute is not None else None
    return text if text is not None and len(text) <= _MARK_CHARS_MAX else None
