"""A function's execution environment, as the executor uses it, with a bootstrap in the place of AWS's client."""

import json
import os
import sys
from types import SimpleNamespace

import pytest

from redrive.fixtures.runtimes.runtime import RuntimeResult, RuntimeUnavailable
from redrive.infra.localstack.plugins import function_environment
from redrive.infra.localstack.plugins.function_environment import (
    FUNCTION_PYTHON,
    Configuration,
    FunctionEnvironment,
    command_for,
    ending_of,
    log_of,
)
from redrive.infra.localstack.plugins.recorder import Ending

# The first line of a script cannot name an interpreter in a folder with a space.
BOOTSTRAP = f"""#!/bin/sh
exec '{sys.executable}' "$(dirname "$0")/code.py"
"""
CODE = """
import http.client, json, os, time

def call(method, path, body=None):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, "/2018-06-01/runtime/invocation/" + path, body)
    answer = connection.getresponse()
    return answer.headers["Lambda-Runtime-Aws-Request-Id"], answer.read()

while True:
    request_id, event = call("GET", "next")
    event = json.loads(event)
    if event == "exit":
        os._exit(3)
    if event == "hang":
        time.sleep(60)
    result = {name: os.environ.get(name) for name in event}
    call("POST", request_id + "/response", json.dumps(result))
"""


@pytest.fixture
def configuration(tmp_path):
    (tmp_path / "bootstrap").write_text(BOOTSTRAP)
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "bootstrap").chmod(0o755)

    def build(**more):
        defaults = {
            "name": "f",
            "version": "$LATEST",
            "region": "eu-west-1",
            "account_id": "000000000001",
            "runtime": "provided.al2023",
            "handler": "app.handler",
            "timeout_s": 1,
            "memory_mb": 256,
            "folder": tmp_path,
            "log_stream": "2026/01/01/[$LATEST]1",
        }
        return Configuration(**{**defaults, **more})

    return build


@pytest.fixture
def recorded(monkeypatch):
    """What is recorded, in its order, instead of being sent."""
    said = []

    def make(url):
        return SimpleNamespace(
            began=lambda its, event: said.append((url, its, event)),
            ended=lambda request_id, ending, payload: said.append((url, request_id, ending)),
        )

    monkeypatch.setattr(function_environment, "Recorder", make)
    monkeypatch.setattr(function_environment, "_NUMBERS", function_environment._Numbers())
    return said


@pytest.fixture
def environment(configuration):
    made = []

    def create(**more):
        made.append(FunctionEnvironment(configuration(**more)))
        return made[-1]

    yield create
    for one in made:
        one.close()


def invoke(one, event):
    return one.invoke(json.dumps(event), request_id="request-1")


@pytest.mark.slow
def test_process_has_the_functions_variables_and_those_of_the_platform(environment):
    variables = {"MINE": "1", "AWS_REGION": "eu-west-1", "AWS_EXECUTION_ENV": "AWS_Lambda_rapid"}
    one = environment(variables=variables)
    names = ["MINE", "AWS_REGION", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "_HANDLER"]
    answer = json.loads(invoke(one, [*names, "AWS_EXECUTION_ENV"]).payload)
    assert list(answer.values()) == [
        "1",
        "eu-west-1",
        "2026/01/01/[$LATEST]1",
        "256",
        "app.handler",
        "AWS_Lambda_provided.al2023",
    ]


@pytest.mark.slow
def test_E24_environments_are_counted_for_each_function_from_1(environment, recorded):
    url = {"REDRIVE_RECORDER_URL": "http://127.0.0.1:1"}
    one, other, namesake = environment(variables=url), environment(variables=url), environment(account_id="2" * 12)
    for event in ([], "hang", "exit", []):
        invoke(one, event)
    invoke(other, [])
    invoke(namesake, [])
    began = [its for _, its, event in recorded if isinstance(its, dict)]
    assert [(its["environment"], its["cold"]) for its in began] == [
        (1, True),
        (1, False),
        (2, True),
        (3, True),
        (4, True),
        (1, True),
    ]
    assert len({its["pid"] for its in began}) == 5
    endings = [said[2] for said in recorded if isinstance(said[1], str)]
    assert endings == ["returned", "timed out", "crashed", "returned", "returned", "returned"]
    assert [url for url, *_ in recorded] == ["http://127.0.0.1:1"] * 10 + [None] * 2


@pytest.mark.slow
def test_E24_recorder_hears_of_a_process_that_does_not_start(configuration, recorded):
    (configuration().folder / "bootstrap").write_text("#!/bin/sh\nexit 5\n")
    one = FunctionEnvironment(configuration())
    result = invoke(one, [])
    one.close()
    assert "exit status 5" in result.payload
    assert [said[1]["cold"] for said in recorded[:1]] == [True]
    assert recorded[1][2] is Ending.CRASHED


@pytest.mark.slow
def test_closed_environment_leaves_no_process(environment):
    one = environment()
    pid = int(json.loads(invoke(one, ["MINE"]).payload).get("MINE") or one._process.pid)
    one.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_python_is_run_by_aws_client_of_the_interpreter_that_is_named(configuration, monkeypatch, tmp_path):
    monkeypatch.setenv(FUNCTION_PYTHON, "/its/python")
    command = command_for(configuration(runtime="python3.13"))
    assert command.arguments == ("/its/python", "-m", "awslambdaric", "app.handler")
    assert command.variables == {"PYTHONPATH": str(tmp_path), "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}
    assert command.task_root == tmp_path


def test_runtimes_that_cannot_be_run_say_so(configuration, monkeypatch):
    monkeypatch.delenv(FUNCTION_PYTHON, raising=False)
    with pytest.raises(RuntimeUnavailable, match="'java21'"):
        command_for(configuration(runtime="java21"))
    with pytest.raises(RuntimeUnavailable, match=FUNCTION_PYTHON):
        command_for(configuration(runtime="python3.12"))


@pytest.mark.parametrize(
    ("how", "ending"),
    [
        ({}, Ending.RETURNED),
        ({"function_error": True}, Ending.RAISED),
        ({"function_error": True, "timed_out": True}, Ending.TIMED_OUT),
        ({"function_error": True, "exited": True}, Ending.CRASHED),
    ],
)
def test_endings(how, ending):
    assert ending_of(RuntimeResult(payload="null", **how)) is ending


def test_log_is_what_lambda_writes():
    result = RuntimeResult(payload="null", output="hello", duration_ms=12)
    lines = log_of(result, request_id="one", version="7", memory_mb=128).splitlines()
    assert lines[:3] == ["START RequestId: one Version: 7", "hello", "END RequestId: one"]
    report = "REPORT RequestId: one\tDuration: 12.00 ms\tBilled Duration: 12 ms\tMemory Size: 128 MB"
    assert lines[3:] == [report]
    crashed = RuntimeResult(payload='{"errorType": "Runtime.ExitError"}', function_error=True, exited=True)
    assert 'one {"errorType": "Runtime.ExitError"}\nEND' in log_of(crashed, request_id="one", version="7", memory_mb=1)
