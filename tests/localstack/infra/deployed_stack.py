"""A deployed stack with all that stands around it: a recorder, and a proxy and a port that can do harm."""

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from redrive.fixtures.localstack import LocalStackAws
from redrive.fixtures.runtimes.call_proxy import CallProxy, Forward
from redrive.infra.deployment import Deployment, deploy, remove
from redrive.infra.package_function import build_package, find_handler_folder
from redrive.infra.resources import delete_bucket
from redrive.infra.tuning import tune

from ...recording_server import posts_taken, with_json

FUNCTION_TIMEOUT_S = 5
VISIBILITY_TIMEOUT_S = 6
DELIVERIES = 3
_ACCOUNTS = itertools.count(700_000_000_000)


@dataclass
class Recorder:
    """What the function's executor says of each invocation, and how to reach its process."""

    began: list[dict[str, Any]] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)
    lose: list[str] = field(default_factory=list)

    def take(self, path, said):
        if path.endswith("/began"):
            self.began.append(said)
            return {}
        self.ended[said["request_id"]] = said["ending"]
        lost = self.lose.copy()
        self.lose.clear()
        return {"lose_deletes": lost}

    def deliveries(self, message_id):
        """The receive counts with which the function got a message."""
        return [
            int(record["attributes"]["ApproximateReceiveCount"])
            for said in self.began
            for record in said["event"]["Records"]
            if record["messageId"] == message_id
        ]

    def bodies(self, message_id):
        records = (record for said in self.began for record in said["event"]["Records"])
        return {record["body"] for record in records if record["messageId"] == message_id}

    def endings(self):
        return [self.ended.get(said["request_id"]) for said in self.began]

    def send_signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.began[-1]["pid"], number)


class Harm:
    """What happens at the function's calls: nothing, unless a test says so."""

    def __init__(self):
        self.forget()

    def forget(self):
        self.before = self.after = lambda _service, _operation: Forward()

    def before_call(self, _number, service, operation):
        return self.before(service, operation)

    def after_call(self, _number, service, operation, _status):
        return self.after(service, operation)


class Front:
    """The endpoint as function and producer see it: a port that can be gone, with all of its connections, and back."""

    def __init__(self, upstream_url):
        self._upstream = (urlsplit(upstream_url).hostname, urlsplit(upstream_url).port)
        self._port = 0
        self._ends = []
        self.up()
        self._port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def up(self):
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def down(self):
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                near = listener.accept()[0]
                far = socket.create_connection(self._upstream)
                self._ends += [near, far]
                threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    @staticmethod
    def _carry(near, far):
        with contextlib.suppress(OSError, ValueError), near, far:
            while True:
                for readable in select.select([near, far], [], [])[0]:
                    data = readable.recv(65_536)
                    if not data:
                        return
                    (far if readable is near else near).sendall(data)


@dataclass
class Deployed:
    """A deployed stack with all that stands around it, and what a test asks of it."""

    deployment: Deployment
    recorder: Recorder
    harm: Harm
    front: Front

    def client(self, service):
        return self.deployment.client(service)

    def send(self, body, *, sqs=None, **options):
        sqs = sqs or self.client("sqs")
        return sqs.send_message(QueueUrl=self.deployment.queue_url, MessageBody=body, **options)["MessageId"]

    def rows(self):
        """What is done, by business key."""
        table = self.deployment.resource("dynamodb").Table(self.deployment.table_name)
        return {row["business_key"]: row for row in table.scan()["Items"] if row["status"] == "done"}

    def times_done(self):
        return {key: int(row.get("revision", 0)) for key, row in self.rows().items()}

    def dead(self):
        """The messages in the DLQ: bodies by message id."""
        answer = self.client("sqs").receive_message(
            QueueUrl=self.deployment.dlq_url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return {message["MessageId"]: message["Body"] for message in answer.get("Messages", ())}

    def left(self):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.deployment.queue_url, AttributeNames=names)
        return sum(map(int, found["Attributes"].values()))

    def logged(self):
        """The handler's own lines about records."""
        group = f"/aws/lambda/{self.deployment.function_name}"
        events = self.client("logs").filter_log_events(logGroupName=group)["events"]
        lines = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
        return [line for line in lines if line["event"] == "record"]

    def alarm(self, name):
        (alarm,) = self.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return alarm["StateValue"]

    def clean(self):
        self.harm.forget()
        self.recorder.lose.clear()
        for url in (self.deployment.queue_url, self.deployment.dlq_url):
            self.client("sqs").purge_queue(QueueUrl=url)


@contextlib.contextmanager
def deployed(server, folder, name, parameters):
    aws = LocalStackAws(server.endpoint_url, account=f"{next(_ACCOUNTS)}")
    code = build_package(folder / "function.zip", handler_folder=find_handler_folder()).path
    recorder, harm, front = Recorder(), Harm(), Front(server.endpoint_url)
    with (
        posts_taken(with_json(recorder.take)) as recorder_url,
        CallProxy(front.url, harm, kill=lambda: recorder.send_signal(signal.SIGKILL)) as proxy,
    ):
        deployment = deploy(aws, name=name, code_zip=code, parameters=parameters)
        tune(
            deployment,
            visibility_timeout_s=VISIBILITY_TIMEOUT_S,
            max_receive_count=DELIVERIES,
            function_timeout_s=FUNCTION_TIMEOUT_S,
            alarm_period_s=10,
            environment={
                "AWS_ENDPOINT_URL": proxy.url,
                "REDRIVE_RECORDER_URL": recorder_url,
                # A claim is over before its message is back.
                "REDRIVE_LEASE_MARGIN_MS": "100",
            },
        )
        try:
            yield Deployed(deployment, recorder, harm, front)
        finally:
            remove(deployment)
            # The names of buckets are everybody's: one that stays is in the way of all who come later.
            s3 = aws.client("s3")
            for bucket in s3.list_buckets()["Buckets"]:
                delete_bucket(s3, bucket["Name"])
            front.down()
