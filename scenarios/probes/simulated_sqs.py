"""The simulator's queues behind the methods of a boto3 SQS client, so that they can be asked in the same words."""

import json
import random
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from redrive.fixtures.event_builder import MessageAttribute, md5_of_message_attributes
from redrive.simulator import Queue, QueueConfig, SqsError
from redrive.simulator.batches import (
    BatchAnswer,
    DeleteEntry,
    SendEntry,
    VisibilityEntry,
    change_visibility_batch,
    delete_batch,
    send_batch,
)
from redrive.simulator.move_task import MoveTasks
from redrive.simulator.queue import Received, Sent
from redrive.simulator.queue_config import DeduplicationScope

__all__ = ["SimulatedSqs"]

Request = dict[str, Any]
Answer = dict[str, Any]


def _answered(operation: Callable[["SimulatedSqs", Request], Answer]) -> Callable[..., Answer]:
    """An operation that refuses as boto3 does."""

    def call(self: "SimulatedSqs", **request: Any) -> Answer:
        try:
            self.tasks.step(self.now_ms())
            return operation(self, request)
        except SqsError as error:
            answer: Any = {
                "Error": {"Code": error.query_code, "Message": error.message},
                "ResponseMetadata": {"HTTPStatusCode": error.http_status},
            }
            raise ClientError(answer, operation.__name__) from error

    return call


class SimulatedSqs:
    """Queues by their URLs, which are their names here. ``now_ms`` tells the time.

    A long poll is answered at once: nothing happens here while it waits.
    """

    def __init__(self, now_ms: Callable[[], int], *, seed: int = 0, make_queue: Callable[..., Queue] = Queue) -> None:
        self.now_ms = now_ms
        self.queues: dict[str, Queue] = {}
        self.tasks = MoveTasks()
        self._rng = random.Random(seed)
        self._make_queue = make_queue

    @_answered
    def create_queue(self, request: Request) -> Answer:
        given = dict(request.get("Attributes", {}))
        policy = json.loads(given.pop("RedrivePolicy", "{}"))
        config = QueueConfig(
            name=request["QueueName"],
            fifo=given.pop("FifoQueue", "false") == "true",
            visibility_timeout_s=int(given.pop("VisibilityTimeout", 30)),
            delay_s=int(given.pop("DelaySeconds", 0)),
            retention_s=int(given.pop("MessageRetentionPeriod", 345_600)),
            max_message_bytes=int(given.pop("MaximumMessageSize", 1_048_576)),
            content_based_deduplication=given.pop("ContentBasedDeduplication", "false") == "true",
            deduplication_scope=DeduplicationScope(given.pop("DeduplicationScope", "queue")),
            max_receive_count=policy.get("maxReceiveCount"),
        )
        given.pop("FifoThroughputLimit", None)
        if given:
            raise ValueError(f"attributes that the simulator does not have: {', '.join(given)}")
        dead_letters = self._by_arn(policy["deadLetterTargetArn"]) if policy else None
        self.queues[request["QueueName"]] = self._make_queue(config, rng=self._rng, dead_letters=dead_letters)
        return {"QueueUrl": request["QueueName"]}

    @_answered
    def delete_queue(self, request: Request) -> Answer:
        self._queue(request)
        del self.queues[request["QueueUrl"]]
        return {}

    @_answered
    def get_queue_attributes(self, request: Request) -> Answer:
        queue = self._queue(request)
        queue.notice(self.now_ms())
        hidden = [message for message in queue.messages() if message.visible_at_ms > self.now_ms()]
        in_flight = [message for message in hidden if message.in_flight]
        known = {
            "QueueArn": queue.config.arn,
            "ApproximateNumberOfMessages": str(len(queue) - len(hidden)),
            "ApproximateNumberOfMessagesNotVisible": str(len(in_flight)),
            "ApproximateNumberOfMessagesDelayed": str(len(hidden) - len(in_flight)),
        }
        return {"Attributes": {name: known[name] for name in request["AttributeNames"]}}

    @_answered
    def send_message(self, request: Request) -> Answer:
        sent = self._queue(request).send(self.now_ms(), request["MessageBody"], **send_options(request))
        return _sent(sent)

    @_answered
    def send_message_batch(self, request: Request) -> Answer:
        entries = [SendEntry(id=e["Id"], body=e["MessageBody"], **send_options(e)) for e in request["Entries"]]
        return _batch(send_batch(self._queue(request), self.now_ms(), entries), _sent)

    @_answered
    def receive_message(self, request: Request) -> Answer:
        received = self._queue(request).receive(
            self.now_ms(),
            most=request.get("MaxNumberOfMessages", 1),
            visibility_timeout_s=request.get("VisibilityTimeout"),
            attempt_id=request.get("ReceiveRequestAttemptId"),
            long_polling=request.get("WaitTimeSeconds", 0) > 0,
        )
        return {"Messages": [_delivered(delivery) for delivery in received.delivered]} if received.delivered else {}

    @_answered
    def delete_message(self, request: Request) -> Answer:
        self._queue(request).delete(self.now_ms(), request["ReceiptHandle"])
        return {}

    @_answered
    def delete_message_batch(self, request: Request) -> Answer:
        entries = [DeleteEntry(id=e["Id"], receipt_handle=e["ReceiptHandle"]) for e in request["Entries"]]
        return _batch(delete_batch(self._queue(request), self.now_ms(), entries), lambda _: {})

    @_answered
    def change_message_visibility(self, request: Request) -> Answer:
        self._queue(request).change_visibility(self.now_ms(), request["ReceiptHandle"], request["VisibilityTimeout"])
        return {}

    @_answered
    def change_message_visibility_batch(self, request: Request) -> Answer:
        entries = [
            VisibilityEntry(id=e["Id"], receipt_handle=e["ReceiptHandle"], timeout_s=e["VisibilityTimeout"])
            for e in request["Entries"]
        ]
        return _batch(change_visibility_batch(self._queue(request), self.now_ms(), entries), lambda _: {})

    @_answered
    def purge_queue(self, request: Request) -> Answer:
        self._queue(request).purge(self.now_ms())
        return {}

    @_answered
    def start_message_move_task(self, request: Request) -> Answer:
        self.tasks.start(self.now_ms(), self._by_arn(request["SourceArn"]))
        return {}

    @_answered
    def list_message_move_tasks(self, request: Request) -> Answer:
        tasks = self.tasks.of(self._by_arn(request["SourceArn"]))
        results = [{"Status": str(task.status), "ApproximateNumberOfMessagesMoved": task.moved} for task in tasks]
        return {"Results": results}

    def _queue(self, request: Request) -> Queue:
        found = self.queues.get(request["QueueUrl"])
        if found is None:
            raise SqsError("QueueDoesNotExist", "The specified queue does not exist.")
        return found

    def _by_arn(self, arn: str) -> Queue:
        (queue,) = [queue for queue in self.queues.values() if queue.config.arn == arn]
        return queue


