from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SqsMessage(_message.Message):
    __slots__ = ("message_id", "receipt_handle", "body", "md5_of_body", "md5_of_message_attributes", "attributes", "message_attributes", "queue_arn", "aws_region", "ingested_at", "ingested_date")
    class MessageAttributes(_message.Message):
        __slots__ = ("string_value", "binary_value", "string_list_values", "binary_list_values", "data_type")
        STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
        BINARY_VALUE_FIELD_NUMBER: _ClassVar[int]
        STRING_LIST_VALUES_FIELD_NUMBER: _ClassVar[int]
        BINARY_LIST_VALUES_FIELD_NUMBER: _ClassVar[int]
        DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
        string_value: str
        binary_value: bytes
        string_list_values: _containers.RepeatedScalarFieldContainer[str]
        binary_list_values: _containers.RepeatedScalarFieldContainer[bytes]
        data_type: str
        def __init__(self, string_value: _Optional[str] = ..., binary_value: _Optional[bytes] = ..., string_list_values: _Optional[_Iterable[str]] = ..., binary_list_values: _Optional[_Iterable[bytes]] = ..., data_type: _Optional[str] = ...) -> None: ...
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class MessageAttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: SqsMessage.MessageAttributes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[SqsMessage.MessageAttributes, _Mapping]] = ...) -> None: ...
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_HANDLE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    MD5_OF_BODY_FIELD_NUMBER: _ClassVar[int]
    MD5_OF_MESSAGE_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    QUEUE_ARN_FIELD_NUMBER: _ClassVar[int]
    AWS_REGION_FIELD_NUMBER: _ClassVar[int]
    INGESTED_AT_FIELD_NUMBER: _ClassVar[int]
    INGESTED_DATE_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    receipt_handle: str
    body: str
    md5_of_body: str
    md5_of_message_attributes: str
    attributes: _containers.ScalarMap[str, str]
    message_attributes: _containers.MessageMap[str, SqsMessage.MessageAttributes]
    queue_arn: str
    aws_region: str
    ingested_at: int
    ingested_date: int
    def __init__(self, message_id: _Optional[str] = ..., receipt_handle: _Optional[str] = ..., body: _Optional[str] = ..., md5_of_body: _Optional[str] = ..., md5_of_message_attributes: _Optional[str] = ..., attributes: _Optional[_Mapping[str, str]] = ..., message_attributes: _Optional[_Mapping[str, SqsMessage.MessageAttributes]] = ..., queue_arn: _Optional[str] = ..., aws_region: _Optional[str] = ..., ingested_at: _Optional[int] = ..., ingested_date: _Optional[int] = ...) -> None: ...
