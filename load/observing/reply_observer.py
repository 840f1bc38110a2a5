"""Receives replies as they come, and tells how long each message took from when it was due."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from .queue_watch import FAILURES, Problems
from .replies import Replies

__all__ = ["ReplyObserver"]

_RECEIVERS: Final = 4
_WAIT_S: Final = 1
_MESSAGES_MAX: Final = 10
_LOOK_S: Final = 0.2
_PAUSE_S: Final = 1.0


class ReplyObserver:
    """Takes messages off the reply queue from several threads: one that waits for replies, others when many come.

    Under Locust threads are greenlets. `fire` adds a request to Locust's statistics: type, name, time in ms, length.
    """

    def __init__(
        self,
        sqs: Any,
        reply_queue_url: str,
        replies: Replies,
        problems: Problems,
        *,
        fire: Callable[[str, str, float, int], object],
        now_ms: Callable[[], float] = lambda: time.time() * 1000,
    ) -> None:
        self._sqs = sqs
        self._queue_url = reply_queue_url
        self._replies = replies
        self._problems = problems
        self._fire = fire
        self._now_ms = now_ms
        self._stopping = threading.Event()
        self._many = threading.Event()
        self._taking = threading.Lock()
        self._threads = [threading.Thread(target=self._wait, daemon=True)]
        self._threads += [threading.Thread(target=self._help, daemon=True) for _ in range(_RECEIVERS - 1)]

    def start(self) -> None:
        """Begin to receive."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, when what is being received is taken in."""
        self._stopping.set()
        self._many.set()
        for thread in self._threads:
            thread.join(_WAIT_S + 10)

    def _wait(self) -> None:
        while not self._stopping.is_set():
            if self._receive(_WAIT_S) == _MESSAGES_MAX:
                self._many.set()

    def _help(self) -> None:
        # Never for good: another one may take back what `stop` has said.
        while not self._stopping.is_set():
            if self._many.wait(_LOOK_S) and self._receive(0) < _MESSAGES_MAX:
                self._many.clear()

    def _receive(self, wait_s: int) -> int:
        """Receive once; returns how many messages there were."""
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=_MESSAGES_MAX, WaitTimeSeconds=wait_s
            )
            received_at_ms = self._now_ms()
            messages = answer.get("Messages", [])
            for message in messages:
                self._take(message["Body"], received_at_ms)
            if messages:
                # What is not deleted comes again, and is known by its request id.
                entries = [
                    {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                    for place, message in enumerate(messages)
                ]
                self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except FAILURES as error:
            self._problems.tell("replies could not be received", error)
            self._stopping.wait(_PAUSE_S)
            return 0
        return len(messages)

    def _take(self, body: str, received_at_ms: float) -> None:
        with self._taking:
            taken = self._replies.take(body, received_at_ms=received_at_ms)
        if taken is None:
            return
        reply, latencies_ms = taken
        self._fire("LAMBDA", "batch", reply.duration_ms, reply.records)
        for latency_ms in latencies_ms:
            self._fire("SQS", "message end-to-end", latency_ms, 0)
