"""``redrive verify --on localstack``: a handler as a real function, behind a mapping that is not ours."""

import json
import os
import shlex
import subprocess
import sys
import textwrap
import urllib.request
from dataclasses import replace

import pytest

from redrive.fixtures.faults import CrashAt
from redrive.fixtures.localstack import LocalStackAws
from redrive.scenarios.consumer import Consumer
from redrive.scenarios.errors import EnvironmentFailed
from redrive.scenarios.judgement import Verdict
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.scenarios.scheduling import verify
from redrive.scenarios.target import REFERENCE, handler_of, load_target
from redrive.scenarios.verification import jobs_of
from redrive.simulator import Ending, trace

HOLD = [
    "happy-path",
    "crash-after-effect",
    "lost-acknowledgement",
    "dependency-lost",
    "partial-failure",
    "fifo-order",
    "s3-pointer",
    "reordered",
]
SKIPPED = {
    "clock-skew": "no virtual time",
    "concurrent-duplicate": "no invocations at once",
    "throttled-function": "no throttled invocations",
    "empty-event": "no events of its own making",
}


@pytest.fixture(scope="module")
def results(place):
    """The results by scenario, of the reference handler: several scenarios at once, each example in its own account."""
    target = load_target(REFERENCE)
    jobs = jobs_of(target.consumer, [*HOLD, *SKIPPED], place=place)
    report = verify(target, jobs=jobs, examples=1, processes=6, place=place)
    assert report.environment == "localstack"
    assert report.runtime == "native"
    return {result.name: result for result in report.scenarios}


@pytest.mark.parametrize("name", HOLD)
def test_reference_handler_is_right_there_too(results, name):
    result = results[name]
    assert result.verdict is Verdict.HOLDS, (result.reason, [finding.timeline for finding in result.violations])
    assert result.deliveries


@pytest.mark.parametrize("name", SKIPPED)
def test_what_localstack_cannot_show_is_skipped_with_the_reason(results, name):
    assert results[name].verdict is Verdict.SKIPPED
    assert SKIPPED[name] in results[name].reason


@pytest.fixture
def environment(place):
    """In this process."""
    with place.environment().running() as running:
        yield running


@pytest.fixture
def file_handler(tmp_path):
    """Writes a handler's module, and gives its consumer: the handler sees all that it has of this machine."""

    def write(code, **more):
        path = tmp_path / "orders.py"
        path.write_text("import os, sys, time\nimport neighbour\n" + textwrap.dedent(code))
        (tmp_path / "neighbour.py").write_text("NAME = 'neighbour'\n")
        seen = tmp_path / "seen"
        seen.mkdir()

        def effects(_):
            return [each.name for each in seen.iterdir()]

        given = {"environment": {"SEEN": str(seen), "FOLDER": "{tmp}"}, "valid": str, "effects": effects, **more}
        return Consumer(handler=f"{path}:handler", **given)

    return write


def run(environment, place, consumer, plan):
    shaped = place.shaped(consumer)
    return environment.run(plan, shaped, handler_of(shaped), seed=0)


def messages(count):
    return tuple(PlannedMessage(key=f"key-{number}", body=f"key-{number}") for number in range(count))


def test_handler_has_its_neighbours_its_variables_and_the_batch(environment, place, file_handler):
    consumer = file_handler(
        """
        def handler(event, context):
            assert os.path.isdir(os.environ["FOLDER"]) and neighbour.NAME
            assert context.get_remaining_time_in_millis() > 0
            for record in event["Records"]:
                name = f"{record['body']} of {len(event['Records'])}"
                open(os.path.join(os.environ["SEEN"], name), "w").close()
        """
    )
    history = run(environment, place, consumer, Plan(messages=messages(3)))
    assert {effect.key for effect in history.effects} == {f"key-{number} of 3" for number in range(3)}
    assert history.finished
    assert all(fate.acknowledged for fate in history.fates)


def test_every_run_begins_with_an_empty_world_and_leaves_none(environment, place, localstack_server, monkeypatch):
    accounts = []
    monkeypatch.setattr(
        "redrive.scenarios.environments.localstack.LocalStackAws",
        lambda url, account: accounts.append(account) or LocalStackAws(url, account=account),
    )
    consumer = load_target(REFERENCE).consumer
    body = '{"order":"key-0"}'
    for _ in range(2):
        history = run(environment, place, consumer, Plan(messages=(PlannedMessage(key="key-0", body=body),)))
        assert len(history.effects) == 1
    assert len(set(accounts)) == 2
    for account in accounts:
        aws = LocalStackAws(localstack_server.endpoint_url, account=account)
        assert not aws.client("sqs").list_queues().get("QueueUrls")
        assert not aws.client("dynamodb").list_tables()["TableNames"]
        assert not aws.client("lambda").list_functions()["Functions"]
        assert not aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]


