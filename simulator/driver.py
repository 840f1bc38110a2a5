"""The virtual driver: one queue, its dead-letter queue, the mapping and a function, in virtual time.

Time moves from one due event to the next. A function that takes time says so: either by moving the clock from inside
(:meth:`Simulation.advance_to`; what falls due meanwhile happens meanwhile, other invocations included), or by giving
a duration with its outcome.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from heapq import heappop, heappush
from typing import Any, NamedTuple
from uuid import UUID

from redrive.fixtures.event_builder import MessageAttribute

from . import trace
from .errors import SqsError
from .event_source import (
    MappingConfig,
    batch_event,
    batch_is_due_ms,
    polls,
    read_outcome,
    validate_mapping,
)
from .faults import ConcurrentDuplicate, DuplicateDelivery, Faults
from .function import ExecutionEnvironments, Lease, Outcome
from .messages import Message
from .queue import Queue, QueueConfig, Receive, Received

__all__ = ["EPOCH_MS", "Invocation", "Simulation"]

EPOCH_MS = 1_767_225_600_000
"""Where virtual time begins unless told otherwise: 2026-01-01T00:00:00Z."""


class Invocation(NamedTuple):
    """What the function is called with. ``number`` counts from 0; times are milliseconds since the epoch."""

    number: int
    request_id: str
    event: dict[str, Any]
    environment: int
    cold: bool
    started_ms: int
    deadline_ms: int


class Simulation:
    """Runs a queue, a mapping and a function until nothing is left to happen.

    ``call`` is the function: it gets an :class:`Invocation` and answers an :class:`Outcome`. Everything that happens
    is appended to ``trace``, where the caller may put its own observations too. The same arguments give the same trace.

    Raises :class:`SqsError` for a queue or mapping that AWS would refuse, ``ValueError`` for faults that a FIFO queue
    does not have (S17).
    """

    def __init__(
        self,
        queue: QueueConfig,
        mapping: MappingConfig,
        call: Callable[[Invocation], Outcome],
        *,
        seed: int,
        faults: Faults | None = None,
        start_ms: int = EPOCH_MS,
        shuffled: bool = False,
        on_discard: Callable[[int], None] = lambda _: None,
    ) -> None:
        validate_mapping(mapping, fifo=queue.fifo, visibility_timeout_s=queue.visibility_timeout_s)
        self._rng = random.Random(seed)
        self.dead_letters: Queue | None = None
        if queue.max_receive_count is not None:
            name = f"{queue.name.removesuffix('.fifo')}-dlq"
            self.dead_letters = Queue(QueueConfig(name=name, fifo=queue.fifo), rng=self._rng)
        self.queue = Queue(queue, rng=self._rng, dead_letters=self.dead_letters, shuffled=shuffled)
        self.mapping = mapping
        self.faults = faults if faults is not None else Faults()
        if queue.fifo and any(isinstance(fault, DuplicateDelivery | ConcurrentDuplicate) for fault in self.faults):
            raise ValueError("a FIFO queue delivers nothing twice: S17 is about standard queues")
        self.now_ms = start_ms
        self.trace: list[Any] = []
        self._call = call
        self._environments = ExecutionEnvironments(on_discard)
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._scheduled = 0
        self._planned = 0
        self._number: dict[str, int] = {}
        self._open: list[Received] = []
        self._opened_ms = 0
        self._batches: dict[int, tuple[Received, ...]] = {}
        self._invocations = 0
        self._wake_ms: int | None = None

    def send_at(
        self,
        at_ms: int,
        body: str,
        *,
        message_attributes: Mapping[str, MessageAttribute] | None = None,
        delay_s: int | None = None,
        group: str | None = None,
        deduplication_id: str | None = None,
    ) -> int:
        """Plan a send and return the message's number, counted from 0."""
        number = self._planned
        self._planned += 1

        def send() -> None:
            sent = self.queue.send(
                self.now_ms,
                body,
                message_attributes=message_attributes,
                delay_s=delay_s,
                group=group,
                deduplication_id=deduplication_id,
            )
            if sent.enqueued:
                self._number[sent.message_id] = number
            self.trace.append(trace.Sent(self.now_ms, number, sent.message_id, sent.enqueued))

        self._schedule(at_ms, send)
        return number

    def run(self, until_ms: int) -> bool:
        """Let things happen up to ``until_ms``; True if nothing was left to happen before that."""
        self._happen(until_ms)
        return not self._due

    def advance_to(self, at_ms: int) -> None:
        """Let time pass while the function runs; what is due by then happens first."""
        self._happen(at_ms)
        self.now_ms = max(self.now_ms, at_ms)

    def deliver_concurrently(self, invocation: int) -> None:
        """Hand the messages of a running invocation to a second one now, which runs to its end (S17)."""
        messages = {received.message.ordinal: received.message for received in self._batches[invocation]}
        received = self.queue.receive_again(self.now_ms, messages.values())
        self.trace.extend(trace.Reappeared(self.now_ms, message.message_id) for message, _, _ in received.delivered)
        self._record_dead_lettered(received)
        if received.delivered:
            self._start(received.delivered)

    def _schedule(self, at_ms: int, what: Callable[[], None]) -> None:
        self._scheduled += 1
        heappush(self._due, (at_ms, self._scheduled, what))

    def _happen(self, until_ms: int) -> None:
        while self._due and self._due[0][0] <= until_ms:
            at_ms, _, what = heappop(self._due)
            self.now_ms = max(self.now_ms, at_ms)
            what()
            # Sends of one moment arrive together, before the mapping looks.
            if not self._due or self._due[0][0] > self.now_ms:
                self._poll()

    def _poll(self) -> None:
        while len(self._batches) < self.mapping.concurrent_batches:
            if not self._batch_is_ready():
                break
            batch, self._open = tuple(self._open), []
            self._start(batch)
        self._wake_when_visible()

    def _batch_is_ready(self) -> bool:
        while (ask := polls(self.mapping, len(self._open))) > 0:
            received = self.queue.receive(self.now_ms, most=ask)
            self._record_dead_lettered(received)
            if not received.delivered:
                break
            if not self._open:
                self._opened_ms = self.now_ms
            self._open.extend(received.delivered)
        if not self._open:
            return False
        due_ms = batch_is_due_ms(self.mapping, collected=len(self._open), opened_ms=self._opened_ms)
        if due_ms > self.now_ms:
            self._wake_at(due_ms)
            return False
        return True

    def _record_dead_lettered(self, received: Receive) -> None:
        for message in received.dead_lettered:
            self.trace.append(trace.DeadLettered(self.now_ms, message.message_id, message.receive_count))

    def _start(self, batch: tuple[Received, ...]) -> None:
        number = self._invocations
        self._invocations += 1
        lease = self._environments.lend()
        self._batches[number] = batch
        now_ms = self.now_ms
        self.trace.append(trace.Began(now_ms, number, lease.environment, lease.cold, len(batch)))
        self.trace.extend(
            trace.Delivered(now_ms, number, message.message_id, receive_count, message.md5_of_body)
            for message, _, receive_count in batch
        )
        outcome = self._call(
            Invocation(
                number=number,
                request_id=str(UUID(int=self._rng.getrandbits(128), version=4)),
                event=batch_event(batch, queue_arn=self.queue.config.arn),
                environment=lease.environment,
                cold=lease.cold,
                started_ms=now_ms,
                deadline_ms=now_ms + self.mapping.function_timeout_s * 1000,
            )
        )
        if outcome.duration_ms:
            self._schedule(self.now_ms + outcome.duration_ms, partial(self._end, number, lease, outcome))
        else:
            self._end(number, lease, outcome)

    def _end(self, number: int, lease: Lease, outcome: Outcome) -> None:
        batch = self._batches.pop(number)
        ids = [received.message.message_id for received in batch]
        result = read_outcome(outcome, ids, report_batch_item_failures=self.mapping.report_batch_item_failures)
        self.trace.append(
            trace.Ended(
                self.now_ms,
                number,
                outcome.ending,
                outcome.payload,
                result.verdict,
                result.failed,
                result.problem,
            )
        )
        self._environments.give_back(lease.environment, outcome.ending)
        self._acknowledge(number, [r for r in batch if r.message.message_id not in result.failed])

    def _acknowledge(self, invocation: int, done: Sequence[Received]) -> None:
        """Delete what succeeded; what failed stays hidden until its visibility timeout ends (E10, E11)."""
        for message, handle, _ in done:
            number = self._number[message.message_id]
            if self.faults.loses_delete(number):
                self.trace.append(trace.DeleteLost(self.now_ms, invocation, message.message_id))
                continue
            try:
                self.queue.delete(self.now_ms, handle)
            except SqsError as error:
                self.trace.append(trace.DeleteRefused(self.now_ms, invocation, message.message_id, error.code))
                continue
            self.trace.append(trace.Deleted(self.now_ms, invocation, message.message_id))
            for duplicate in self.faults.after_delete(number):
                self._schedule(self.now_ms + duplicate.after_ms, partial(self._deliver_again, message))

    def _deliver_again(self, message: Message) -> None:
        if self.queue.deliver_again(self.now_ms, message):
            self.trace.append(trace.Reappeared(self.now_ms, message.message_id))

    def _wake_when_visible(self) -> None:
        at_ms = self.queue.next_change_ms()
        # What is visible already has been looked at; whatever held it back wakes the mapping when it ends.
        if at_ms is not None and at_ms > self.now_ms:
            self._wake_at(at_ms)

    def _wake_at(self, at_ms: int) -> None:
        if self._wake_ms is not None and self.now_ms < self._wake_ms <= at_ms:
            return
        self._wake_ms = at_ms
        self._schedule(at_ms, self._wake)

    def _wake(self) -> None:
        if self._wake_ms is not None and self._wake_ms <= self.now_ms:
            self._wake_ms = None
