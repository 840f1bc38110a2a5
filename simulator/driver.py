"""The virtual driver: one queue, its dead-letter queue, the mapping and a function, in virtual time.

Time moves from one due event to the next. A function that takes time says so in one of three ways: with the duration of
its outcome; by being a generator of the milliseconds between its steps, so that what others do meanwhile
happens in between; or by moving the clock from inside (:meth:`Simulation.advance_to`).
"""

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from redrive.fixtures.event_builder import MessageAttribute

from . import trace
from .agenda import Agenda
from .batch_response import read_outcome
from .errors import SqsError
from .event_source import Assembly, Batch, record_bytes, record_of
from .faults import STANDARD_ONLY, FailedDelete, Faults
from .function import Ending, Outcome
from .invocations import Invocation, Invocations, Steps
from .mapping_config import MappingConfig, validate_mapping
from .messages import Message
from .move_task import MoveTasks
from .queue import Queue, QueueConfig, Receive, Received
from .scaling import Concurrency

__all__ = ["EPOCH_MS", "Invocation", "Simulation", "Steps"]

EPOCH_MS = 1_767_225_540_000
"""Where virtual time begins unless told otherwise: 2025-12-31T23:59:00Z, so that a retry falls into another day."""

THROTTLE_PAUSE_MS = 1_000
"""How long the mapping waits before it tries a throttled batch again; twice as long each time (choice)."""

FAILED_DELETE_CODE = "InternalError"
"""The code of an entry that a batch deletion reports as failed."""


