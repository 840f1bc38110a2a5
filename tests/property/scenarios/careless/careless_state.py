"""Careless about time, about what came before, and about who else there is."""

import time

from redrive.scenarios.consumer import Claim
from redrive.scenarios.rogues.shop import fulfil, fulfil_once, one_by_one, order_of, orders, shop_consumer

PROMISED = frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS, Claim.IDEMPOTENT})

_seen_ms = 0
_invocations = 0
_failed = False


def skips_what_is_older(event, context):
    """Believes that messages come in the order in which they were sent."""

    def work(record):
        global _seen_ms
        sent_ms = int(record["attributes"]["SentTimestamp"])
        order = int(order_of(record["body"]).rpartition("-")[2])
        if order < _seen_ms:
            print("older than what is done already", sent_ms)
            return
        _seen_ms = order
        fulfil_once(record["body"])

    return one_by_one(event, work)


def works_when_cold_only(event, context):
    """Believes that every invocation has a process of its own: its connection is good for one."""
    global _invocations
    _invocations += 1
    if _invocations > 1:
        raise ConnectionError("the connection was closed at the end of the last invocation")
    return one_by_one(event, lambda record: fulfil_once(record["body"]))


def stays_broken(event, context):
    """Believes that once something has failed all that follows will."""

    def work(record):
        global _failed
        if _failed:
            raise RuntimeError("out of order")
        try:
            fulfil_once(record["body"])
        except Exception:
            _failed = True
            raise

    return one_by_one(event, work)


def minds_no_deadline(event, context):
    """Believes that a batch always fits into the time there is."""
    return one_by_one(event, lambda record: fulfil_once(record["body"]))


def knows_the_message(event, context):
    """Believes that a piece of work has one message id, and that another one is a forgery."""

    def work(record):
        order = order_of(record["body"])
        mine = {"order": f"{order}:message"}
        row = orders().get_item(Key=mine, ConsistentRead=True).get("Item")
        if row is not None and row["message"] != record["messageId"]:
            raise ValueError("a second message for the same order")
        orders().put_item(Item={**mine, "message": record["messageId"]})
        fulfil_once(record["body"])

    return one_by_one(event, work)


def begins_once(event, context):
    """Believes that what was begun will be done by whoever began it."""

    def work(record):
        begun = {"order": f"{order_of(record['body'])}:begun"}
        if "Item" in orders().get_item(Key=begun, ConsistentRead=True):
            return
        orders().put_item(Item=begun)
        fulfil_once(record["body"])

    return one_by_one(event, work)


def does_it_again(event, context):
    """Believes that a FIFO queue delivers everything once."""
    return one_by_one(event, lambda record: fulfil(record["body"]))


def stops_all_groups(event, context):
    """Believes that order is kept by stopping altogether."""
    failed = False

    def work(record):
        nonlocal failed
        if failed:
            raise RuntimeError("an earlier message failed")
        try:
            fulfil_once(record["body"])
        except Exception:
            failed = True
            raise

    return one_by_one(event, work)


def looks_first(event, context):
    """Believes that nobody else is between its look and its write."""

    def work(record):
        order = order_of(record["body"])
        row = orders().get_item(Key={"order": order}, ConsistentRead=True).get("Item", {})
        if "times" not in row:
            orders().update_item(
                Key={"order": order},
                UpdateExpression="SET body = :body ADD times :one",
                ExpressionAttributeValues={":body": record["body"], ":one": 1},
            )

    return one_by_one(event, work)


def trusts_the_clock(event, context):
    """Believes that a message cannot have been sent in the future, nor long ago."""

    def work(record):
        age_s = time.time() - int(record["attributes"]["SentTimestamp"]) / 1000
        if not 0 <= age_s < 600:
            print("not of this time")
            return
        fulfil_once(record["body"])

    return one_by_one(event, work)


def consumer_of(name, **options):
    return shop_consumer(f"{__file__}:{name}", claims=options.pop("claims", PROMISED), **options)