def test_handler_dies_at_a_call_and_its_next_process_is_another(environment, place):
    consumer = load_target(REFERENCE).consumer
    plan = Plan(
        messages=(PlannedMessage(key="key-0", body='{"order":"key-0"}'),), faults=(CrashAt(invocation=0, call=1),)
    )
    history = run(environment, place, consumer, plan)
    first, second, *_ = [event for event in history.events if isinstance(event, trace.Began)]
    assert (first.cold, first.environment) == (True, 1)
    assert (second.cold, second.environment) == (True, 2)
    assert history.invocations[0].ending is Ending.CRASHED
    assert history.done == {"key-0"}


def test_message_groups_of_one_poll_take_turns(environment, place, file_handler):
    consumer = file_handler(
        """
        def handler(event, context):
            time.sleep(0.8)
            for record in event["Records"]:
                open(os.path.join(os.environ["SEEN"], record["body"]), "w").close()
        """
    )
    sent = tuple(replace(message, group=f"group-{number % 3}") for number, message in enumerate(messages(6)))
    history = run(environment, place, consumer, Plan(messages=sent, fifo=True))
    steps = [type(event) for event in history.events if isinstance(event, trace.Began | trace.Ended)]
    assert steps == [trace.Began, trace.Ended] * 3
    assert history.done == {message.key for message in sent}
    assert history.finished


def test_mapping_that_polls_nothing_is_no_verdict(environment, place, file_handler, monkeypatch):
    monkeypatch.setattr("redrive.scenarios.environments.localstack_function.NativeFunction.map", lambda *_: None)
    monkeypatch.setattr("redrive.scenarios.environments.live_run.rest_s", lambda *_: 1)
    consumer = file_handler("def handler(event, context): pass")
    with pytest.raises(EnvironmentFailed, match="did not invoke it"):
        run(environment, place, consumer, Plan(messages=messages(1)))


def test_function_that_localstack_cannot_run_is_no_verdict(environment, place, monkeypatch):
    monkeypatch.setattr("redrive.scenarios.environments.localstack_function._RUNTIME", "java21")
    with pytest.raises(EnvironmentFailed, match="cannot run the function, which is Failed"):
        environment.check(place.shaped(load_target(REFERENCE).consumer))


def cli(*words, variables=None):
    return subprocess.run(
        [sys.executable, "-m", "redrive.scenarios.cli", "verify", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **(variables or {})},
    )


def test_command_verifies_a_bare_handler_in_the_localstack_that_is_there(localstack_server, tmp_path):
    (tmp_path / "orders.py").write_text("def handler(event, context):\n    return {'batchItemFailures': []}\n")
    there = {"LOCALSTACK_ENDPOINT": localstack_server.endpoint_url}
    report = tmp_path / "report.json"
    words = [f"{tmp_path}/orders.py:handler", "--on", "localstack", "--scenario", "happy-path", "--json", str(report)]
    done = cli(*words, "--examples", "1", "--body", "order {key}", variables=there)
    assert done.returncode == 0, done.stderr
    assert f"is at {localstack_server.endpoint_url} already" in done.stderr
    assert json.loads(report.read_text())["runtime"] == "native"


def test_bootstrap_of_somebodys_is_run_as_the_function(localstack_server, tmp_path):
    (tmp_path / "orders.py").write_text("def handler(event, context):\n    return {'batchItemFailures': []}\n")
    words = ["--on", "localstack", "--scenario", "happy-path", "--examples", "1", "--env", f"PYTHONPATH={tmp_path}"]
    there = {"LOCALSTACK_ENDPOINT": localstack_server.endpoint_url}
    done = cli("--exec", f"{shlex.quote(sys.executable)} -m awslambdaric orders.handler", *words, variables=there)
    assert done.returncode == 0, done.stdout + done.stderr
    missing = cli("--exec", str(tmp_path / "missing"), *words, variables=there)
    assert missing.returncode == 2
    assert "there is no such program" in missing.stderr


def test_localstack_that_has_not_our_plugin_is_refused(localstack_server, tmp_path):
    with urllib.request.urlopen(f"{localstack_server.endpoint_url}/_localstack/health") as answer:
        health = answer.read().decode()
    code = f"""
        import http.server

        class Health(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                ours = self.path == "/_localstack/health"
                self.send_response(200 if ours else 404)
                self.end_headers()
                self.wfile.write({health!r}.encode() if ours else b"")

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Health)
        print(server.server_port, flush=True)
        server.serve_forever()
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True) as process:
        try:
            url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
            done = cli("--on", "localstack", variables={"LOCALSTACK_ENDPOINT": url})
        finally:
            process.kill()
    assert done.returncode == 2
    assert "has not redrive's plugin" in done.stderr
