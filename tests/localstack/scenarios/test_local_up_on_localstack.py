"""`redrive local up --on localstack` as a process: it works, and nothing of it is left however it ends."""

import json
import os
import signal
import subprocess
from functools import partial

import pytest

from redrive.fixtures.localstack import LocalStackAws

from ...local_processes import (
    assert_nothing_is_left,
    descendants,
    import_path,
    listens,
    local_command,
    local_up,
    said_by,
)

WITHIN_S = 120

TARGET = """
import boto3, json, os
from pieces import key_of
from redrive.scenarios import Consumer, QueueSpec

def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            item = {"id": {"S": key_of(record["body"])}}
            boto3.client("dynamodb").put_item(TableName=os.environ["ORDERS"], Item=item)
        except ValueError:
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}

def make_table(aws):
    aws.client("dynamodb").create_table(
        TableName=os.environ["ORDERS"],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

consumer = Consumer(
    handler=handler, valid=str, setup=make_table, environment={"ORDERS": "orders-of-theirs"},
    queue=QueueSpec(visibility_timeout_s=6, function_timeout_s=5, max_receive_count=2, batch_size=5),
)
"""


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", import_path())
    for name in ("AWS_ENDPOINT_URL", "LOCALSTACK_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


local_up_there = partial(local_up, "--on", "localstack")


def status():
    done = subprocess.run(
        local_command("status", "--json"),
        capture_output=True,
        text=True,
        check=True,
        timeout=WITHIN_S,
    )
    return json.loads(done.stdout)


def test_reference_handler_works_and_ctrl_c_ends_everything(eventually):
    with local_up_there(REDRIVE_BUSINESS_KEY_POINTER="/id") as process:
        ready = said_by(process)
        assert (ready["environment"], ready["pid"]) == ("localstack", process.pid)
        assert [entry["pid"] for entry in status()] == [process.pid]
        pids = descendants(process.pid)
        assert pids
        aws = LocalStackAws(ready["endpoint_url"], account=ready["access_key_id"])
        aws.client("sqs").send_message(QueueUrl=ready["queue_url"], MessageBody='{"id": "A-1"}')
        table = aws.resource("dynamodb").Table(ready["table_name"])
        (row,) = eventually(lambda: [row for row in table.scan()["Items"] if row["status"] == "done"], 60)
        assert (row["business_key"], row["revision"]) == ("A-1", 1)
        pids += [pid for pid in descendants(process.pid) if pid not in pids]
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0, errors
        assert output.splitlines()[-1] == "stopped"
        assert "Traceback" not in errors
        assert_nothing_is_left(ready["endpoint_url"], pids)
        assert status() == []


def test_killed_it_is_gone_with_all_that_it_started():
    with local_up_there("--fifo") as process:
        ready = said_by(process)
        assert ready["queue_url"].endswith(".fifo")
        pids = descendants(process.pid)
        assert len(pids) >= 2
        process.send_signal(signal.SIGKILL)
        process.wait(WITHIN_S)
        assert_nothing_is_left(ready["endpoint_url"], pids)
        assert status() == []


def test_sigterm_while_it_starts_ends_it():
    with local_up_there() as process:
        for line in process.stderr:
            if line.startswith("starting LocalStack"):
                break
        pids = descendants(process.pid)
        process.terminate()
        output, _ = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 130
        assert output == ""
        assert_nothing_is_left("http://127.0.0.1:1", pids)


def test_handler_of_the_users_on_an_endpoint_that_is_there_already(tmp_path, localstack_server, eventually):
    (tmp_path / "orders.py").write_text(TARGET)
    (tmp_path / "pieces.py").write_text("import json\n\ndef key_of(body): return json.loads(body)['id']\n")
    endpoint = localstack_server.endpoint_url
    with local_up_there(f"{tmp_path}/orders.py:consumer", LOCALSTACK_ENDPOINT=endpoint) as process:
        ready = said_by(process)
        assert (ready["endpoint_url"], ready["table_name"]) == (endpoint, None)
        assert (ready["visibility_timeout_s"], ready["max_receive_count"]) == (6, 2)
        aws = LocalStackAws(endpoint, account=ready["access_key_id"])
        sqs = aws.client("sqs")
        for body in ('{"id": "A-1"}', "poison"):
            sqs.send_message(QueueUrl=ready["queue_url"], MessageBody=body)
        receive = {"QueueUrl": ready["dlq_url"], "VisibilityTimeout": 0}
        (dead,) = eventually(lambda: sqs.receive_message(**receive).get("Messages"), 60)
        assert dead["Body"] == "poison"
        table = aws.resource("dynamodb").Table("orders-of-theirs")
        assert [item["id"] for item in table.scan()["Items"]] == ["A-1"]
        process.terminate()
        _, errors = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0, errors
        table.delete()
    assert listens(endpoint)
    name = f"redrive-local-{ready['pid']}"
    assert not [url for url in sqs.list_queues().get("QueueUrls", ()) if name in url]
    assert not [each for each in aws.client("lambda").list_functions()["Functions"] if name in each["FunctionName"]]
    assert not [role for role in aws.client("iam").list_roles()["Roles"] if name in role["RoleName"]]


@pytest.mark.parametrize(
    ("words", "environment", "says"),
    [
        (["no.such:thing"], {}, "no module named 'no'"),
        ([], {"LOCALSTACK_ENDPOINT": "http://127.0.0.1:1"}, "LOCALSTACK_ENDPOINT=http://127.0.0.1:1 is no LocalStack"),
    ],
)
def test_what_cannot_run_is_one_line_and_status_2(words, environment, says):
    with local_up_there(*words, **environment) as process:
        _, errors = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 2
        assert errors.splitlines()[-1].startswith("redrive: ")
        assert says in errors.splitlines()[-1]
