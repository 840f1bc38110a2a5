"""A new queue with its dead-letter queue at one endpoint, and few words to ask it something."""

import json

from .queue_comparison import COUNTS, Refused, ask, by_entry
from .queue_requests import changed


class Side:
    """``fifo`` queues get message group ``g`` and the body as deduplication id, unless a message has others."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.passes = endpoint.passes

    def create(self, *, fifo=False, redrive_after=None, **attributes):
        self.endpoint.begin()
        self._fifo = fifo
        kind = {"FifoQueue": "true"} if fifo else {}
        self.dead = self._create("dead", kind)
        known = self.ask("get_queue_attributes", QueueUrl=self.dead, AttributeNames=["QueueArn"])
        self.dead_arn = known["Attributes"]["QueueArn"]
        if redrive_after is not None:
            policy = {"deadLetterTargetArn": self.dead_arn, "maxReceiveCount": redrive_after}
            attributes["RedrivePolicy"] = json.dumps(policy)
        self.url = self._create("queue", {**kind, **attributes})
        return self

    def _create(self, name, attributes):
        full_name = f"{name}.fifo" if self._fifo else name
        return self.endpoint.client.create_queue(QueueName=full_name, Attributes=attributes)["QueueUrl"]

    def ask(self, method, **request):
        """The answer, or how it is refused."""
        if "QueueUrl" not in request:
            request["QueueUrl"] = self.url
        return ask(self.endpoint.client, method, request)

    def outcome(self, method, **request):
        """The error code of a request that is refused, else that it was accepted."""
        answer = self.ask(method, **request)
        return answer.code if isinstance(answer, Refused) else "accepted"

    def outcomes(self, method, *entries):
        """The error code of a batch that is refused, else the outcome of each entry."""
        answer = self.ask(method, Entries=list(entries))
        if isinstance(answer, Refused):
            return answer.code
        outcomes = by_entry(answer)
        return {entry_id: one.code if isinstance(one, Refused) else "accepted" for entry_id, one in outcomes.items()}

    def send(self, *bodies, **more):
        """Send messages of these bodies; the last one's answer."""
        for body in bodies:
            given = {"MessageGroupId": "g", "MessageDeduplicationId": body} if self._fifo else {}
            answer = self.ask("send_message", MessageBody=body, **changed(given, more))
            assert not isinstance(answer, Refused), answer
        return answer

    def receive(self, **request):
        """Up to ten messages, with all that they have."""
        everything = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
        return self.ask("receive_message", **{"MaxNumberOfMessages": 10, **everything, **request}).get("Messages", [])

    def bodies(self, **request):
        return [message["Body"] for message in self.receive(**request)]

    def count(self):
        """How many messages are there to be received."""
        return int(self.ask("get_queue_attributes", AttributeNames=COUNTS)["Attributes"][COUNTS[0]])

    def handles(self, **request):
        return [message["ReceiptHandle"] for message in self.receive(**request)]
