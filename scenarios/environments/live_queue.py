"""A queue that is really there, with its dead-letter queue: made for one run, sent to, and watched."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from redrive.fixtures.event_builder import MessageAttribute
from redrive.simulator import trace

from ..consumer import Aws, QueueSpec
from ..plan import Plan, PlannedMessage
from .live_record import Recorder
from .simulated_queue import queue_config

__all__ = ["DeadLetters", "LiveQueue", "create_queue", "send"]

_RECEIVE_MAX = 10
_HIDDEN_S = 2
"""For how long dead letters are hidden where there are more than one receive gives, so that the others show."""

_LOOKS_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveQueue:
    """A queue by the client that reaches it. ``dlq_url`` is None for a queue without a redrive policy."""

    client: Any
    url: str
    arn: str
    fifo: bool
    visibility_timeout_s: int
    dlq_url: str | None
    dlq_arn: str | None


def create_queue(aws: Aws, name: str, plan: Plan, spec: QueueSpec) -> LiveQueue:
    """Make the queue that a plan is run on, and the dead-letter queue ``name-dlq`` where the consumer has one."""
    client = aws.client("sqs")
    config = queue_config(spec, fifo=plan.fifo)
    suffix = ".fifo" if plan.fifo else ""
    kind = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if plan.fifo else {}
    attributes = {
        **kind,
        "VisibilityTimeout": str(config.visibility_timeout_s),
        "DelaySeconds": str(plan.queue_delay_s),
        **({} if plan.retention_s is None else {"MessageRetentionPeriod": str(plan.retention_s)}),
    }
    dlq_url = dlq_arn = None
    if config.max_receive_count is not None:
        dlq_url = client.create_queue(QueueName=f"{name}-dlq{suffix}", Attributes=kind)["QueueUrl"]
        dlq_arn = _arn(client, dlq_url)
        policy = {"deadLetterTargetArn": dlq_arn, "maxReceiveCount": config.max_receive_count}
        attributes["RedrivePolicy"] = json.dumps(policy)
    url = client.create_queue(QueueName=f"{name}{suffix}", Attributes=attributes)["QueueUrl"]
    return LiveQueue(
        client=client,
        url=url,
        arn=_arn(client, url),
        fifo=plan.fifo,
        visibility_timeout_s=config.visibility_timeout_s,
        dlq_url=dlq_url,
        dlq_arn=dlq_arn,
    )


def send(queue: LiveQueue, recorder: Recorder, number: int, message: PlannedMessage, *, delay_s: int | None) -> None:
    """Send a message of the plan, and record it. What the queue refuses and may not raises ``ClientError``."""
    arguments: dict[str, Any] = {"MessageBody": message.body}
    if message.message_attributes:
        arguments["MessageAttributes"] = {name: _attribute(value) for name, value in message.message_attributes}
    if message.group is not None:
        arguments["MessageGroupId"] = message.group
    if message.deduplication_id is not None:
        arguments["MessageDeduplicationId"] = message.deduplication_id
    if delay_s is not None and not queue.fifo:
        arguments["DelaySeconds"] = delay_s
    with recorder.together():
        try:
            message_id = queue.client.send_message(QueueUrl=queue.url, **arguments)["MessageId"]
        except ClientError as error:
            if not message.may_be_refused:
                raise
            recorder.append(trace.SendRefused(recorder.now_ms, number, error.response["Error"]["Code"]))
            return
        # A duplicate is answered with the first message's id (S19).
        recorder.append(trace.Sent(recorder.now_ms, number, message_id, not recorder.knows(message_id)))


def _attribute(attribute: MessageAttribute) -> dict[str, Any]:
    if attribute.binary_value is not None:
        return {"DataType": attribute.data_type, "BinaryValue": attribute.binary_value}
    return {"DataType": attribute.data_type, "StringValue": attribute.string_value}


def _arn(client: Any, url: str) -> str:
    arn: str = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


class DeadLetters:
    """Sees messages arrive in the dead-letter queue and leaves them there; moves them back when told to (S12)."""

    def __init__(self, queue: LiveQueue, recorder: Recorder) -> None:
        self._queue = queue
        self._recorder = recorder
        self._seen: set[str] = set()

    def look(self) -> None:
        """Record what has arrived since the last look."""
        if self._queue.dlq_url is None:
            return
        for _ in range(_LOOKS_MOST):
            # Those that are known hide the others if there are very many.
            hidden_s = 0 if len(self._seen) < _RECEIVE_MAX else _HIDDEN_S
            if not self._see(self._receive(hidden_s)):
                return

    def move_back(self) -> None:
        """Send each message that is there once more, and delete it: as a move task does, and under a new id (S12).

        By a move task of the emulators it would not: moto has none, and LocalStack's keep the message ids.
        """
        if self._queue.dlq_url is None:
            return
        self.look()
        client = self._queue.client
        while received := self._receive(self._queue.visibility_timeout_s):
            for message in received:
                with self._recorder.together():
                    sent = client.send_message(QueueUrl=self._queue.url, **_as_sent(message, fifo=self._queue.fifo))
                    moved = trace.Redriven(self._recorder.now_ms, message["MessageId"], sent["MessageId"])
                    self._recorder.append(moved)
                client.delete_message(QueueUrl=self._queue.dlq_url, ReceiptHandle=message["ReceiptHandle"])
        self._seen.clear()

    def _receive(self, hidden_s: int) -> list[dict[str, Any]]:
        answer = self._queue.client.receive_message(
            QueueUrl=self._queue.dlq_url,
            MaxNumberOfMessages=_RECEIVE_MAX,
            VisibilityTimeout=hidden_s,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return list(answer.get("Messages", ()))

    def _see(self, received: list[dict[str, Any]]) -> bool:
        """Whether one of them is new: there may be more then."""
        new = [message for message in received if message["MessageId"] not in self._seen]
        for message in new:
            self._seen.add(message["MessageId"])
            self._recorder.dead_lettered(message["MessageId"])
        return bool(new)


def _as_sent(message: dict[str, Any], *, fifo: bool) -> dict[str, Any]:
    """What sends the like of a message that was received."""
    arguments: dict[str, Any] = {"MessageBody": message["Body"]}
    if message.get("MessageAttributes"):
        arguments["MessageAttributes"] = message["MessageAttributes"]
    if fifo:
        arguments["MessageGroupId"] = message["Attributes"]["MessageGroupId"]
        # Within five minutes of its send its own would be swallowed.
        arguments["MessageDeduplicationId"] = message["MessageId"]
    return arguments
