"""A queue of one probe's own with its dead-letter queue, and few words to ask it something."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from .endpoint import Endpoint
from .probe import Otherwise

__all__ = [
    "ACCEPTED",
    "COUNTS",
    "HIDDEN_S",
    "MARGIN_S",
    "ProbedQueue",
    "Refused",
    "ask",
    "by_entry",
    "changed",
    "creation",
    "queue",
    "text",
]

ACCEPTED = "accepted"
HIDDEN_S = 1
MARGIN_S = 1.5
"""By how much an endpoint may be late to see that a timeout is over."""
COUNTS = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]


class Refused(NamedTuple):
    """An error: its code, and the HTTP status or an entry's SenderFault."""

    code: str
    status: int


def ask(client: Any, method: str, request: Mapping[str, Any]) -> dict[str, Any] | Refused:
    """What a client answers, or how it refuses."""
    try:
        answer = getattr(client, method)(**request)
    except ClientError as error:
        return Refused(error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def by_entry(answer: Mapping[str, Any]) -> dict[str, dict[str, Any] | Refused]:
    """What a batch operation answered for each entry, by its id."""
    outcomes: dict[str, dict[str, Any] | Refused] = {entry["Id"]: entry for entry in answer.get("Successful", ())}
    for entry in answer.get("Failed", ()):
        assert entry["Id"] not in outcomes
        outcomes[entry["Id"]] = Refused(entry["Code"], entry["SenderFault"])
    return outcomes


def changed(message: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The message with the change; what is changed to None is left out."""
    return {name: value for name, value in {**message, **change}.items() if value is not None}


def text(value: str, data_type: str = "String") -> dict[str, str]:
    """A message attribute, in the shape of the API."""
    return {"DataType": data_type, "StringValue": value}


class ProbedQueue:
    """``fifo`` queues get message group ``g`` and the body as deduplication id, unless a message has others."""

    def __init__(self, at: Endpoint, *, fifo: bool, url: str, dead: str, arn: str, dead_arn: str) -> None:
        self.at = at
        self.fifo = fifo
        self.url = url
        self.dead = dead
        self.arn = arn
        self.dead_arn = dead_arn

    def ask(self, method: str, **request: Any) -> dict[str, Any] | Refused:
        """The answer, or how it is refused."""
        return ask(self.at.sqs, method, {"QueueUrl": self.url, **request})

    def answer(self, method: str, **request: Any) -> dict[str, Any]:
        """The answer to what no queue may refuse."""
        return getattr(self.at.sqs, method)(QueueUrl=request.pop("QueueUrl", self.url), **request)  # type: ignore[no-any-return]

    def outcome(self, method: str, **request: Any) -> str:
        """The error code of a request that is refused, else that it was accepted."""
        answer = self.ask(method, **request)
        return answer.code if isinstance(answer, Refused) else ACCEPTED

    def outcomes(self, method: str, *entries: Mapping[str, Any]) -> str | dict[str, str]:
        """The error code of a batch that is refused, else the outcome of each entry."""
        answer = self.ask(method, Entries=list(entries))
        if isinstance(answer, Refused):
            return answer.code
        outcomes = by_entry(answer)
        return {entry_id: one.code if isinstance(one, Refused) else ACCEPTED for entry_id, one in outcomes.items()}

    def send(self, *bodies: str, **more: Any) -> dict[str, Any]:
        """Send messages of these bodies; the last one's answer."""
        answer: dict[str, Any] = {}
        for body in bodies:
            answer = self.answer("send_message", **self.message(body, **more))
        return answer

    def message(self, body: str, **more: Any) -> dict[str, Any]:
        """A message for this queue."""
        given = {"MessageGroupId": "g", "MessageDeduplicationId": body} if self.fifo else {}
        return {"MessageBody": body, **changed(given, more)}

    def receive(self, **request: Any) -> list[dict[str, Any]]:
        """Up to ten messages, with all that they have."""
        everything = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
        given = {"MaxNumberOfMessages": 10, **everything, **request}
        received: list[dict[str, Any]] = self.answer("receive_message", **given).get("Messages", [])
        return received

    def bodies(self, **request: Any) -> list[str]:
        """The bodies of what a receive gives."""
        return [message["Body"] for message in self.receive(**request)]

    def one(self, **request: Any) -> dict[str, Any]:
        """The message of a receive that has one to give. Raises :class:`Otherwise` if it gives none."""
        for message in self.receive(**request):
            return message
        raise Otherwise("a receive of a message that is there: nothing")

    def handle(self, **request: Any) -> str:
        """The receipt handle of the message of such a receive."""
        handle: str = self.one(**request)["ReceiptHandle"]
        return handle

    def hide(self) -> str:
        """Receive, and wait until what was received is visible again; the first one's receipt handle."""
        handle = self.handle(VisibilityTimeout=HIDDEN_S)
        self.at.wait(HIDDEN_S + MARGIN_S)
        return handle

    def dead_letter(self) -> str:
        """Have a message become a dead letter where one receive is allowed; the receipt handle that it had before."""
        self.send("a")
        handle = self.hide()
        self.receive()
        return handle

    def counts(self) -> list[int]:
        """How many messages are visible, hidden and delayed."""
        attributes = self.answer("get_queue_attributes", AttributeNames=COUNTS)["Attributes"]
        return [int(attributes[name]) for name in COUNTS]


@contextmanager
def queue(
    at: Endpoint, *, fifo: bool = False, redrive_after: int | None = None, **attributes: str
) -> Iterator[ProbedQueue]:
    """A new queue, and one for dead letters; both are deleted afterwards, whatever happens."""
    kind = {"FifoQueue": "true"} if fifo else {}
    suffix = ".fifo" if fifo else ""
    made: list[str] = []

    def create(name: str, given: Mapping[str, str]) -> tuple[str, str]:
        url: str = at.sqs.create_queue(QueueName=at.unique(name) + suffix, Attributes={**kind, **given})["QueueUrl"]
        made.append(url)
        known = at.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, known["Attributes"]["QueueArn"]

    try:
        dead, dead_arn = create("dead", {})
        if redrive_after is not None:
            attributes["RedrivePolicy"] = json.dumps(
                {"deadLetterTargetArn": dead_arn, "maxReceiveCount": redrive_after}
            )
        url, arn = create("queue", attributes)
        yield ProbedQueue(at, fifo=fifo, url=url, dead=dead, arn=arn, dead_arn=dead_arn)
    finally:
        for url in reversed(made):
            # The endpoint may be what failed; whatever the probe came to is what matters.
            with suppress(ClientError, BotoCoreError):
                at.sqs.delete_queue(QueueUrl=url)


def creation(at: Endpoint, *, fifo: bool = False, **attributes: str) -> str:
    """``refused`` or ``accepted``: what becomes of a queue with such attributes."""
    name = at.unique("made") + (".fifo" if fifo else "")
    kind = {"FifoQueue": "true"} if fifo else {}
    try:
        url = at.sqs.create_queue(QueueName=name, Attributes={**kind, **attributes})["QueueUrl"]
    except ClientError:
        return "refused"
    with suppress(ClientError, BotoCoreError):
        at.sqs.delete_queue(QueueUrl=url)
    return ACCEPTED
