"""An SQS queue as a state machine: every operation is given the time, and does all it does at that time."""

import hashlib
import random
from collections.abc import Iterable, Mapping
from typing import Final

from redrive.fixtures.event_builder import MessageAttribute, md5_of_message_attributes

from .deduplication import Deduplication
from .errors import SqsError
from .message_limits import check_id, check_message
from .message_store import MessageStore
from .messages import (
    NO_ATTRIBUTES,
    Message,
    Receive,
    Received,
    Sent,
    dead_letter,
    moved_message,
    new_message_id,
    parse_receipt_handle,
    receipt_handle,
    receipt_handle_prefix,
)
from .queue_config import VISIBILITY_TIMEOUT_S_MAX, QueueConfig, check_delay, check_range, not_for_this_type
from .receive_attempts import ReceiveAttempts

__all__ = ["Queue", "QueueConfig", "Receive", "Received", "Sent"]

RECEIVE_MAX: Final = 10
PURGE_INTERVAL_MS: Final = 60_000
SEQUENCE_NUMBER_FIRST: Final = 18_850_000_000_000_000_000

_NOTHING = Receive((), ())


class Queue:
    """A standard or FIFO queue.

    Times are milliseconds and never go back from one call to the next. ``dead_letters`` is the queue that the
    redrive policy names and must be of the same type (S11). ``rng`` gives the message ids; with ``shuffled`` a
    standard queue also picks with it which visible message comes next, as best-effort ordering permits (S17), and now
    and then returns fewer than it could (S16).
    """

    def __init__(
        self,
        config: QueueConfig,
        *,
        rng: random.Random,
        dead_letters: "Queue | None" = None,
        shuffled: bool = False,
    ) -> None:
        if dead_letters is not None and dead_letters.is_fifo != config.fifo:
            raise SqsError("InvalidParameterValue", "a dead-letter queue is of the type of its source queue (S11)")
        if config.max_receive_count is not None and dead_letters is None:
            raise SqsError("InvalidParameterValue", "a redrive policy needs a dead-letter queue")
        self.config: QueueConfig = config
        self.dead_letters = dead_letters
        self.dead_letter_sources: list[Queue] = []
        if dead_letters is not None and config.max_receive_count is not None:
            dead_letters.dead_letter_sources.append(self)
        self._rng = rng
        self._shuffled = shuffled and not config.fifo
        self._handle_prefix = receipt_handle_prefix(config.arn)
        self._ordinal = 0
        self._store = MessageStore(
            fifo=config.fifo, retention_s=config.retention_s, shuffle=rng if self._shuffled else None
        )
        self._deduplication = Deduplication(config)
        self._attempts = ReceiveAttempts()
        self._purged_ms: int | None = None

    @property
    def is_fifo(self) -> bool:
        """Whether this is a FIFO queue."""
        return self.config.fifo

    @property
    def in_flight(self) -> int:
        """How many messages are in flight: received, and neither deleted nor visible again (S15)."""
        return self._store.in_flight

    def __len__(self) -> int:
        """How many messages the queue holds, visible or not."""
        return len(self._store)

    def messages(self) -> tuple[Message, ...]:
        """The messages that the queue holds, in send order."""
        return self._store.messages()

    def newest(self) -> Message:
        """The message that was enqueued last. Raises ``LookupError`` if it is deleted, or there was none."""
        message = self._store.get(self._ordinal)
        if message is None:
            raise LookupError("the message that was enqueued last is deleted")
        return message

    def next_change_ms(self) -> int | None:
        """When a hidden or delayed message becomes visible next, if any does.

        In a FIFO queue also when a message expires, if that is before: a message group may go on behind it.
        """
        visible_ms = self._store.next_surfacing_ms()
        expiry_ms = self._store.next_expiry_ms() if self.config.fifo and visible_ms is not None else None
        return visible_ms if visible_ms is None or expiry_ms is None else min(visible_ms, expiry_ms)

    def next_expiry_ms(self) -> int | None:
        """When the retention of a message ends next, if there is one (S13)."""
        return self._store.next_expiry_ms()

    def send(
        self,
        now_ms: int,
        body: str,
        *,
        message_attributes: Mapping[str, MessageAttribute] | None = None,
        delay_s: int | None = None,
        group: str | None = None,
        deduplication_id: str | None = None,
        trace_header: str | None = None,
    ) -> Sent:
        """Enqueue a message (S01, S03, S04, S14, S19, S20, S21, S22).

        Raises :class:`SqsError` where SQS refuses the message or a parameter, ``MissingParameter`` or
        ``InvalidParameterValue`` for most of what can be wrong, ``InvalidMessageContents`` for a character in the body.
        """
        config = self.config
        self._store.expire(now_ms)
        content = check_message(body, message_attributes, config.max_message_bytes)
        delay_s = check_delay(config, delay_s)
        deduplication_id = self._deduplication.id_of(content, group, deduplication_id)
        md5_of_body = hashlib.md5(content, usedforsecurity=False).hexdigest()
        md5_of_attributes = md5_of_message_attributes(message_attributes) if message_attributes else None
        if deduplication_id is not None:
            first = self._deduplication.first(now_ms, group, deduplication_id)
            if first is not None:
                return Sent(first.message_id, first.sequence_number, False, md5_of_body, md5_of_attributes)
        message = Message(
            ordinal=self._next_ordinal(),
            message_id=new_message_id(self._rng),
            body=body,
            md5_of_body=md5_of_body,
            sent_ms=now_ms,
            visible_at_ms=now_ms + delay_s * 1000,
            message_attributes=message_attributes or NO_ATTRIBUTES,
            group=group,
            deduplication_id=deduplication_id,
            sequence_number=self._sequence_number(),
            trace_header=trace_header,
        )
        self._store.add(now_ms, message)
        sent = Sent(message.message_id, message.sequence_number, True, md5_of_body, md5_of_attributes)
        if deduplication_id is not None:
            self._deduplication.remember(now_ms, group, deduplication_id, sent)
        return sent

    def receive(
        self,
        now_ms: int,
        *,
        most: int = RECEIVE_MAX,
        visibility_timeout_s: int | None = None,
        long_polling: bool = False,
        attempt_id: str | None = None,
    ) -> Receive:
        """Hand out up to ``most`` visible messages, 1 to 10 (S05, S07, S08, S10, S15, S16, S18).

        ``attempt_id`` is a ``ReceiveRequestAttemptId``: a receive with the same one hands out the same messages once
        more with the same receipt handles and hides them anew, without counting as a receive; if one of them was
        changed meanwhile it is a receive of its own (choice) (S24).

        Raises :class:`SqsError`: ``OverLimit`` if as many messages are in flight as may be, on a standard queue and
        unless ``long_polling``, whether or not anything is visible (choice); ``InvalidParameterValue``.
        """
        check_range("MaxNumberOfMessages", most, 1, RECEIVE_MAX)
        timeout_s = self.config.visibility_timeout_s
        if visibility_timeout_s is not None:
            check_range("VisibilityTimeout", visibility_timeout_s, 0, VISIBILITY_TIMEOUT_S_MAX)
            timeout_s = visibility_timeout_s
        self._store.expire(now_ms)
        self._store.surface(now_ms)
        if attempt_id is not None:
            return self._attempt(now_ms, attempt_id, most, timeout_s)
        return self._receive(now_ms, most, timeout_s, long_polling)

    def _receive(self, now_ms: int, most: int, timeout_s: int, long_polling: bool) -> Receive:
        room = self.config.in_flight_limit - self._store.in_flight
        if room <= 0:
            if self.config.fifo or long_polling:
                return _NOTHING
            raise SqsError("OverLimit", f"Too many messages are in flight: {self._store.in_flight}.")
        most = min(most, room)
        if self._shuffled and most > 1 and self._rng.random() < 0.25:
            most = self._rng.randrange(1, most)
        return self._take(now_ms, self._store.line.candidates(now_ms), most, timeout_s)

    def _attempt(self, now_ms: int, attempt_id: str, most: int, timeout_s: int) -> Receive:
        if not self.config.fifo:
            raise not_for_this_type("ReceiveRequestAttemptId")
        check_id("ReceiveRequestAttemptId", attempt_id)
        visible_at_ms = now_ms + timeout_s * 1000
        again = self._attempts.recall(now_ms, attempt_id)
        if again:
            for delivery in again:
                self._store.hide(delivery.message, visible_at_ms)
            self._attempts.hidden_anew(now_ms, attempt_id, visible_at_ms)
            return Receive(again, ())
        received = self._receive(now_ms, most, timeout_s, long_polling=False)
        if received.delivered:
            self._attempts.remember(now_ms, attempt_id, received.delivered, visible_at_ms)
        return received

    def _take(self, now_ms: int, candidates: Iterable[Message], most: int, timeout_s: int) -> Receive:
        delivered: list[Received] = []
        dead: list[Message] = []
        limit = self.config.max_receive_count
        for message in candidates:
            if limit is not None and message.receive_count >= limit:
                self._dead_letter(now_ms, message)
                dead.append(message)
                continue
            message.receive_count += 1
            if message.first_received_ms is None:
                message.first_received_ms = now_ms
            message.received_ms = now_ms
            self._store.take(message, now_ms + timeout_s * 1000)
            count = message.received_before + message.receive_count
            delivered.append(Received(message, receipt_handle(self._handle_prefix, message), count))
            if len(delivered) == most:
                break
        return Receive(tuple(delivered), tuple(dead)) if delivered or dead else _NOTHING

    def delete(self, now_ms: int, handle: str) -> None:
        """Delete by receipt handle (S08, S09).

        An old handle of a standard queue deletes as well, a message that was received again since included. Raises
        :class:`SqsError`: ``ReceiptHandleIsInvalid`` for a string that no receive from this queue gave,
        ``InvalidParameterValue`` for an expired handle of a FIFO queue.
        """
        message, is_latest = self._by_handle(now_ms, handle)
        if message is None:
            return
        if self.config.fifo and not (message.in_flight and is_latest):
            raise _invalid_handle(handle, "The receipt handle has expired.")
        self._store.remove(message, for_good=False)

    def change_visibility(self, now_ms: int, handle: str, timeout_s: int) -> None:
        """Hide a received message for ``timeout_s`` from now on, or show it at once with 0 (S06).

        Acts on one receipt: with the handle of a delivery that is over, a standard queue answers success and does
        nothing. AWS does so once the message is visible again (recording); that the same holds when it was received
        again is a choice: that consumer believes the message hidden, and works on.

        Raises :class:`SqsError`: ``ReceiptHandleIsInvalid`` for a string that no receive from this queue gave,
        ``InvalidParameterValue`` beyond 12 hours from the receive, for a message that is gone, and for an expired
        handle of a FIFO queue. Nothing is known to make AWS answer ``MessageNotInflight``.
        """
        check_range("VisibilityTimeout", timeout_s, 0, VISIBILITY_TIMEOUT_S_MAX)
        message, is_latest = self._by_handle(now_ms, handle)
        if message is None or message.received_ms is None:
            raise _invalid_handle(handle, "Message does not exist or is not available for visibility timeout change.")
        if not (message.in_flight and is_latest):
            if self.config.fifo:
                raise _invalid_handle(handle, "The receipt handle has expired.")
            return
        if now_ms + timeout_s * 1000 > message.received_ms + VISIBILITY_TIMEOUT_S_MAX * 1000:
            raise SqsError(
                "InvalidParameterValue",
                f"Value {timeout_s} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for "
                f"the message is beyond the limit [{VISIBILITY_TIMEOUT_S_MAX} seconds]",
            )
        self._store.hide(message, now_ms + timeout_s * 1000)
        self._store.surface(now_ms)

    def purge(self, now_ms: int) -> None:
        """Delete all messages, those in flight included; AWS takes up to a minute, the model does it at once (choice).

        Raises :class:`SqsError` ``PurgeQueueInProgress`` within 60 seconds of the last purge.
        """
        if self._purged_ms is not None and now_ms < self._purged_ms + PURGE_INTERVAL_MS:
            message = f"Only one PurgeQueue operation on {self.config.name} is allowed every 60 seconds."
            raise SqsError("PurgeQueueInProgress", message)
        self._purged_ms = now_ms
        self._store.expire(now_ms)
        self._store.clear()

    def notice(self, now_ms: int) -> None:
        """Let it be this time: what has expired by now is gone, as before every operation (S13)."""
        self._store.expire(now_ms)

    def take_expired(self) -> tuple[Message, ...]:
        """The messages whose retention ended, as far as operations have noticed, since this was asked last (S13)."""
        return self._store.take_expired()

    def deliver_again(self, now_ms: int, message: Message) -> bool:
        """Make a message visible once more although it is in flight or was deleted: what S17 permits.

        Standard queues only; the next receive counts as any other. False, and nothing has happened, for a message that
        left the queue for good: moved to another queue, purged, or over its retention.
        """
        self._standard_only()
        if not self._store.bring_back(now_ms, message):
            return False
        self._store.show(now_ms, message)
        return True

    def receive_again(self, now_ms: int, messages: Iterable[Message]) -> Receive:
        """Hand out these very messages although they are in flight or were deleted: what S17 permits.

        Standard queues only. Counts as any other receive, the redrive policy's limit included (S07, S10), but for the
        limit of messages in flight; messages that left the queue for good are left out.
        """
        self._standard_only()
        again = [message for message in messages if self._store.bring_back(now_ms, message)]
        return self._take(now_ms, again, len(again), self.config.visibility_timeout_s)

    def postpone(self, now_ms: int, message: Message, by_ms: int) -> bool:
        """Make a message visible ``by_ms`` later than it would have been, be it waiting or hidden.

        A message group waits behind it. What is in flight stays so until then, 12 hours or not. False, and nothing has
        happened, if the queue holds no such message.
        """
        self._store.expire(now_ms)
        self._store.surface(now_ms)
        if message.deleted:
            return False
        self._store.hide(message, max(now_ms, message.visible_at_ms) + by_ms)
        return True

    def hold_back(self, message: Message, behind: int) -> None:
        """Let up to ``behind`` others that are visible go first, once, when the message's turn comes next (S17).

        Standard queues only: best-effort order.
        """
        self._standard_only()
        self._store.hold_back(message, behind)

    def next_visible(self, now_ms: int) -> Message | None:
        """The message that a receive would begin with; it stays where it is."""
        self._store.expire(now_ms)
        self._store.surface(now_ms)
        return self._store.peek(now_ms)

    def take_away(self, message: Message) -> None:
        """A message that waits leaves the queue for good: a message move task takes it (S12)."""
        self._store.remove(message, for_good=True)

    def accept_moved(self, now_ms: int, message: Message) -> Message:
        """Take over what a message move task brings: a new message with this content, visible at once (S12).

        The queue's delay and deduplication do not apply (choice: nothing is held up or swallowed on its way back).
        """
        ordinal = self._next_ordinal()
        moved = moved_message(message, now_ms, ordinal, new_message_id(self._rng), self._sequence_number())
        self._store.add(now_ms, moved)
        return moved

    def accept_dead_letter(self, now_ms: int, message: Message, *, source_arn: str) -> None:
        """Take over a message from the queue at ``source_arn`` (S10, S11)."""
        ordinal = self._next_ordinal()
        dead = dead_letter(message, now_ms, ordinal, source_arn=source_arn, fifo=self.config.fifo)
        self._store.add(now_ms, dead)

    def _dead_letter(self, now_ms: int, message: Message) -> None:
        target = self.dead_letters
        assert target is not None, "a limit implies a dead-letter queue"
        self._store.take_out(message)
        target.accept_dead_letter(now_ms, message, source_arn=self.config.arn)

    def _next_ordinal(self) -> int:
        self._ordinal += 1
        return self._ordinal

    def _sequence_number(self) -> str | None:
        return f"{SEQUENCE_NUMBER_FIRST + self._ordinal * 256:020d}" if self.config.fifo else None

    def _by_handle(self, now_ms: int, handle: str) -> tuple[Message | None, bool]:
        """The message that a handle was given for, None if it is gone (S09); whether it is the latest receive's."""
        ordinal, receive_count, message_id = parse_receipt_handle(self._handle_prefix, handle)
        self._store.expire(now_ms)
        self._store.surface(now_ms)
        message = self._store.get(ordinal)
        if message is None or message.message_id != message_id:
            return None, False
        return message, message.receive_count == receive_count

    def _standard_only(self) -> None:
        if self.config.fifo:
            raise ValueError("S17 is about standard queues")


def _invalid_handle(handle: str, reason: str) -> SqsError:
    return SqsError("InvalidParameterValue", f"Value {handle} for parameter ReceiptHandle is invalid. Reason: {reason}")
