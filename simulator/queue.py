"""An SQS queue as a state machine: every operation is given the time, and does all it does at that time."""

import hashlib
import random
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple
from uuid import UUID

from redrive.fixtures.event_builder import MessageAttribute, md5_of_body

from .errors import SqsError
from .lines import FifoLine, Line, StandardLine
from .messages import Message, parse_receipt_handle, receipt_handle

__all__ = ["Queue", "QueueConfig", "Receive", "Received", "Sent"]

DEDUPLICATION_MS = 5 * 60 * 1000
VISIBILITY_TIMEOUT_S_MAX = 43_200
DELAY_S_MAX = 900
RECEIVE_MAX = 10
SEQUENCE_NUMBER_FIRST = 18_850_000_000_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueConfig:
    """A queue's attributes. Raises :class:`SqsError` ``InvalidAttributeValue`` for what SQS would refuse.

    ``max_receive_count`` is the redrive policy's; without it nothing is ever dead-lettered. ``name`` gets the
    suffix ``.fifo`` by itself where it lacks it.
    """

    name: str = "redrive-queue"
    fifo: bool = False
    visibility_timeout_s: int = 30
    delay_s: int = 0
    max_receive_count: int | None = None
    content_based_deduplication: bool = False
    region: str = "us-east-1"
    account_id: str = "123456789012"

    def __post_init__(self) -> None:
        code = "InvalidAttributeValue"
        _bounded("VisibilityTimeout", self.visibility_timeout_s, 0, VISIBILITY_TIMEOUT_S_MAX, code=code)
        _bounded("DelaySeconds", self.delay_s, 0, DELAY_S_MAX, code=code)
        if self.max_receive_count is not None:
            _bounded("maxReceiveCount", self.max_receive_count, 1, 1000, code=code)

    @property
    def arn(self) -> str:
        """The queue's ARN, with the suffix that FIFO queues have."""
        suffix = ".fifo" if self.fifo and not self.name.endswith(".fifo") else ""
        return f"arn:aws:sqs:{self.region}:{self.account_id}:{self.name}{suffix}"


class Sent(NamedTuple):
    """What a send answers with. ``enqueued`` is False for a duplicate that FIFO deduplication swallowed (S19)."""

    message_id: str
    sequence_number: str | None
    enqueued: bool


class Received(NamedTuple):
    """One delivery of a message: the receipt, and the values at the moment of the receive."""

    message: Message
    receipt_handle: str
    receive_count: int


class Receive(NamedTuple):
    """What one receive did: what it handed out, and what it moved to the dead-letter queue instead (S10)."""

    delivered: tuple[Received, ...]
    dead_lettered: tuple[Message, ...]


_NOTHING = Receive((), ())

# Until when, then the order in which messages of that time come back, then what makes entries differ.
_Hidden = tuple[int, int, int, Message]


