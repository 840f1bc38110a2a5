"""Functions, queues and mappings made by API calls, and a recorder."""

import contextlib
import io
import json
import textwrap
import zipfile
from types import SimpleNamespace

import pytest

from ...recording_server import posts_taken, with_json

ROLE = "arn:aws:iam::{account}:role/function"


def zip_of(files):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        for name, text in files.items():
            writing.writestr(name, text)
    return archive.getvalue()


@pytest.fixture
def function(localstack_aws, account):
    """Creates a function from the code of its handler's module, and gives its name when it is there."""
    functions = localstack_aws.client("lambda")
    made = []

    def create(code="", *, timeout_s=5, variables=None, files=None, runtime="python3.12", handler="app.handler"):
        name = f"function-{len(made)}"
        files = files or {"app.py": "import json, os, time\n" + textwrap.dedent(code)}
        functions.create_function(
            FunctionName=name,
            Runtime=runtime,
            Role=ROLE.format(account=account),
            Handler=handler,
            Code={"ZipFile": files if isinstance(files, bytes) else zip_of(files)},
            Timeout=timeout_s,
            Environment={"Variables": variables or {}},
        )
        made.append(name)
        functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
        return name

    yield create
    for name in made:
        # LocalStack fails at deleting a function that never became active, and has deleted it when that is tried again.
        with contextlib.suppress(functions.exceptions.ResourceNotFoundException):
            functions.delete_function(FunctionName=name)


@pytest.fixture
def invoke(localstack_aws):
    """Invokes a function and gives its payload, as data, and whether it is an error."""

    def call(name, event=None):
        done = localstack_aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        return json.loads(done["Payload"].read()), "FunctionError" in done

    return call


@pytest.fixture
def queue(localstack_aws, account):
    """A queue with its DLQ. ``send`` gives the message id; ``dead`` the messages in the DLQ."""
    sqs = localstack_aws.client("sqs")

    def create(*, fifo=False, visibility_timeout_s=2, max_receive_count=2):
        suffix, extra = (".fifo", {"FifoQueue": "true"}) if fifo else ("", {})
        dlq_url = sqs.create_queue(QueueName=f"orders-dlq{suffix}", Attributes=extra)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:{account}:orders"
        policy = {"deadLetterTargetArn": f"{arn}-dlq{suffix}", "maxReceiveCount": max_receive_count}
        attributes = {"VisibilityTimeout": str(visibility_timeout_s), "RedrivePolicy": json.dumps(policy), **extra}
        url = sqs.create_queue(QueueName=f"orders{suffix}", Attributes=attributes)["QueueUrl"]

        def send(body, **more):
            return sqs.send_message(QueueUrl=url, MessageBody=body, **more)["MessageId"]

        def dead():
            answer = sqs.receive_message(QueueUrl=dlq_url, MaxNumberOfMessages=10, VisibilityTimeout=0)
            return {message["MessageId"]: message["Body"] for message in answer.get("Messages", ())}

        def left():
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            return sum(map(int, found.values()))

        return SimpleNamespace(url=url, dlq_url=dlq_url, arn=arn + suffix, send=send, dead=dead, left=left)

    return create


@pytest.fixture
def mapping(localstack_aws):
    """Puts a mapping with partial batch responses between a queue and a function; it goes with the test."""
    functions = localstack_aws.client("lambda")
    made = []

    def create(queue, name, **more):
        done = functions.create_event_source_mapping(
            EventSourceArn=queue.arn,
            FunctionName=name,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            **{"BatchSize": 10, **more},
        )
        made.append(done["UUID"])
        return done["UUID"]

    yield create
    for uuid in made:
        functions.delete_event_source_mapping(UUID=uuid)


@pytest.fixture
def recorder():
    """Takes what functions record. ``lose`` holds the message ids whose next deletion is to be lost."""
    calls, lose = [], []

    def take(path, said):
        calls.append((path, said))
        if not path.endswith("/ended"):
            return {}
        lost = lose.copy()
        lose.clear()
        return {"lose_deletes": lost}

    def of(path):
        return [said for at, said in calls if at == path]

    with posts_taken(with_json(take)) as url:
        yield SimpleNamespace(url=url, variables={"REDRIVE_RECORDER_URL": url}, lose=lose, calls=calls, of=of)
