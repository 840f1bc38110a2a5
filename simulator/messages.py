"""A message in a queue, and the receipt handles that its deliveries are known by."""

from collections.abc import Mapping
from dataclasses import dataclass

from redrive.fixtures.event_builder import MessageAttribute

from .errors import SqsError

__all__ = ["Message", "parse_receipt_handle", "receipt_handle"]

_PREFIX = "AQEB"


@dataclass(slots=True, eq=False)
class Message:
    """One message, as its queue keeps it. Times are milliseconds since the epoch.

    ``ordinal`` counts the messages of a queue in send order and is the position in a message group. ``state`` of
    the message follows from three fields: it is *deleted*, or *in flight* (received, hidden until
    ``visible_at_ms``), or waiting (from ``visible_at_ms`` on it may be received). One that was moved to the
    dead-letter queue is *dead_lettered* as well as deleted. ``receive_count`` is this queue's, which the redrive policy
    limits (S10); ``received_before`` is what earlier queues add to it in the system attribute (S07).
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
    dead_lettered: bool = False

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


def receipt_handle(message: Message) -> str:
    """The handle of the message's latest delivery: new for each receive (S08)."""
    return f"{_PREFIX}{message.ordinal:x}.{message.receive_count:x}.{message.message_id}"


def parse_receipt_handle(handle: str) -> tuple[int, int, str]:
    """The ordinal, receive count and message id that a handle stands for.

    Raises :class:`SqsError` ``ReceiptHandleIsInvalid`` for a string that no receive has given.
    """
    if handle.startswith(_PREFIX):
        parts = handle.removeprefix(_PREFIX).split(".")
        if len(parts) == 3:
            try:
                return int(parts[0], 16), int(parts[1], 16), parts[2]
            except ValueError:
                pass
    raise SqsError("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid one.')