def send_options(message: Request) -> dict[str, Any]:
    """The arguments of ``Queue.send`` beside the body, from a request of ``send_message``."""
    attributes = message.get("MessageAttributes", {})
    trace = message.get("MessageSystemAttributes", {}).get("AWSTraceHeader", {})
    return {
        "message_attributes": {name: MessageAttribute.from_sqs(value) for name, value in attributes.items()},
        "delay_s": message.get("DelaySeconds"),
        "group": message.get("MessageGroupId"),
        "deduplication_id": message.get("MessageDeduplicationId"),
        "trace_header": trace.get("StringValue"),
    }


def _sent(sent: Sent) -> Answer:
    answer = {"MessageId": sent.message_id, "MD5OfMessageBody": sent.md5_of_body}
    if sent.md5_of_message_attributes is not None:
        answer["MD5OfMessageAttributes"] = sent.md5_of_message_attributes
    if sent.sequence_number is not None:
        answer["SequenceNumber"] = sent.sequence_number
    return answer


def _batch(batch: BatchAnswer[Any], of_one: Callable[[Any], Answer]) -> Answer:
    return {
        "Successful": [{"Id": entry_id, **of_one(answer)} for entry_id, answer in batch.successful.items()],
        "Failed": [
            {"Id": entry.id, "Code": entry.code, "Message": entry.message, "SenderFault": entry.sender_fault}
            for entry in batch.failed
        ],
    }


def _delivered(delivery: Received) -> Answer:
    message = delivery.message
    answer: Answer = {
        "MessageId": message.message_id,
        "ReceiptHandle": delivery.receipt_handle,
        "Body": message.body,
        "MD5OfBody": message.md5_of_body,
        "Attributes": message.system_attributes(delivery.receive_count),
    }
    if message.message_attributes:
        answer["MessageAttributes"] = {name: value.to_sqs() for name, value in message.message_attributes.items()}
        answer["MD5OfMessageAttributes"] = md5_of_message_attributes(message.message_attributes)
    return answer