class Simulation:
    """Runs a queue, a mapping and a function until nothing is left to happen.

    ``call`` is the function: it gets an :class:`Invocation` and answers an :class:`Outcome`, or :data:`Steps` that come
    to one. Everything that happens is appended to ``trace``, where the caller may put its own observations too. The
    same arguments give the same trace. ``passes`` is called with two times before the clock goes from one to the other.

    Raises :class:`SqsError` for a queue or mapping that AWS would refuse, ``ValueError`` for faults that a FIFO queue
    does not have (S17, S18).
    """

    def __init__(
        self,
        queue: QueueConfig,
        mapping: MappingConfig,
        call: Callable[[Invocation], Outcome | Steps],
        *,
        seed: int,
        faults: Faults | None = None,
        start_ms: int = EPOCH_MS,
        shuffled: bool = False,
        on_discard: Callable[[int], None] = lambda _: None,
        passes: Callable[[int, int], None] | None = None,
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
        if queue.fifo and any(isinstance(fault, STANDARD_ONLY) for fault in self.faults.schedule):
            raise ValueError("a FIFO queue delivers in order and nothing twice: S17 is about standard queues")
        self.trace: list[Any] = []
        self._agenda = Agenda(start_ms, self._poll, passes)
        self._assembly: Assembly[Received] = Assembly(mapping)
        self._concurrency = Concurrency(mapping, fifo=queue.fifo)
        self._function = Invocations(
            call,
            mapping,
            agenda=self._agenda,
            faults=self.faults,
            record=self.trace.append,
            request_id=lambda: str(UUID(int=self._rng.getrandbits(128), version=4)),
            on_end=self._ended,
            on_discard=on_discard,
        )
        # Bound once: there may be a million sends on the agenda.
        self._sending = self._send
        self._planned = 0
        self._number: dict[str, int] = {}
        # Those that are with the function, or would be if it were not throttled.
        self._batches: dict[int, list[Received]] = {}
        self._handed_over = 0
        self._moves = MoveTasks()
        self._wake_ms: int | None = None

    @property
    def now_ms(self) -> int:
        """The virtual time."""
        return self._agenda.now_ms

    def send_at(
        self,
        at_ms: int,
        body: str,
        *,
        message_attributes: Mapping[str, MessageAttribute] | None = None,
        delay_s: int | None = None,
        group: str | None = None,
        deduplication_id: str | None = None,
        refusable: bool = False,
    ) -> int:
        """Plan a send and return the message's number, counted from 0.

        What the queue refuses raises :class:`SqsError` from :meth:`run`; with ``refusable`` it is recorded instead.
        """
        number = self._planned
        self._planned += 1
        send = self._send_or_record if refusable else self._sending
        self._agenda.at(at_ms, send, number, body, message_attributes, delay_s, group, deduplication_id)
        return number

    def invoke_at(self, at_ms: int) -> None:
        """Plan an invocation without any records, which is not the mapping's."""
        self._agenda.at(at_ms, self._invoke_empty)

    def _invoke_empty(self) -> None:
        batch: Batch[Received] = Batch([], [])
        self._function.begin(self._number_of(batch), batch)

    def redrive_at(self, at_ms: int, *, per_second: int | None = None) -> None:
        """Plan to move what the dead-letter queue holds by then back, at most so many messages a second (S12).

        Raises ``ValueError`` for a queue without a dead-letter queue.
        """
        if self.dead_letters is None:
            raise ValueError("there is no dead-letter queue to move messages from")
        self._agenda.at(at_ms, self._start_move, self.dead_letters, per_second)

    def _send(
        self,
        number: int,
        body: str,
        message_attributes: Mapping[str, MessageAttribute] | None,
        delay_s: int | None,
        group: str | None,
        deduplication_id: str | None,
    ) -> None:
        sent = self.queue.send(
            self.now_ms,
            body,
            message_attributes=message_attributes,
            delay_s=delay_s,
            group=group,
            deduplication_id=deduplication_id,
        )
        self.trace.append(trace.Sent(self.now_ms, number, sent.message_id, sent.enqueued))
        if sent.enqueued:
            self._number[sent.message_id] = number
            if self.faults.schedule:
                self._strike_sent(number)

    def _send_or_record(self, number: int, *arguments: Any) -> None:
        try:
            self._send(number, *arguments)
        except SqsError as error:
            self.trace.append(trace.SendRefused(self.now_ms, number, error.code))

    def run(self, until_ms: int) -> bool:
        """Let things happen up to ``until_ms``; True if nothing was left to happen before that."""
        self._agenda.run_until(until_ms)
        return not self._agenda

    def advance_to(self, at_ms: int) -> None:
        """Let time pass while the function runs; what is due by then happens first."""
        self._agenda.pass_to(at_ms)

    def run_to_the_end_of(self, invocation: int, *, until_ms: int) -> bool:
        """Let things happen until the invocation has ended; False if it has not by ``until_ms``."""
        self._agenda.run_until(until_ms, as_long_as=lambda: invocation in self._batches)
        return invocation not in self._batches

    def deliver_concurrently(self, invocation: int) -> int | None:
        """Hand the messages of a running invocation to a second one, which begins now (S17).

        Returns its number, or None if there is none, because no message may be received any more.
        """
        messages = {received.message.ordinal: received.message for received in self._batches[invocation]}
        received = self.queue.receive_again(self.now_ms, messages.values())
        self.trace.extend(trace.Reappeared(self.now_ms, message.message_id) for message, _, _ in received.delivered)
        self._record_gone(received)
        if not received.delivered:
            return None
        records = [record_of(delivery, queue_arn=self.queue.config.arn) for delivery in received.delivered]
        batch = Batch(list(received.delivered), records)
        number = self._number_of(batch)
        self._function.begin(number, batch)
        return number

    # The mapping: from the queue to the function.

    def _poll(self) -> None:
        while len(self._batches) < self._concurrency.limit(self.now_ms):
            batch = self._next_batch()
            if batch is None:
                break
            self._hand_over(batch)
        else:
            more_ms = self._concurrency.busy(self.now_ms) if len(self.queue) > self.queue.in_flight else None
            if more_ms is not None:
                self._wake_at(more_ms)
        self._wake_when_visible()

    def _next_batch(self) -> Batch[Received] | None:
        """Receive until a batch is due, if one is (E02, E03, E12, E15)."""
        now_ms, assembly = self.now_ms, self._assembly
        may_read_ms = self._concurrency.may_read_ms()
        if may_read_ms > now_ms:
            self._wake_at(may_read_ms)
            return None
        while (ask := assembly.ask()) > 0:
            received = self.queue.receive(now_ms, most=ask, long_polling=True)
            self._record_gone(received)
            if not received.delivered:
                break
            for delivery in received.delivered:
                self._take_in(delivery)
            # Without a window, a batch is what one receive gave (S16).
            if self.mapping.batching_window_s == 0 and assembly:
                break
        due_ms = assembly.due_ms(now_ms)
        if due_ms is None:
            self._concurrency.idle()
            return None
        if due_ms > now_ms:
            self._wake_at(due_ms)
            return None
        batch = assembly.take(now_ms)
        if self.mapping.provisioned_pollers is not None:
            self._concurrency.read(now_ms, sum(map(record_bytes, batch.records)))
        return batch

    def _take_in(self, delivery: Received) -> None:
        message = delivery.message
        record = record_of(delivery, queue_arn=self.queue.config.arn)
        if not self._assembly.passes(record):
            self.queue.delete(self.now_ms, delivery.receipt_handle)
            self.trace.append(trace.Filtered(self.now_ms, message.message_id))
            return
        self._assembly.add(self.now_ms, delivery, record)
        if self.faults.schedule:
            self._strike_received(self._number[message.message_id], message)

    def _record_gone(self, received: Receive) -> None:
        for message in received.dead_lettered:
            self.trace.append(trace.DeadLettered(self.now_ms, message.message_id, message.receive_count))
        for message in self.queue.take_expired():
            self.trace.append(trace.Expired(self.now_ms, message.message_id))

    def _number_of(self, batch: Batch[Received]) -> int:
        number = self._handed_over
        self._handed_over += 1
        self._batches[number] = batch.deliveries
        return number

    def _hand_over(self, batch: Batch[Received]) -> None:
        number = self._number_of(batch)
        throttled_until_ms = self.now_ms
        throttle = self.faults.throttles(number)
        if throttle is not None:
            throttled_until_ms += throttle.for_ms
            self.trace.append(trace.Struck(self.now_ms, number, throttle))
        self._try(number, batch, throttled_until_ms, THROTTLE_PAUSE_MS)

    def _try(self, number: int, batch: Batch[Received], throttled_until_ms: int, pause_ms: int) -> None:
        """Begin, unless the function is throttled: then again later, until the first message is visible (E17)."""
        reserved = self.mapping.reserved_concurrency
        if throttled_until_ms <= self.now_ms and (reserved is None or self._function.running < reserved):
            self._function.begin(number, batch)
            return
        self.trace.append(trace.Throttled(self.now_ms, number, len(batch.deliveries)))
        self._concurrency.back_off(self.now_ms)
        again_ms = self.now_ms + pause_ms
        let_go_ms = min(delivery.message.visible_at_ms for delivery in batch.deliveries)
        if again_ms < let_go_ms:
            self._agenda.at(again_ms, self._try, number, batch, throttled_until_ms, 2 * pause_ms)
        else:
            self._agenda.at(max(self.now_ms, let_go_ms), self._let_go, number)

    def _let_go(self, number: int) -> None:
        for message, _, receive_count in self._batches.pop(number):
            self.trace.append(trace.LetGo(self.now_ms, number, message.message_id, receive_count))

    # Back from the function.

    def _ended(self, number: int, outcome: Outcome) -> None:
        batch = self._batches.pop(number)
        result = read_outcome(
            outcome,
            [received.message.message_id for received in batch],
            report_batch_item_failures=self.mapping.report_batch_item_failures,
        )
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
        if outcome.ending is not Ending.RETURNED:
            self._concurrency.back_off(self.now_ms)
        failed = result.failed
        self._acknowledge(number, [r for r in batch if r.message.message_id not in failed] if failed else batch)

    def _acknowledge(self, invocation: int, done: Iterable[Received]) -> None:
        """Delete what succeeded; what failed stays hidden until its visibility timeout ends (E10, E11)."""
        now_ms = self.now_ms
        for message, handle, _ in done:
            if self.faults.schedule and self._delete_strikes(invocation, message):
                continue
            try:
                self.queue.delete(now_ms, handle)
            except SqsError as error:
                self.trace.append(trace.DeleteRefused(now_ms, invocation, message.message_id, error.code))
                continue
            self.trace.append(trace.Deleted(now_ms, invocation, message.message_id))
            if self.faults.schedule:
                for duplicate in self.faults.after_delete(self._number[message.message_id]):
                    self._agenda.at(now_ms + duplicate.after_ms, self._deliver_again, message)

    # Faults that strike messages.

    def _strike_sent(self, number: int) -> None:
        message = self.queue.newest()
        for overtaken in self.faults.overtaking(number):
            self.queue.hold_back(message, overtaken.by)
            self.trace.append(trace.Struck(self.now_ms, None, overtaken))
        self._strike_received(number, message)

    def _strike_received(self, number: int, message: Message) -> None:
        for late in self.faults.after_receive(number, message.receive_count):
            self.queue.postpone(self.now_ms, message, late.by_ms)
            self.trace.append(trace.Struck(self.now_ms, None, late))

    def _delete_strikes(self, invocation: int, message: Message) -> bool:
        event: trace.Event
        match self.faults.at_delete(self._number[message.message_id]):
            case None:
                return False
            case FailedDelete():
                event = trace.DeleteRefused(self.now_ms, invocation, message.message_id, FAILED_DELETE_CODE)
            case _:
                event = trace.DeleteLost(self.now_ms, invocation, message.message_id)
        self.trace.append(event)
        return True

    def _deliver_again(self, message: Message) -> None:
        if self.queue.deliver_again(self.now_ms, message):
            self.trace.append(trace.Reappeared(self.now_ms, message.message_id))

    # Back from the dead-letter queue.

    def _start_move(self, dead_letters: Queue, per_second: int | None) -> None:
        self._moves.start(self.now_ms, dead_letters, per_second=per_second)
        self._move()

    def _move(self) -> None:
        for left, _, arrived in self._moves.step(self.now_ms):
            self._number[arrived.message_id] = self._number[left.message_id]
            self.trace.append(trace.Redriven(self.now_ms, left.message_id, arrived.message_id))
        next_ms = self._moves.next_ms()
        if next_ms is not None:
            self._agenda.at(next_ms, self._move)

    # Waking up: the mapping looks whenever something has happened.

    def _wake_when_visible(self) -> None:
        at_ms = self.queue.next_change_ms()
        # What is visible already has been looked at; whatever held it back wakes the mapping when it ends.
        if at_ms is not None and at_ms > self.now_ms:
            self._wake_at(at_ms)

    def _wake_at(self, at_ms: int) -> None:
        if self._wake_ms is not None and self.now_ms < self._wake_ms <= at_ms:
            return
        self._wake_ms = at_ms
        self._agenda.at(at_ms, self._wake)

    def _wake(self) -> None:
        if self._wake_ms is not None and self._wake_ms <= self.now_ms:
            self._wake_ms = None
