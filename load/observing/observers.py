"""What can be seen of a run from outside: how deep a queue is, and which keys the consumer has done."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "DeadLetters",
    "Done",
    "QueueDepth",
    "dead_letters_of",
    "done_keys",
    "queue_depth",
    "wait_until_drained",
]

_ATTRIBUTES: Final = {
    "visible": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
# The numbers are approximate: a queue counts as drained when it is seen empty this often in a row.
_EMPTY_LOOKS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """Messages in a queue, by what a receive would find."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """All messages in the queue."""
        return self.visible + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """Where a queue's redrive policy sends a message, and after how many deliveries."""

    dlq_url: str
    max_receive_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Business keys whose row says `done`, and how many of those were written more than once."""

    keys: int
    written_twice: int


def queue_depth(sqs: Any, queue_url: str) -> QueueDepth:
    """The depth of a queue as its attributes tell it."""
    names = list(_ATTRIBUTES.values())
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return QueueDepth(**{name: int(attributes[attribute]) for name, attribute in _ATTRIBUTES.items()})


def dead_letters_of(sqs: Any, queue_url: str) -> DeadLetters | None:
    """What a queue's redrive policy says; None if it has none."""
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["RedrivePolicy"])
    text = answer.get("Attributes", {}).get("RedrivePolicy")
    if not text:
        return None
    policy = json.loads(text)
    account, name = policy["deadLetterTargetArn"].split(":")[-2:]
    url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    return DeadLetters(dlq_url=url, max_receive_count=int(policy["maxReceiveCount"]))


def done_keys(dynamodb: Any, table_name: str) -> Done:
    """What the reference handler's table says, read page by page.

    A row has `status` and `revision`, which counts how often the effect was written.
    """
    keys: set[str] = set()
    written_twice = 0
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table_name,
        ConsistentRead=True,
        ProjectionExpression="business_key, #status, revision",
        ExpressionAttributeNames={"#status": "status"},
    )
    for page in pages:
        for row in page["Items"]:
            if row.get("status") == {"S": "done"}:
                keys.add(row["business_key"]["S"])
                written_twice += int(row.get("revision", {"N": "1"})["N"]) > 1
    return Done(keys=len(keys), written_twice=written_twice)


def wait_until_drained(
    depth: Callable[[], QueueDepth],
    *,
    within_s: float,
    on_look: Callable[[QueueDepth], object] = lambda _: None,
    every_s: float = 1.0,
    now_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> bool:
    """Look at a queue until it is empty; False if it is not by the deadline."""
    deadline_s = now_s() + within_s
    empty_looks = 0
    while True:
        seen = depth()
        on_look(seen)
        empty_looks = 0 if seen.total else empty_looks + 1
        if empty_looks == _EMPTY_LOOKS:
            return True
        if now_s() >= deadline_s:
            return False
        sleep(every_s)
