"""A sink that shares its write with the ledger: the item that was claimed becomes the row.

Guarantee: exactly once for each business key, for as long as the item stays (it has no time to live). There is no
moment after the effect and before completion, because one conditional write is both: after a crash the item is
either leased, and the retry writes it when the lease has ended, or done, and the retry is a duplicate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..deadline import Deadline
from ..ledger.dynamodb import NAMES, OWNED, old_item, owned_values
from ..ledger.ledger import Status
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
    """

    bulk = False

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def write(self, rows: Sequence[Row], *, owner: str, deadline: Deadline) -> Mapping[str, Outcome]:  # noqa: ARG002
        """See `Sink.write`."""
        return {row.business_key: self._write(row, owner) for row in rows}

    def _write(self, row: Row, owner: str) -> Outcome:
        message = row.message.SerializeToString(deterministic=True)
        # The body stands in the item twice: to be read by people and queries, and inside the message.
        if len(row.message.body.encode()) + len(message) > ITEM_BYTES_MAX:
            return failed("larger than an item of DynamoDB can be (400 KB)")
        columns: dict[str, AttributeValueTypeDef] = {
            "message_id": {"S": row.message.message_id},
            "body": {"S": row.message.body},
            "message": {"B": message},
            "processed_at": {"S": _iso(row.message.ingested_at)},
        }
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
                and item.get("message") == {"B": message}
            ):
                return COMPLETED
            return failed("the lease went to another invocation")
        return COMPLETED


def _iso(timestamp_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=timestamp_us)).isoformat(timespec="microseconds")
