"""From a record to the protobuf message of one row."""

from .event import MessageAttribute, Record
from .proto.sqs_messages_pb2 import SqsMessage

__all__ = ["to_message"]

_US_PER_DAY = 86_400_000_000


def to_message(record: Record, *, ingested_at_us: int) -> SqsMessage:
    """The row's message: body and values as they came, absent fields absent, `ingested_at_us` since the epoch."""
    return SqsMessage(
        message_id=record.message_id,
        receipt_handle=record.receipt_handle,
        body=record.body,
        md5_of_body=record.md5_of_body,
        md5_of_message_attributes=record.md5_of_message_attributes,
        attributes=record.attributes,
        message_attributes={name: _to_attribute(attribute) for name, attribute in record.message_attributes.items()},
        queue_arn=record.queue_arn,
        aws_region=record.aws_region,
        ingested_at=ingested_at_us,
        ingested_date=ingested_at_us // _US_PER_DAY,
    )


def _to_attribute(attribute: MessageAttribute) -> SqsMessage.MessageAttributes:
    return SqsMessage.MessageAttributes(
        string_value=attribute.string_value,
        binary_value=attribute.binary_value,
        string_list_values=attribute.string_list_values,
        binary_list_values=attribute.binary_list_values,
        data_type=attribute.data_type,
    )