class Queue:
    """A standard or FIFO queue.

    Times are milliseconds and never go back from one call to the next. ``dead_letters`` is the queue that the
    redrive policy names and must be of the same type (S11). ``rng`` gives the message ids; with ``shuffled`` it
    also picks which visible message of a standard queue comes next, as best-effort ordering permits (S17).
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
        self._rng = rng
        self._line: Line = FifoLine() if config.fifo else StandardLine(rng if shuffled else None)
        self._messages: dict[int, Message] = {}
        self._hidden: list[_Hidden] = []
        self._pushes = 0
        self._ordinal = 0
        self._deduplicated: dict[str, Sent] = {}
        self._deduplicated_until: deque[tuple[int, str]] = deque()

    @property
    def is_fifo(self) -> bool:
        """Whether this is a FIFO queue."""
        return self.config.fifo

    def __len__(self) -> int:
        """How many messages the queue holds, visible or not."""
        return len(self._messages)

    def messages(self) -> tuple[Message, ...]:
        """The messages that the queue holds, in send order."""
        return tuple(self._messages.values())

    def next_change_ms(self) -> int | None:
        """When the next hidden or delayed message becomes visible, if any does."""
        while self._hidden and self._stale(self._hidden[0]):
            heappop(self._hidden)
        return self._hidden[0][0] if self._hidden else None

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
        """Enqueue a message (S14, S19, S20, S21).

        Raises :class:`SqsError` where SQS refuses the parameters of a FIFO send or the delay.
        """
        fifo = self.config.fifo
        delay_s = self._delay_s(delay_s)
        if fifo:
            if not group:
                raise SqsError("MissingParameter", "The request must contain the parameter MessageGroupId.")
            deduplication_id = self._deduplication_id(body, deduplication_id)
            first = self._first_send(now_ms, deduplication_id)
            if first is not None:
                return first._replace(enqueued=False)
        self._ordinal += 1
        message = Message(
            ordinal=self._ordinal,
            message_id=str(UUID(int=self._rng.getrandbits(128), version=4)),
            body=body,
            md5_of_body=md5_of_body(body),
            sent_ms=now_ms,
            visible_at_ms=now_ms + delay_s * 1000,
            message_attributes=message_attributes or {},
            group=group,
            deduplication_id=deduplication_id if fifo else None,
            sequence_number=f"{SEQUENCE_NUMBER_FIRST + self._ordinal * 256:020d}" if fifo else None,
            trace_header=trace_header,
        )
        self._enqueue(now_ms, message)
        sent = Sent(message.message_id, message.sequence_number, enqueued=True)
        if deduplication_id is not None and fifo:
            self._deduplicated[deduplication_id] = sent
            self._deduplicated_until.append((now_ms + DEDUPLICATION_MS, deduplication_id))
        return sent

    def receive(self, now_ms: int, *, most: int = RECEIVE_MAX, visibility_timeout_s: int | None = None) -> Receive:
        """Hand out up to ``most`` visible messages, 1 to 10 (S05, S07, S08, S10, S16, S18)."""
        _bounded("MaxNumberOfMessages", most, 1, RECEIVE_MAX)
        timeout_s = self.config.visibility_timeout_s
        if visibility_timeout_s is not None:
            _bounded("VisibilityTimeout", visibility_timeout_s, 0, VISIBILITY_TIMEOUT_S_MAX)
            timeout_s = visibility_timeout_s
        self._surface(now_ms)
        return self._take(now_ms, self._line.candidates(now_ms), most, timeout_s)

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
            message.in_flight = True
            self._hide(message, now_ms + timeout_s * 1000)
            count = message.received_before + message.receive_count
            delivered.append(Received(message, receipt_handle(message), count))
            if len(delivered) == most:
                break
        return Receive(tuple(delivered), tuple(dead)) if delivered or dead else _NOTHING

    def delete(self, now_ms: int, handle: str) -> None:
        """Delete by receipt handle (S08, S09).

        Raises :class:`SqsError`: ``ReceiptHandleIsInvalid`` for a string that is none, ``InvalidParameterValue`` for
        an expired handle of a FIFO queue.
        """
        message = self._by_handle(now_ms, handle)
        if message is None:
            return
        was_in_flight = message.in_flight
        message.deleted = True
        message.in_flight = False
        del self._messages[message.ordinal]
        if was_in_flight:
            self._line.left(message)

    def change_visibility(self, now_ms: int, handle: str, timeout_s: int) -> None:
        """Hide a received message for ``timeout_s`` from now on, or show it at once with 0 (S06).

        Raises :class:`SqsError` ``InvalidParameterValue`` beyond 12 hours from the receive, and ``MessageNotInflight``
        for a message that is not in flight.
        """
        _bounded("VisibilityTimeout", timeout_s, 0, VISIBILITY_TIMEOUT_S_MAX)
        message = self._by_handle(now_ms, handle)
        if message is None or not message.in_flight or message.received_ms is None:
            raise SqsError("MessageNotInflight", "The message referred to isn't in flight.")
        if now_ms + timeout_s * 1000 > message.received_ms + VISIBILITY_TIMEOUT_S_MAX * 1000:
            raise SqsError(
                "InvalidParameterValue",
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
            )
        self._hide(message, now_ms + timeout_s * 1000)
        self._surface(now_ms)

    def deliver_again(self, now_ms: int, message: Message) -> bool:
        """Make a message visible once more although it is in flight or was deleted: what S17 permits.

        Standard queues only; the next receive counts as any other. False, and nothing has happened, for a message that
        was moved to the dead-letter queue.
        """
        if not self._come_back(message):
            return False
        message.in_flight = False
        message.visible_at_ms = now_ms
        self._line.surfaced(message)
        return True

    def receive_again(self, now_ms: int, messages: Iterable[Message]) -> Receive:
        """Hand out these very messages although they are in flight or were deleted: what S17 permits.

        Standard queues only. Counts as any other receive, the redrive policy's limit included (S07, S10); messages that
        were moved to the dead-letter queue are left out.
        """
        again = [message for message in messages if self._come_back(message)]
        return self._take(now_ms, again, len(again), self.config.visibility_timeout_s)

    def _come_back(self, message: Message) -> bool:
        if self.config.fifo:
            raise ValueError("S17 is about standard queues")
        if message.dead_lettered:
            return False
        message.deleted = False
        self._messages[message.ordinal] = message
        return True

    def _enqueue(self, now_ms: int, message: Message) -> None:
        self._messages[message.ordinal] = message
        self._line.add(message)
        if message.visible_at_ms > now_ms:
            self._hide(message, message.visible_at_ms)
        else:
            self._line.surfaced(message)

    def _hide(self, message: Message, until_ms: int) -> None:
        message.visible_at_ms = until_ms
        self._pushes += 1
        heappush(self._hidden, (until_ms, message.ordinal, self._pushes, message))

    def _stale(self, entry: _Hidden) -> bool:
        until_ms, _, _, message = entry
        return message.deleted or message.visible_at_ms != until_ms

    def _surface(self, now_ms: int) -> None:
        while self._hidden and self._hidden[0][0] <= now_ms:
            entry = heappop(self._hidden)
            if self._stale(entry):
                continue
            message = entry[3]
            if message.in_flight:
                message.in_flight = False
                self._line.returned(message)
            self._line.surfaced(message)

    def _dead_letter(self, now_ms: int, message: Message) -> None:
        target = self.dead_letters
        assert target is not None, "a limit implies a dead-letter queue"
        del self._messages[message.ordinal]
        message.deleted = True
        message.dead_lettered = True
        self._line.left(message)
        target.accept_dead_letter(now_ms, message, source_arn=self.config.arn)

    def accept_dead_letter(self, now_ms: int, message: Message, *, source_arn: str) -> None:
        """Take over a message from the queue at ``source_arn`` (S10, S11).

        The id stays, and what its system attributes say of earlier receives: those count over all queues (S07).
        """
        self._ordinal += 1
        self._enqueue(
            now_ms,
            Message(
                ordinal=self._ordinal,
                message_id=message.message_id,
                body=message.body,
                md5_of_body=message.md5_of_body,
                # A standard dead-letter queue keeps the original time, so retention goes on counting.
                sent_ms=now_ms if self.config.fifo else message.sent_ms,
                visible_at_ms=now_ms,
                message_attributes=message.message_attributes,
                group=message.group,
                deduplication_id=message.deduplication_id,
                sequence_number=message.sequence_number,
                trace_header=message.trace_header,
                sender_id=message.sender_id,
                dead_letter_source_arn=source_arn,
                received_before=message.received_before + message.receive_count,
                first_received_ms=message.first_received_ms,
            ),
        )

    def _by_handle(self, now_ms: int, handle: str) -> Message | None:
        """The message a handle still speaks for; None if it is gone (S09)."""
        ordinal, receive_count, message_id = parse_receipt_handle(handle)
        self._surface(now_ms)
        message = self._messages.get(ordinal)
        if message is None or message.message_id != message_id:
            return None
        if self.config.fifo and (not message.in_flight or message.receive_count != receive_count):
            raise SqsError(
                "InvalidParameterValue", f"Value {handle} is invalid. Reason: The receipt handle has expired."
            )
        return message

    def _delay_s(self, delay_s: int | None) -> int:
        if delay_s is None:
            return self.config.delay_s
        if self.config.fifo and delay_s:
            raise SqsError("InvalidParameterValue", f"Value {delay_s} for parameter DelaySeconds is invalid.")
        _bounded("DelaySeconds", delay_s, 0, DELAY_S_MAX)
        return self.config.delay_s if self.config.fifo else delay_s

    def _deduplication_id(self, body: str, given: str | None) -> str:
        if given is not None:
            return given
        if not self.config.content_based_deduplication:
            raise SqsError(
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided",
            )
        return sha256_of_body(body)

    def _first_send(self, now_ms: int, deduplication_id: str) -> Sent | None:
        while self._deduplicated_until and self._deduplicated_until[0][0] <= now_ms:
            del self._deduplicated[self._deduplicated_until.popleft()[1]]
        return self._deduplicated.get(deduplication_id)


def sha256_of_body(body: str) -> str:
    """The deduplication id of content-based deduplication: body only, no attributes (S19)."""
    return hashlib.sha256(body.encode()).hexdigest()


def _bounded(name: str, value: int, least: int, most: int, *, code: str = "InvalidParameterValue") -> None:
    if not least <= value <= most:
        raise SqsError(code, f"Value {value} for parameter {name} is invalid: {least} to {most}.")
