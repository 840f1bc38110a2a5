"""What a queue's attributes say: how deep it is, and where its dead letters go."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["DeadLetters", "QueueDepth", "dead_letters_of", "queue_depth"]

_ATTRIBUTES: Final = {
    "visible": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


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
