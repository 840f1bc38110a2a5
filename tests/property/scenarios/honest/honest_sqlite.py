"""Large batches, and a unique key in SQLite. One connection, made at import, and not a single AWS call."""

import os
import sqlite3
from contextlib import closing

from honest_orders import EVERYTHING, failed, order_of, poison, valid

from redrive.scenarios import Consumer, Effect, QueueSpec

# Not set yet when this module is imported for the consumer below.
connection = sqlite3.connect(os.environ.get("ORDERS", ":memory:"))


def handler(event, context):
    rejected = []
    for record in event["Records"]:
        try:
            with connection:
                connection.execute(
                    "INSERT INTO orders VALUES (?, ?) ON CONFLICT (number) DO NOTHING",
                    (order_of(record["body"]), record["body"]),
                )
        except Exception:  # noqa: BLE001 - whatever it was, the message comes back
            rejected.append(record)
    return failed(rejected)


def make_database(aws):
    with closing(sqlite3.connect(os.environ["ORDERS"])) as mine, mine:
        mine.execute("CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, body TEXT)")


def fulfilled(aws):
    with closing(sqlite3.connect(os.environ["ORDERS"])) as mine:
        return [Effect(key=number, body=body) for number, body in mine.execute("SELECT number, body FROM orders")]


consumer = Consumer(
    handler=f"{__file__}:handler",
    valid=valid,
    poison=poison,
    effects=fulfilled,
    setup=make_database,
    queue=QueueSpec(batch_size=10_000, batching_window_s=5),
    claims=EVERYTHING,
    environment={"ORDERS": "{tmp}/orders.sqlite"},
)
