"""A server of one's own: what it leaves behind, what of its parent's environment it sees, and when none is started."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from redrive.infra.localstack.server import LocalStackError, localstack

# Starts one, with a function whose process is at work, and says which server it is.
PARENT = """
import dataclasses, io, json, threading, time, zipfile
from redrive.fixtures.localstack import LocalStackAws
from redrive.infra.localstack.server import localstack

with localstack(progress=lambda _: None, existing=False) as server:
    functions = LocalStackAws(server.endpoint_url).client("lambda")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        code = "import os, time\\ndef handler(event, context): return time.sleep(event) or os.getpid()"
        writing.writestr("app.py", code)
    functions.create_function(
        FunctionName="busy", Runtime="python3.12", Role="arn:aws:iam::000000000000:role/r", Handler="app.handler",
        Code={"ZipFile": archive.getvalue()}, Timeout=900,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="busy", WaiterConfig={"Delay": 0.1})
    pid = json.load(functions.invoke(FunctionName="busy", Payload=b"0")["Payload"])
    functions.invoke(FunctionName="busy", Payload=b"600", InvocationType="Event")
    said = {"url": server.endpoint_url, "pid": server.pid, "function": pid, "log": str(server.log_path)}
    print(json.dumps(said), flush=True)
    input()
"""

HOSTILE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_SESSION_TOKEN": "mine",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "LAMBDA_RUNTIME_EXECUTOR": "docker",
    "LOCALSTACK_AUTH_TOKEN": "mine",
}

IN_PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc, which is Linux's")


@pytest.fixture
def parent():
    """A process that has started a server, in a hostile environment; and what it said."""
    variables = {**os.environ, **HOSTILE, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
    )
    try:
        line = process.stdout.readline()
        assert line, "the parent has not started a server"
        yield process, json.loads(line)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def parents():
    """The parent of each process, by their numbers. A zombie is none."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    found[int(folder.name)] = int(parent)
    return found


def descendants(pid):
    found, all_of_them = [pid], parents()
    for one in found:
        found += [child for child, its in all_of_them.items() if its == one]
    return set(found[1:])


def answers(url):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


@IN_PROC
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
def test_nothing_is_left_behind(parent, eventually, how):
    process, said = parent
    family = descendants(process.pid)
    assert {said["pid"], said["function"]} <= family
    assert answers(said["url"])
    if how is None:
        process.stdin.write("\n")
        process.stdin.flush()
    else:
        process.send_signal(how)
    eventually(lambda: not family & parents().keys() and not answers(said["url"]), within_s=10)
    assert process.wait(5) == (0 if how is None else -how)
    assert not Path(said["log"]).parent.exists()


@IN_PROC
def test_nothing_of_the_users_environment_reaches_it(parent):
    _, said = parent
    environment = Path(f"/proc/{said['pid']}/environ").read_bytes().decode().split("\0")
    variables = dict(variable.split("=", 1) for variable in environment if variable)
    assert [name for name in HOSTILE if variables.get(name) == HOSTILE[name]] == []
    assert (variables["LAMBDA_RUNTIME_EXECUTOR"], variables["HOME"]) == ("process", str(Path(said["log"]).parent))


def test_log_says_which_patches_are_active(parent):
    _, said = parent
    text = Path(said["log"]).read_text()
    assert text.count("patches of its poller of queues: bodies, attributes, groups, size, deletions") == 1


def test_queue_urls_need_no_name_server(localstack_server, localstack_aws, account):
    url = localstack_aws.client("sqs").create_queue(QueueName="plain")["QueueUrl"]
    assert url == f"{localstack_server.endpoint_url}/queue/us-east-1/{account}/plain"
    with urllib.request.urlopen(f"{url}?Action=GetQueueAttributes&AttributeName.1=QueueArn", timeout=10) as answer:
        assert f"arn:aws:sqs:us-east-1:{account}:plain" in answer.read().decode()


def test_one_that_is_there_is_used_as_it_is(localstack_server, monkeypatch):
    monkeypatch.setenv("LOCALSTACK_ENDPOINT", localstack_server.endpoint_url + "/")
    said = []
    with localstack(progress=said.append) as server:
        assert (server.endpoint_url, server.pid, server.has_plugin) == (localstack_server.endpoint_url, None, True)
    assert said == [f"LocalStack {localstack_server.version} is at {localstack_server.endpoint_url} already"]
    assert answers(localstack_server.endpoint_url)


def test_port_that_is_taken(localstack_server):
    port = int(localstack_server.endpoint_url.rpartition(":")[2])
    one = localstack(progress=lambda _: None, port=port, existing=False)
    with pytest.raises(LocalStackError, match=f"port {port} of 127.0.0.1 is taken"), one:
        pass
