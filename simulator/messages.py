"""A message in a queue, the receipt handles that its deliveries are known by, and what send and receive answer."""

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, NamedTuple

from redrive.fixtures.event_builder import MessageAttribute

from .errors import SqsError

__all__ = [
    "Message",
    "Receive",
    "Received",
    "Sent",
    "dead_letter",
    "moved_message",
    "new_message_id",
    "parse_receipt_handle",
    "receipt_handle",
    "receipt_handle_prefix",
]

NO_ATTRIBUTES: Final[Mapping[str, MessageAttribute]] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class Message:
    """One message, as its queue keeps it. Times are milliseconds since the epoch.

    ``ordinal`` counts the messages of a queue in send order and is the position in a message group. ``state`` of
    the message follows from three fields: it is *deleted*, or *in flight* (received, hidden until
    ``visible_at_ms``), or waiting (from ``visible_at_ms`` on it may be received). One that left the queue for good, to
    another queue, by a purge or because its retention ended, is *gone* as well as deleted. ``receive_count`` is this
    queue's, which the redrive policy limits (S10); ``received_before`` is what earlier queues add to it in the system
    attribute (S07).
    """

    ordinal: int
    message_id: str
    body: str
    md5_of_body: str
    sent_ms: int
    visible_at_ms: int
    message_attributes: Mapping[str, MessageAttribute]
    group: str | None = None
    deduplication_id: str | None = None
    sequence_number: str | None = None
    trace_header: str | None = None
    sender_id: str = "AIDAEXAMPLESENDER0001"
    dead_letter_source_arn: str | None = None
    received_before: int = 0
    receive_count: int = 0
    first_received_ms: int | None = None
    received_ms: int | None = None
    in_flight: bool = False
    deleted: bool = False
    gone: bool = False

    def system_attributes(self, receive_count: int) -> dict[str, str]:
        """The system attributes of the delivery with this receive count, all of them strings (S23, S21)."""
        attributes = {
            "ApproximateReceiveCount": str(receive_count),
            "SentTimestamp": str(self.sent_ms),
            "SenderId": self.sender_id,
            "ApproximateFirstReceiveTimestamp": str(self.first_received_ms),
        }
        if self.sequence_number is not None:
            attributes["SequenceNumber"] = self.sequence_number
        if self.group is not None:
            attributes["MessageGroupId"] = self.group
        if self.deduplication_id is not None:
            attributes["MessageDeduplicationId"] = self.deduplication_id
        if self.trace_header is not None:
            attributes["AWSTraceHeader"] = self.trace_header
        if self.dead_letter_source_arn is not None:
            attributes["DeadLetterQueueSourceArn"] = self.dead_letter_source_arn
        return attributes


class Sent(NamedTuple):
    """What a send answers with.

    ``enqueued`` is False for a duplicate that FIFO deduplication swallowed (S19). The digests are of what this send
    brought, also then; ``md5_of_message_attributes`` is None where there are no attributes (S22).
    """

    message_id: str
    sequence_number: str | None
    enqueued: bool
    md5_of_body: str
    md5_of_message_attributes: str | None = None


class Received(NamedTuple):
    """One delivery of a message: the receipt, and the values at the moment of the receive."""

    message: Message
    receipt_handle: str
    receive_count: int


class Receive(NamedTuple):
    """What one receive did: what it handed out, and what it moved to the dead-letter queue instead (S10)."""

    delivered: tuple[Received, ...]
    dead_lettered: tuple[Message, ...]


def dead_letter(message: Message, now_ms: int, ordinal: int, *, source_arn: str, fifo: bool) -> Message:
    """The message as it arrives in a dead-letter queue (S10, S11).

    The id stays, and what its system attributes say of earlier receives: those count over all queues (S07). In a
    standard queue the enqueue time stays as well, so retention goes on counting; in a FIFO queue it starts anew.
    """
    return replace(
        message,
        ordinal=ordinal,
        sent_ms=now_ms if fifo else message.sent_ms,
        visible_at_ms=now_ms,
        dead_letter_source_arn=source_arn,
        received_before=message.received_before + message.receive_count,
        receive_count=0,
        received_ms=None,
        in_flight=False,
        deleted=False,
        gone=False,
    )


def moved_message(message: Message, now_ms: int, ordinal: int, message_id: str, sequence_number: str | None) -> Message:
    """The message that a message move task makes of one in a dead-letter queue (S12).

    Id, sequence number, enqueue time and so retention are new, and receives count from the start.
    """
    return Message(
        ordinal=ordinal,
        message_id=message_id,
        body=message.body,
        md5_of_body=message.md5_of_body,
        sent_ms=now_ms,
        visible_at_ms=now_ms,
        message_attributes=message.message_attributes,
        group=message.group,
        deduplication_id=message.deduplication_id,
        sequence_number=sequence_number,
        trace_header=message.trace_header,
        sender_id=message.sender_id,
    )


def new_message_id(rng: random.Random) -> str:
    """A message id: a UUID of version 4."""
    bits = rng.getrandbits(128)
    # Version and variant, as RFC 9562 has them.
    bits = bits & ~(0xF000 << 64) | 4 << 76
    bits = bits & ~(0xC000 << 48) | 2 << 62
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def receipt_handle_prefix(queue_arn: str) -> str:
    """What the receipt handles of a queue begin with, and those of other queues do not."""
    return f"AQEB{hashlib.sha256(queue_arn.encode()).hexdigest()[:12]}."


def receipt_handle(prefix: str, message: Message) -> str:
    """The handle of the message's latest delivery: new for each receive (S08)."""
    return f"{prefix}{message.ordinal:x}.{message.receive_count:x}.{message.message_id}"


def parse_receipt_handle(prefix: str, handle: str) -> tuple[int, int, str]:
    """The ordinal, receive count and message id that a handle stands for.

    Raises :class:`SqsError` ``ReceiptHandleIsInvalid`` for a string that no receive from this queue has given.
    """
    if handle.startswith(prefix):
        parts = handle[len(prefix) :].split(".")
        if len(parts) == 3:
            try:
                return int(parts[0], 16), int(parts[1], 16), parts[2]
            except ValueError:
                pass
    raise SqsError("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.')
