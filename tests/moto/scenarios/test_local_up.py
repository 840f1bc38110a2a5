"""`redrive local up` as a process: it works, and nothing is left of it however it ends."""

import json
import os
import signal
import socket
import subprocess
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

import pytest

from redrive.fixtures.stacks import Aws

from ...local_processes import GONE_WITHIN_S, assert_nothing_is_left, descendants, local_up, said_by, until

WITHIN_S = 60
STOPPED_WITHIN_S = 20

eventually = partial(until, within_s=WITHIN_S)

HANDLERS = """
import threading

def hangs(event, context):
    threading.Event().wait()

def fails(event, context):
    raise RuntimeError("always")
"""


@pytest.fixture(autouse=True)
def folder_for_state(tmp_path, monkeypatch):
    """What runs here is not listed among what the user runs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@contextmanager
def ready_of(process):
    """What the process says of itself, with a connection to its server and the pids of its children."""
    ready = said_by(process)
    address = urlsplit(ready["endpoint_url"])
    with socket.create_connection((address.hostname, address.port), timeout=GONE_WITHIN_S) as connection:
        children = descendants(process.pid)
        assert children
        yield ready, connection, children


@contextmanager
def clients_of(ready, *services):
    """boto3's clients of the server, closed whatever becomes of the test."""
    aws = Aws(endpoint_url=ready["endpoint_url"], region=ready["region"])
    with ExitStack() as clients:
        yield [clients.enter_context(closing(aws.client(service))) for service in services]


def assert_it_is_gone(ready, connection, children):
    with suppress(ConnectionResetError):
        assert connection.recv(1) == b""
    assert_nothing_is_left(ready["endpoint_url"], children)


def depth(sqs, url):
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))


def rows(dynamodb, ready):
    return dynamodb.scan(TableName=ready["table_name"])["Items"]


def statuses(dynamodb, ready):
    return [row["status"]["S"] for row in rows(dynamodb, ready)]


def test_message_is_processed_poison_is_dead_lettered_and_ctrl_c_ends_everything(tmp_path):
    ready_file = tmp_path / "ready.json"
    ready_file.write_text("of an earlier run")
    # Long enough for the first invocation, however slow the machine: a message that is received again is dead-lettered.
    options = ("--visibility-timeout", "6", "--max-receive-count", "1", "--ready-file", str(ready_file))
    hostile = {"AWS_PROFILE": "no-such-profile", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1"}
    with (
        local_up(*options, REDRIVE_BUSINESS_KEY_POINTER="/id", **hostile) as process,
        ready_of(process) as (ready, *rest),
    ):
        assert json.loads(ready_file.read_text()) == ready
        assert (ready["fifo"], ready["visibility_timeout_s"], ready["max_receive_count"]) == (False, 6, 1)
        assert ready["pid"] == process.pid
        with clients_of(ready, "sqs", "dynamodb") as (sqs, dynamodb):
            for body in ('{"id": "A-1"}', "poison"):
                sqs.send_message(QueueUrl=ready["queue_url"], MessageBody=body)
            # One after the other: moto moves a message in two steps, and counts those of a queue in three.
            eventually(lambda: depth(sqs, ready["dlq_url"]) == 1, "the poison is in the DLQ")
            eventually(lambda: statuses(dynamodb, ready) == ["done"], "the other is done")
            eventually(lambda: depth(sqs, ready["queue_url"]) == 0, "the queue is empty")
            (row,) = rows(dynamodb, ready)
        assert (row["business_key"], row["revision"]) == ({"S": "A-1"}, {"N": "1"})
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0
        assert "1 acknowledged, 1 failed" in output
        assert not ready_file.exists()
        assert all(json.loads(line)["event"] in {"record", "batch"} for line in errors.splitlines())
        assert_it_is_gone(ready, *rest)


def test_kill_leaves_nothing():
    with local_up("--fifo") as process, ready_of(process) as (ready, *rest):
        assert ready["fifo"]
        assert ready["queue_url"].endswith(".fifo")
        process.send_signal(signal.SIGKILL)
        process.wait(WITHIN_S)
        assert_it_is_gone(ready, *rest)


def test_end_of_input_and_sigterm_end_it_where_asked_for():
    with local_up("--until-stdin-closes", stdin=subprocess.PIPE) as process, ready_of(process) as (ready, *rest):
        process.stdin.close()
        assert process.wait(WITHIN_S) == 0
        assert_it_is_gone(ready, *rest)


@pytest.mark.slow
def test_sigterm_ends_it_even_with_a_handler_that_never_returns(tmp_path):
    (tmp_path / "handlers.py").write_text(HANDLERS)
    with local_up(f"{tmp_path}/handlers.py:hangs") as process, ready_of(process) as (ready, *rest):
        attributes = {"QueueUrl": ready["queue_url"], "AttributeNames": ["ApproximateNumberOfMessagesNotVisible"]}
        with clients_of(ready, "sqs") as (sqs,):
            sqs.send_message(QueueUrl=ready["queue_url"], MessageBody="{}")
            eventually(
                lambda: "1" in sqs.get_queue_attributes(**attributes)["Attributes"].values(), "it is being processed"
            )
        process.terminate()
        assert process.wait(STOPPED_WITHIN_S) == 0
        assert_it_is_gone(ready, *rest)


def test_target_of_the_users_own_runs_behind_its_own_queue(tmp_path):
    (tmp_path / "handlers.py").write_text(
        HANDLERS
        + """
from redrive.scenarios import Consumer, QueueSpec

consumer = Consumer(
    handler=fails, valid=str, queue=QueueSpec(visibility_timeout_s=1, function_timeout_s=1, max_receive_count=2)
)
"""
    )
    with local_up(f"{tmp_path}/handlers.py:consumer") as process, ready_of(process) as (ready, *rest):
        assert (ready["visibility_timeout_s"], ready["max_receive_count"]) == (1, 2)
        with clients_of(ready, "sqs") as (sqs,):
            sqs.send_message(QueueUrl=ready["queue_url"], MessageBody="{}")
            eventually(lambda: depth(sqs, ready["dlq_url"]) == 1, "it is in the DLQ")
        process.terminate()
        assert "stopped after 2 deliveries in 2 invocations: 0 acknowledged, 2 failed" in process.stdout.read()
        assert process.wait(WITHIN_S) == 0
        assert_it_is_gone(ready, *rest)


def test_server_that_goes_away_is_one_clear_line_and_status_2():
    with local_up() as process, ready_of(process) as (ready, connection, children):
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        _, errors = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 2
        assert errors.splitlines()[-1].startswith(f"redrive: {ready['queue_url']} did not answer")
        assert "Traceback" not in errors
        assert_it_is_gone(ready, connection, children)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no.such:thing"], "no module named 'no'"),
        (["--batch-size", "11"], "--batch-size"),
        (["--on", "nowhere"], "--on"),
        (["--ready-file", "/no/such/folder/ready.json"], "cannot write"),
    ],
)
def test_what_cannot_run_is_one_line_and_status_2(arguments, says):
    with local_up(*arguments) as process:
        _, errors = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 2
        (line,) = errors.splitlines()
        assert says in line
