"""A sink that shares its write with the ledger: the item that was claimed becomes the row.

Guarantee: exactly once for each business key, for as long as the item stays (it has no time to live). There is no
moment after the effect and before completion, because one conditional write is both: after a crash the item is
either leased, and the retry writes it when the lease has ended, or done, and the retry is a duplicate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..deadline import Deadline
from ..ledger.dynamodb import NAMES, OWNED, old_item, owned_values
from ..ledger.ledger import Status
from ..proto.sqs_messages_pb2 import SqsMessage
from .sink import COMPLETED, Outcome, Row, failed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

__all__ = ["ITEM_BYTES_MAX", "DynamoDBSink"]

ITEM_BYTES_MAX = 400 * 1024
"""DynamoDB's limit for an item, attribute names included."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DynamoDBSink:
    """Writes a row into the item of its claim.

    The item then has `message_id`, `body`, `message` (the serialized SqsMessage), `processed_at` (ISO 8601, UTC),
    `message_group` if there is one, and `revision`: how often the effect was written. Above 1 it would be a bug.

    A body that was fetched from S3 and is too large for an item stays there. In place of `body`, also in `message`,
    there are `body_location` (an S3 URI), `body_bytes` and `body_sha256` (hex) of what was read.
    """

    bulk = False

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def write(self, rows: Sequence[Row], *, owner: str, deadline: Deadline) -> Mapping[str, Outcome]:  # noqa: ARG002
        """See `Sink.write`."""
        return {row.business_key: self._write(row, owner) for row in rows}

    def _write(self, row: Row, owner: str) -> Outcome:
        columns = _columns(row)
        if columns is None:
            return failed("larger than an item of DynamoDB can be (400 KB)")
        if row.message_group is not None:
            columns["message_group"] = {"S": row.message_group}
        values: dict[str, AttributeValueTypeDef] = {
            **owned_values(owner),
            ":done": {"S": Status.DONE},
            ":one": {"N": "1"},
            **{f":{name}": value for name, value in columns.items()},
        }
        assignments = ", ".join(f"{name} = :{name}" for name in columns)
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"business_key": {"S": row.business_key}},
                UpdateExpression=(
                    f"SET #status = :done, {assignments} REMOVE lease_until_ms, expires_at ADD revision :one"
                ),
                ConditionExpression=OWNED,
                ExpressionAttributeNames=NAMES,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as refusal:
            # The answer to our own write was lost and the SDK sent it again: the item holds what we wrote.
            item = old_item(refusal)
            if (
                item.get("status") == {"S": Status.DONE}
                and item.get("owner") == {"S": owner}
                and item.get("message") == columns["message"]
            ):
                return COMPLETED
            return failed("the lease went to another invocation")
        return COMPLETED


def _columns(row: Row) -> dict[str, AttributeValueTypeDef] | None:
    """What the row adds to its item; None if that is too large."""
    message = row.message
    body = message.body.encode()
    serialized = message.SerializeToString(deterministic=True)
    of_body: dict[str, AttributeValueTypeDef] = {"body": {"S": message.body}}
    # The body stands in the item twice: to be read by people and queries, and inside the message.
    if len(body) + len(serialized) > ITEM_BYTES_MAX:
        if row.pointer is None:
            return None
        without_body = SqsMessage()
        without_body.CopyFrom(message)
        without_body.ClearField("body")
        serialized = without_body.SerializeToString(deterministic=True)
        of_body = {
            "body_location": {"S": f"s3://{row.pointer.bucket}/{row.pointer.key}"},
            "body_bytes": {"N": str(len(body))},
            "body_sha256": {"S": hashlib.sha256(body).hexdigest()},
        }
    return {
        "message_id": {"S": message.message_id},
        **of_body,
        "message": {"B": serialized},
        "processed_at": {"S": _iso(message.ingested_at)},
    }


def _iso(timestamp_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=timestamp_us)).isoformat(timespec="microseconds")
