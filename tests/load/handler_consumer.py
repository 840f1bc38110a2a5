"""The reference handler behind a queue of moto's server: a thread that does what an event source mapping does."""

import os
import threading
import uuid
from contextlib import contextmanager
from types import SimpleNamespace

from redrive.fixtures.event_builder import build_event, record_from_received
from redrive.reference_handler import app

BATCH_SIZE = 10


def _poll(aws, stack, stopping):
    sqs = aws.client("sqs")
    while not stopping.is_set():
        messages = sqs.receive_message(
            QueueUrl=stack.queue_url,
            MaxNumberOfMessages=BATCH_SIZE,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            stopping.wait(0.1)
            continue
        context = SimpleNamespace(aws_request_id=str(uuid.uuid4()), get_remaining_time_in_millis=lambda: 30_000)
        event = build_event(record_from_received(message, queue_arn=stack.queue_arn) for message in messages)
        answer = app.lambda_handler(event, context)
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        entries = [
            {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
            for place, message in enumerate(messages)
            if message["MessageId"] not in failed
        ]
        if entries:
            sqs.delete_message_batch(QueueUrl=stack.queue_url, Entries=entries)


@contextmanager
def consuming(aws, stack, **variables):
    """The handler, with these variables, takes what comes to the stack's queue."""
    wanted = {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "REDRIVE_BUSINESS_KEY_POINTER": "/id",
        "REDRIVE_LOG_LEVEL": "ERROR",
        **variables,
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    app._warm_start.cache_clear()
    stopping = threading.Event()
    thread = threading.Thread(target=_poll, args=(aws, stack, stopping))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        app._warm_start.cache_clear()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
