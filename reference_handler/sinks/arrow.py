"""Rows as an Arrow table, column by column.

`arro3` makes arrays of plain types from Python lists; maps and structs are put together here from their parts.
Importing this module needs `arro3-core`.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, chain
from typing import TypeVar

from arro3.core import Array, DataType, Field, Schema, Table, list_array, struct_array

from ..proto.sqs_messages_pb2 import SqsMessage
from .sink import Row

__all__ = ["SCHEMA", "to_table"]

T = TypeVar("T")

_STRING = DataType.string()
_BINARY = DataType.binary()
_TIMESTAMP = DataType.timestamp("us", tz="UTC")
_ATTRIBUTE_FIELDS = [
    Field("string_value", _STRING),
    Field("binary_value", _BINARY),
    Field("string_list_values", DataType.list(Field("element", _STRING))),
    Field("binary_list_values", DataType.list(Field("element", _BINARY))),
    Field("data_type", _STRING),
]
_KEY = Field("key", _STRING, nullable=False)
_ATTRIBUTES = DataType.map(_KEY, Field("value", _STRING), False)
_MESSAGE_ATTRIBUTES = DataType.map(_KEY, Field("value", DataType.struct(_ATTRIBUTE_FIELDS)), False)

SCHEMA = Schema(
    [
        Field("business_key", _STRING, nullable=False),
        Field("message_id", _STRING),
        Field("receipt_handle", _STRING),
        Field("body", _STRING),
        Field("md5_of_body", _STRING),
        Field("md5_of_message_attributes", _STRING),
        Field("attributes", _ATTRIBUTES),
        Field("message_attributes", _MESSAGE_ATTRIBUTES),
        Field("queue_arn", _STRING),
        Field("aws_region", _STRING),
        Field("ingested_at", _TIMESTAMP),
        Field("ingested_date", DataType.date32()),
    ]
)
"""The fields of SqsMessage behind the business key."""


def to_table(rows: Sequence[Row]) -> Table:
    """The rows as a table of `SCHEMA`, in their order. A field that a message lacks is null; an empty map is empty."""
    messages = [row.message for row in rows]
    columns = {
        "business_key": _strings([row.business_key for row in rows]),
        "attributes": _maps([message.attributes for message in messages], _ATTRIBUTES, _strings),
        "message_attributes": _maps(
            [message.message_attributes for message in messages], _MESSAGE_ATTRIBUTES, _message_attributes
        ),
        "ingested_at": _cast([message.ingested_at for message in messages], DataType.int64(), _TIMESTAMP),
        "ingested_date": _cast([message.ingested_date for message in messages], DataType.int32(), DataType.date32()),
    }
    for name in SCHEMA.names:
        if name not in columns:
            columns[name] = _strings([_present(message, name) for message in messages])
    return Table.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _present(message: SqsMessage, name: str) -> str | None:
    return getattr(message, name) if message.HasField(name) else None


def _strings(values: Sequence[str | None]) -> Array:
    return Array(values, _STRING)


def _cast(values: Sequence[int], plain: DataType, target: DataType) -> Array:
    return Array(values, plain).cast(target)


def _message_attributes(attributes: Sequence[SqsMessage.MessageAttributes]) -> Array:
    return struct_array(
        [
            _strings([one.string_value if one.HasField("string_value") else None for one in attributes]),
            Array([one.binary_value if one.HasField("binary_value") else None for one in attributes], _BINARY),
            _lists([one.string_list_values for one in attributes], _STRING),
            _lists([one.binary_list_values for one in attributes], _BINARY),
            _strings([one.data_type for one in attributes]),
        ],
        fields=_ATTRIBUTE_FIELDS,
    )


def _lists(lists: Sequence[Sequence[T]], element: DataType) -> Array:
    values = Array(list(chain.from_iterable(lists)), element)
    return list_array(_offsets(lists), values, type=DataType.list(Field("element", element)))


def _maps(maps: Sequence[Mapping[str, T]], type_: DataType, to_values: Callable[[Sequence[T]], Array]) -> Array:
    pairs = [(key, one[key]) for one in maps for key in sorted(one)]
    values = to_values([value for _, value in pairs])
    entries = struct_array([_strings([key for key, _ in pairs]), values], fields=[_KEY, Field("value", values.type)])
    # Arrow lays a map out as a list of key-value structs, so the list's memory under the map's type is the map.
    as_list = list_array(_offsets(maps), entries)
    return Array.from_arrow_pycapsule(type_.__arrow_c_schema__(), as_list.__arrow_c_array__()[1])


def _offsets(groups: Sequence[Sequence[T] | Mapping[str, T]]) -> Array:
    return Array(list(accumulate((len(group) for group in groups), initial=0)), DataType.int32())
