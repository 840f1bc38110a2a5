"""Functions in processes: what an invocation answers, how it can end, and what can be read about it afterwards."""

import json
import os

import pytest

HELLO = """
def handler(event, context):
    print("hello", context.aws_request_id)
    return {"event": event, "pid": os.getpid(), "left_ms": context.get_remaining_time_in_millis()}
"""


def test_function_is_invoked_and_its_process_is_used_again(function, invoke):
    name = function(HELLO, timeout_s=20)
    first, failed = invoke(name, {"number": 12345678901234567890})
    again, _ = invoke(name)
    assert (first["event"], again["event"], failed) == ({"number": 12345678901234567890}, None, False)
    assert first["pid"] == again["pid"]
    assert 15_000 < first["left_ms"] <= 20_000


def test_function_reaches_localstack_in_its_own_account_and_region(function, invoke, localstack_aws, account):
    name = function("""
        import boto3
        def handler(event, context):
            account = boto3.client("sts").get_caller_identity()["Account"]
            return [account, os.environ["AWS_REGION"], context.invoked_function_arn.split(":")[3:5],
                    os.environ["AWS_ENDPOINT_URL"], os.environ["MINE"]]
    """, variables={"MINE": "set by its creator"})  # fmt: skip
    answer, _ = invoke(name)
    region = ["us-east-1", account]
    assert answer == [account, "us-east-1", region, localstack_aws.endpoint_url, "set by its creator"]


def test_endpoint_of_the_functions_creator_stands(function, invoke):
    mine = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    name = function("def handler(event, context): return os.environ['AWS_ENDPOINT_URL']", variables=mine)
    assert invoke(name) == ("http://127.0.0.1:9", False)


def test_nothing_of_this_process_is_in_reach(function, invoke, localstack_server):
    name = function("def handler(event, context): return dict(os.environ)")
    answer, _ = invoke(name)
    assert answer["HOME"].startswith(answer["TMPDIR"])
    # The last is set for every function, to what it may well be set to here: no function asks for the machine's role.
    known = {"PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "AWS_EC2_METADATA_DISABLED"}
    mine = set(os.environ) - known
    assert {name: answer[name] for name in mine & answer.keys() if answer[name] == os.environ[name]} == {}


def test_E23_exception_timeout_and_dead_process(function, invoke):
    name = function(
        """
        def handler(event, context):
            if event == "raise": raise ValueError("no such order")
            if event == "hang": time.sleep(60)
            if event == "exit": os._exit(7)
            return os.getpid()
        """,
        timeout_s=1,
    )
    first, _ = invoke(name)
    error, failed = invoke(name, "raise")
    assert (error["errorType"], error["errorMessage"], failed) == ("ValueError", "no such order", True)
    assert invoke(name) == (first, False), "an exception leaves the process warm"
    error, failed = invoke(name, "hang")
    assert (error["errorType"], failed) == ("Sandbox.Timedout", True)
    assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    second, _ = invoke(name)
    error, failed = invoke(name, "exit")
    assert (error["errorType"], failed) == ("Runtime.ExitError", True)
    assert "exit status 7" in error["errorMessage"]
    third, _ = invoke(name)
    assert len({first, second, third}) == 3, "after a timeout or a crash the next one is cold"


def test_response_over_6_mb_is_refused(function, invoke):
    name = function("def handler(event, context): return 'x' * event", timeout_s=20)
    answer, failed = invoke(name, 6 * 1024 * 1024 - 2)
    assert (len(answer), failed) == (6 * 1024 * 1024 - 2, False)
    error, failed = invoke(name, 6 * 1024 * 1024 + 100)
    assert (error["errorType"], failed) == ("Function.ResponseSizeTooLarge", True)


def test_logs_are_in_the_functions_log_group(function, invoke, localstack_aws, eventually):
    name = function(HELLO)
    invoke(name)
    logs = localstack_aws.client("logs")
    group = f"/aws/lambda/{name}"

    def lines():
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        events = logs.filter_log_events(logGroupName=group)["events"] if found else []
        return [event["message"].rstrip("\n") for event in events]

    found = eventually(lines)
    kinds = [line.split()[0] for line in found]
    assert kinds == ["START", "hello", "END", "REPORT"]
    assert found[1].split()[1] == found[2].split()[-1], "the request id"


def test_bootstrap_of_another_language_runs_as_it_is(function, invoke):
    bootstrap = """#!/bin/sh
while read_id=$(curl -sS -D - -o "$TMPDIR/event" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next"); do
  id=$(printf '%s' "$read_id" | tr -d '\\r' | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
  curl -sS -X POST --data-binary @"$TMPDIR/event" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
done
"""  # noqa: E501
    name = function(files={"bootstrap": bootstrap}, runtime="provided.al2023", handler="any")
    assert invoke(name, {"as it": "is"}) == ({"as it": "is"}, False)


@pytest.mark.parametrize(
    ("files", "runtime", "reason"),
    [
        ({"../out.py": "", "app.py": ""}, "python3.12", "outside of its folder"),
        ({"app.mjs": ""}, "nodejs20.x", "only python and provided runtimes"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_reason(function, localstack_aws, files, runtime, reason):
    with pytest.raises(Exception, match="terminal failure"):
        function(files=files, runtime=runtime)
    state = localstack_aws.client("lambda").get_function(FunctionName="function-0")["Configuration"]
    assert state["State"] == "Failed"
    assert reason in state["StateReason"]


def test_recorder_is_told_of_each_invocation(function, invoke, recorder):
    name = function(
        """
        def handler(event, context):
            if event.get("raise"): raise ValueError("no")
            if event.get("exit"): os._exit(1)
            if event.get("hang"): time.sleep(60)
            return os.getpid()
        """,
        timeout_s=1,
        variables=recorder.variables,
    )
    pid, _ = invoke(name, {"number": 1})
    for how in ("raise", "exit", "hang"):
        invoke(name, {how: True})
    began, ended = recorder.of("/began"), recorder.of("/ended")
    assert [call["ending"] for call in ended] == ["returned", "raised", "crashed", "timed out"]
    assert json.loads(ended[0]["payload"]) == pid == began[0]["pid"]
    assert [(call["environment"], call["cold"]) for call in began] == [(1, True), (1, False), (1, False), (2, True)]
    assert [call["event"] for call in began] == [{"number": 1}, {"raise": True}, {"exit": True}, {"hang": True}]
    assert {call["function"] for call in began} == {name}
    assert {call["timeout_s"] for call in began} == {1}
    assert [call["request_id"] for call in began] == [call["request_id"] for call in ended]
    times = [call["at_ms"] for _, call in recorder.calls]
    assert times == sorted(times)


def test_recorder_that_is_gone_stops_nothing(function, invoke, localstack_server):
    name = function("def handler(event, context): return 1", variables={"REDRIVE_RECORDER_URL": "http://127.0.0.1:9"})
    assert [invoke(name), invoke(name)] == [(1, False), (1, False)]
    assert localstack_server.log_path.read_text().count("http://127.0.0.1:9 does not answer") == 1


def test_recorder_elsewhere_is_refused(function, invoke, localstack_server):
    elsewhere = {"REDRIVE_RECORDER_URL": "http://192.0.2.1:80"}
    name = function("def handler(event, context): return 1", variables=elsewhere)
    assert invoke(name) == (1, False)
    assert "'http://192.0.2.1:80' is refused" in localstack_server.log_path.read_text()
