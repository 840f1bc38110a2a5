"""The faults that strike messages, played on a queue that is really there by whoever polls it."""

import math
import threading
from collections.abc import Sequence
from typing import Any

from redrive.simulator import trace
from redrive.simulator.driver import FAILED_DELETE_CODE, THROTTLE_PAUSE_MS
from redrive.simulator.faults import DuplicateDelivery, FailedDelete, Faults

from .live_queue import LiveQueue
from .live_record import Recorder

__all__ = ["MessageFaults"]


class MessageFaults:
    """An :class:`~..poller.Interference` by the faults of a plan.

    What is deleted and comes again is not deleted, in truth: it is told as deleted, and made visible when it is due.
    So the queue itself delivers it, counts its receives and dead-letters it.
    """

    def __init__(self, queue: LiveQueue, recorder: Recorder, *, stop: threading.Event) -> None:
        self._queue = queue
        self._recorder = recorder
        self._stop = stop
        self._duplicates: dict[int, list[DuplicateDelivery]] = {}
        for fault in recorder.faults.schedule:
            if isinstance(fault, DuplicateDelivery):
                self._duplicates.setdefault(fault.message, []).append(fault)

    @property
    def _faults(self) -> Faults:
        return self._recorder.faults

    def about_to_receive(self) -> None:
        """Nothing strikes here."""

    def received(self, message: dict[str, Any]) -> None:
        """It may be hidden for longer than the visibility timeout, and may be one that is told as deleted."""
        message_id = message["MessageId"]
        self._recorder.came_again(message_id)
        number = self._recorder.number_of(message_id)
        if number is None:
            return
        for late in self._faults.after_receive(number, _receive_count(message)):
            self._hide(message, self._queue.visibility_timeout_s * 1000 + late.by_ms)
            self._recorder.append(trace.Struck(self._recorder.now_ms, None, late))

    def lets_begin(self, invocation: int, batch: Sequence[dict[str, Any]]) -> bool:
        """A throttled invocation is tried again with growing pauses, until its messages are visible again (E17)."""
        throttle = self._faults.throttles(invocation)
        if throttle is None:
            return True
        recorder = self._recorder
        now_ms = recorder.now_ms
        until_ms, let_go_ms = now_ms + throttle.for_ms, now_ms + self._queue.visibility_timeout_s * 1000
        pause_ms = THROTTLE_PAUSE_MS
        recorder.append(trace.Struck(now_ms, invocation, throttle))
        while now_ms < until_ms:
            recorder.append(trace.Throttled(now_ms, invocation, len(batch)))
            again_ms = now_ms + pause_ms
            self._stop.wait((min(again_ms, let_go_ms) - now_ms) / 1000)
            now_ms = recorder.now_ms
            if again_ms >= let_go_ms or self._stop.is_set():
                for message in batch:
                    recorder.append(trace.LetGo(now_ms, invocation, message["MessageId"], _receive_count(message)))
                return False
            pause_ms *= 2
        return True

    def deletes(self, invocation: int, message: dict[str, Any]) -> bool:
        """The deletion may be lost or fail, or not last."""
        message_id = message["MessageId"]
        number = self._recorder.number_of(message_id)
        if number is None:
            return False
        recorder = self._recorder
        fault = self._faults.at_delete(number)
        if fault is not None:
            now_ms = recorder.now_ms
            recorder.append(
                trace.DeleteRefused(now_ms, invocation, message_id, FAILED_DELETE_CODE)
                if isinstance(fault, FailedDelete)
                else trace.DeleteLost(now_ms, invocation, message_id)
            )
            return True
        if not self._duplicates.get(number):
            return False
        duplicate = self._duplicates[number].pop(0)
        recorder.expect_again(message_id)
        recorder.append(trace.Deleted(recorder.now_ms, invocation, message_id))
        self._hide(message, duplicate.after_ms)
        return True

    def _hide(self, message: dict[str, Any], for_ms: int) -> None:
        self._queue.client.change_message_visibility(
            QueueUrl=self._queue.url,
            ReceiptHandle=message["ReceiptHandle"],
            VisibilityTimeout=math.ceil(for_ms / 1000),
        )


def _receive_count(message: dict[str, Any]) -> int:
    return int(message["Attributes"]["ApproximateReceiveCount"])
