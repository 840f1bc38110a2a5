"""Replies: what the reference handler, asked to, tells of each invocation (`REDRIVE_REPLY_QUEUE_URL`).

Any consumer may send them: one message for each invocation, JSON,
`{"redrive_reply": 1, "request_id", "records", "duration_ms", "cold_start", "messages": [[mark, outcome, receive count],
…], "left_out"}`, where the mark is the value of the message attribute `redrive_load`, and the outcome is `done`,
`duplicate` or `failed`.
"""

from __future__ import annotations

import json
import math
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from ..sending.correlation import Mark
from .histograms import Histogram
from .tally import Tally

__all__ = ["Replies", "Reply", "parse_reply"]

REPLY_VERSION: Final = 1
_PROCESSED: Final = frozenset({"done", "duplicate"})
# SQS delivers a message twice within minutes, if at all.
_REQUESTS_KEPT: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of one batch. `messages` are mark, outcome and receive count of those records that bear a mark."""

    request_id: str
    records: int
    duration_ms: float
    cold_start: bool
    left_out: int
    messages: tuple[tuple[Mark, str, int | None], ...]


def parse_reply(body: str) -> Reply | None:
    """Read a reply; None if it is none, or one of another version."""
    try:
        value: Any = json.loads(body)
        if value["redrive_reply"] != REPLY_VERSION:
            return None
        duration_ms = float(value["duration_ms"])
        if not math.isfinite(duration_ms):  # JSON as Python reads it has NaN and Infinity
            return None
        return Reply(
            request_id=str(value["request_id"]),
            records=int(value["records"]),
            duration_ms=duration_ms,
            cold_start=bool(value["cold_start"]),
            left_out=int(value["left_out"]),
            messages=tuple(
                (mark, str(outcome), None if receives is None else int(receives))
                for text, outcome, receives in value["messages"]
                if isinstance(text, str) and (mark := Mark.parse(text)) is not None
            ),
        )
    except (KeyError, OverflowError, RecursionError, TypeError, ValueError):
        return None


class Replies:
    """Takes in replies, each once, and tells the tally. `max_receive_count` says which failure is a message's last."""

    def __init__(self, tally: Tally, *, max_receive_count: int | None) -> None:
        self._tally = tally
        self._max_receive_count = max_receive_count
        self._requests: set[str] = set()
        self._in_order: deque[str] = deque()
        self.batch_records = Histogram()
        self.batch_duration = Histogram()
        self.cold_starts = 0
        self.left_out = 0
        self.strange = 0
        """Messages in the queue that are no replies."""

    def take(self, body: str, *, received_at_ms: float) -> tuple[Reply, list[float]] | None:
        """Take in a message of the queue; returns the reply and the latencies of the messages that it was the first to
        tell of, in milliseconds. None for what says nothing new, or nothing of this run.
        """
        reply = parse_reply(body)
        if reply is None:
            self.strange += 1
            return None
        if not any(mark.run == self._tally.run for mark, _, _ in reply.messages) or not self._is_new(reply.request_id):
            return None
        self.batch_records.record(reply.records)
        self.batch_duration.record(reply.duration_ms * 1000)
        self.cold_starts += reply.cold_start
        self.left_out += reply.left_out
        latencies_ms = []
        for mark, outcome, receives in reply.messages:
            if outcome in _PROCESSED:
                latency_ms = self._tally.add_done(mark, received_at_ms)
                if latency_ms is not None:
                    latencies_ms.append(latency_ms)
            elif self._max_receive_count is not None and (receives or 0) >= self._max_receive_count:
                self._tally.add_dead(mark)
        return reply, latencies_ms

    def _is_new(self, request_id: str) -> bool:
        if request_id in self._requests:
            return False
        self._requests.add(request_id)
        self._in_order.append(request_id)
        if len(self._in_order) > _REQUESTS_KEPT:
            self._requests.discard(self._in_order.popleft())
        return True
