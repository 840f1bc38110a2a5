import threading

import boto3
import pytest
from moto.dynamodb.models import DynamoDBBackend

from redrive.fixtures.stacks import create_stack, moto_aws, reset_moto
from redrive.reference_handler.clients import dynamodb_client

TABLE = "orders"


@pytest.fixture(scope="module")
def aws():
    """moto, once for a module: to enter it takes a second, to empty it a millisecond."""
    with moto_aws() as clients:
        yield clients


@pytest.fixture
def dynamodb(aws, monkeypatch):
    """The function's own client and an empty table `orders` that changes one item at a time.

    DynamoDB does one write to an item after the other. moto's checks and writes can be interrupted by another thread.
    """
    reset_moto()
    create_stack(aws, TABLE)
    one_at_a_time = threading.Lock()
    for name in ("update_item", "delete_item"):
        unguarded = getattr(DynamoDBBackend, name)

        def guarded(*args, _unguarded=unguarded, **kwargs):
            with one_at_a_time:
                return _unguarded(*args, **kwargs)

        monkeypatch.setattr(DynamoDBBackend, name, guarded)
    return dynamodb_client(max_workers=64)


@pytest.fixture
def items(dynamodb):
    """Reads all items of the table, by business key, with Python values."""

    def read():
        table = boto3.resource("dynamodb").Table(TABLE)
        return {item["business_key"]: item for item in table.scan()["Items"]}

    return read


@pytest.fixture
def lose_answer(dynamodb):
    """`lose_answer("UpdateItem")`: the next call takes effect, its answer is lost, and the SDK sends it again.

    Returns the list of attempts, which grows.
    """

    def lose(operation):
        made = []

        def at_first(attempts, **_):
            made.append(attempts)
            return 0 if len(made) == 1 else None  # seconds until it is sent again; None leaves it at that

        dynamodb.meta.events.register_first(f"needs-retry.dynamodb.{operation}", at_first)
        return made

    return lose
