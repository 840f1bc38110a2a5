"""The reference handler as a consumer, with each of its sinks: what ``redrive verify`` verifies by default.

The handler is named, not imported: it is run like anybody else's.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import strategies as st

from .consumer import BODY_BYTES_MAX, Aws, Claim, Consumer, Effect, QueueSpec, Variant
from .delta_table import NEEDS, delta_rows
from .pointers import BUCKET

__all__ = ["HANDLER", "consumer", "delta", "large_batches", "memory", "rows_in_dynamodb"]

HANDLER = "redrive.reference_handler.app:lambda_handler"
TABLE = "redrive-ledger"

_DYNAMODB_BODY_BYTES_MAX = 190_000
"""An item of DynamoDB has at most 400 KB, and the sink's has the body twice."""

_ENVIRONMENT = {
    "REDRIVE_SINK": "dynamodb",
    "REDRIVE_TABLE": TABLE,
    "REDRIVE_BUSINESS_KEY_POINTER": "/order",
    "REDRIVE_PAYLOAD_BUCKETS": BUCKET,
    # One call after the other, so that the same seed gives the same history; the handler's code is the same.
    "REDRIVE_MAX_WORKERS": "1",
}

# What a parser that reads and writes again would change: spaces, escapes, number formats, order of the names.
_NOTES = st.sampled_from(["", "Größe 42", "𐍈 😀 e\u0301", "tab\tline\nend", '\\"quoted\\"'])
_SHAPES = st.sampled_from(
    [
        '{{"order":{key},"note":{note}}}',
        '{{ "note" : {note},  "order" : {key}, "amount": 1.10 }}',
        '{{"order": {key}, "count": 10000000000000000000001, "note": {note}}}\n',
    ]
)


def _valid(key: str) -> st.SearchStrategy[str]:
    return st.builds(
        lambda shape, note: shape.format(key=json.dumps(key), note=json.dumps(note, ensure_ascii=False)),
        _SHAPES,
        _NOTES,
    )


def _poison(key: str) -> st.SearchStrategy[str]:
    return st.sampled_from(
        [
            f'{{"order": "{key}", ',
            f'{{"odrer": "{key}"}}',
            f'{{"order": ["{key}"]}}',
            f"order {key}",
            "[" * 100_000,
        ]
    )


def _make_table(aws: Aws) -> None:
    aws.client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "business_key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "business_key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def rows_in_dynamodb(aws: Aws, table: str = TABLE) -> Iterator[Effect]:
    """The effects that the `dynamodb` sink left in this table: as often as each was written."""
    columns = "business_key, body, revision"
    # On AWS a row that was written may otherwise not be there yet.
    pages = (
        aws.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=table, ProjectionExpression=columns, ConsistentRead=True)
    )
    for page in pages:
        for row in page["Items"]:
            # How often the effect was written is what the sink counts; a row that is only claimed has none.
            for _ in range(int(row.get("revision", {"N": "0"})["N"])):
                # A body that is too large for an item is in S3, and the row says only where.
                yield Effect(key=row["business_key"]["S"], body=row["body"]["S"] if "body" in row else None)


def _rows_in_delta(_: Aws) -> list[Effect]:
    rows = delta_rows(os.environ["REDRIVE_DELTA_TABLE"], ["business_key", "body"])
    return [Effect(key=row["business_key"], body=row["body"]) for row in rows]


# The rows are gone with the environment that held them, so there is nothing that could be looked at from outside.
memory = Consumer(
    handler=HANDLER,
    valid=_valid,
    poison=_poison,
    queue=QueueSpec(),
    claims=frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS, Claim.OVERSIZE}),
    body_bytes_max=BODY_BYTES_MAX,
    environment={**_ENVIRONMENT, "REDRIVE_SINK": "memory", "REDRIVE_LEDGER": "memory"},
)
"""For tests of the handler. Guarantee: none, the rows are gone with the execution environment."""

delta = replace(
    memory,
    setup=_make_table,
    effects=_rows_in_delta,
    claims=frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS, Claim.IDEMPOTENT, Claim.OVERSIZE}),
    environment={
        **_ENVIRONMENT,
        "REDRIVE_SINK": "delta",
        "REDRIVE_LEDGER": "dynamodb",
        "REDRIVE_DELTA_TABLE": "{tmp}/sqs_messages",
    },
)
"""A local Delta table. Guarantee: one row for each business key, by merging."""

_dynamodb = replace(
    memory,
    setup=_make_table,
    effects=rows_in_dynamodb,
    claims=frozenset(Claim),
    body_bytes_max=_DYNAMODB_BODY_BYTES_MAX,
    environment=_ENVIRONMENT,
)

large_batches = replace(
    _dynamodb,
    queue=QueueSpec(batch_size=10_000, batching_window_s=5, function_timeout_s=300, visibility_timeout_s=1_805),
)
"""With batches as large as a mapping makes them (E01)."""

consumer = replace(
    _dynamodb,
    variants=(
        Variant(
            name="large-batches",
            consumer=large_batches,
            scenarios=("largest-batch", "largest-payload"),
        ),
        Variant(
            name="delta",
            consumer=delta,
            scenarios=("crash-after-effect", "producer-duplicate", "s3-pointer"),
            needs=NEEDS,
        ),
    ),
)
"""Ledger and effect in one conditional write to DynamoDB. Guarantee: exactly once for each business key."""
