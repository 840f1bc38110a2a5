"""A ledger in a DynamoDB table: one item for each business key, changed by conditional writes only.

The table has the partition key `business_key` (S), no sort key, and `expires_at` as its TTL attribute. DynamoDB
deletes expired items when it comes to it, often days later, so every condition looks at the time itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .ledger import Claim, Status

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

__all__ = ["NAMES", "OWNED", "DynamoDBLedger", "old_item", "owned_values"]

NAMES = {"#status": "status", "#owner": "owner"}
"""Both are reserved words in DynamoDB's expressions."""

OWNED = "#status = :in_progress AND #owner = :owner"
"""The condition under which an item is this owner's to change; its values come from `owned_values`."""

_FREE = (
    "attribute_not_exists(business_key) OR expires_at <= :now_s"
    f" OR (#status = :in_progress AND lease_until_ms <= :now_ms) OR ({OWNED})"
)


class DynamoDBLedger:
    """Recognises duplicates across execution environments and crashes, for `ttl_s` after completion."""

    def __init__(self, client: DynamoDBClient, *, table: str, ttl_s: int) -> None:
        self._client = client
        self._table = table
        self._ttl_s = ttl_s

    def claim(self, key: str, *, owner: str, lease_until_ms: int, now_ms: int) -> Claim:
        """See `Ledger.claim`.

        The owner may claim again: when the answer to a claim is lost, the SDK sends it a second time.
        """
        # An update, not a put: what a sink keeps in the item, its `revision` above all, must survive a claim.
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"business_key": {"S": key}},
                UpdateExpression=(
                    "SET #status = :in_progress, #owner = :owner,"
                    " lease_until_ms = :lease_until_ms, expires_at = :expires_at"
                ),
                ConditionExpression=_FREE,
                ExpressionAttributeNames=NAMES,
                ExpressionAttributeValues={
                    **owned_values(owner),
                    ":now_s": {"N": str(now_ms // 1000)},
                    ":now_ms": {"N": str(now_ms)},
                    ":lease_until_ms": {"N": str(lease_until_ms)},
                    ":expires_at": {"N": str(now_ms // 1000 + self._ttl_s)},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as refusal:
            return Claim.DONE if _status(old_item(refusal)) == Status.DONE else Claim.LEASED
        return Claim.CLAIMED

    def complete(self, key: str, *, owner: str, now_ms: int) -> bool:
        """See `Ledger.complete`."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"business_key": {"S": key}},
                UpdateExpression="SET #status = :done, expires_at = :expires_at REMOVE lease_until_ms",
                ConditionExpression=OWNED,
                ExpressionAttributeNames=NAMES,
                ExpressionAttributeValues={
                    **owned_values(owner),
                    ":done": {"S": Status.DONE},
                    ":expires_at": {"N": str(now_ms // 1000 + self._ttl_s)},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as refusal:
            # Done by us: the first answer was lost, and the SDK sent the completion again.
            item = old_item(refusal)
            return _status(item) == Status.DONE and item.get("owner") == {"S": owner}
        return True

    def release(self, key: str, *, owner: str) -> bool:
        """See `Ledger.release`."""
        try:
            self._client.delete_item(
                TableName=self._table,
                Key={"business_key": {"S": key}},
                ConditionExpression=OWNED,
                ExpressionAttributeNames=NAMES,
                ExpressionAttributeValues=owned_values(owner),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def owned_values(owner: str) -> dict[str, AttributeValueTypeDef]:
    """The values that the condition `OWNED` speaks of."""
    return {":owner": {"S": owner}, ":in_progress": {"S": Status.IN_PROGRESS}}


def old_item(refusal: ClientError) -> Mapping[str, Any]:
    """The item as it was when a condition on it failed; empty if the answer has none."""
    item = refusal.response.get("Item")
    return item if isinstance(item, Mapping) else {}


def _status(item: Mapping[str, Any]) -> str | None:
    status = item.get("status")
    return status.get("S") if isinstance(status, Mapping) else None
