"""Message groups on moto: those of a batch that come back are made visible together, as they are on AWS.

By itself moto takes each message of a group out of flight alone, and lets the last of them come first (S18-order).
"""

from collections.abc import Sequence
from typing import Any

from ..poller import Interference
from .live_queue import LiveQueue
from .live_record import Recorder

__all__ = ["GroupVisibility"]

_LONGER_S = 60
"""By how much the queue itself hides a message for longer: that it does not come before it is made to."""


class GroupVisibility:
    """An :class:`~..poller.Interference` that sees to it, around another one; for FIFO queues."""

    def __init__(self, queue: LiveQueue, recorder: Recorder, inner: Interference) -> None:
        self._queue = queue
        self._recorder = recorder
        self._inner = inner
        self._in_flight: dict[str, tuple[int, dict[str, Any]]] = {}
        self._receive_ms = recorder.now_ms
        # Of the queue, not of each message when it has come: on a busy machine one may be visible again by then.
        queue.client.set_queue_attributes(
            QueueUrl=queue.url, Attributes={"VisibilityTimeout": str(queue.visibility_timeout_s + _LONGER_S)}
        )

    def about_to_receive(self) -> None:
        """What is to be visible by now becomes so, all of it before anything is received."""
        self._inner.about_to_receive()
        now_ms = self._recorder.now_ms
        due = [message_id for message_id, (visible_ms, _) in self._in_flight.items() if visible_ms <= now_ms]
        for message_id in due:
            _, message = self._in_flight.pop(message_id)
            self._queue.client.change_message_visibility(
                QueueUrl=self._queue.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        self._receive_ms = now_ms

    def received(self, message: dict[str, Any]) -> None:
        """From now on it is in flight, for as long as all that were received with it."""
        visible_ms = self._receive_ms + self._queue.visibility_timeout_s * 1000
        self._in_flight[message["MessageId"]] = visible_ms, message
        self._inner.received(message)

    def lets_begin(self, invocation: int, batch: Sequence[dict[str, Any]]) -> bool:
        """As the other one has it."""
        return self._inner.lets_begin(invocation, batch)

    def deletes(self, invocation: int, message: dict[str, Any]) -> bool:
        """As the other one has it; what is deleted does not come back."""
        is_played = self._inner.deletes(invocation, message)
        if not is_played:
            self._in_flight.pop(message["MessageId"], None)
        return is_played
