import signal
import sys
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from redrive.load import run as module
from redrive.load import run_command
from redrive.load.processes import LoadError
from redrive.load.run import LocalStackPlan, options_for, run_here, run_locally, with_defaults
from redrive.load.run_command import load

READY = {
    "environment": "moto",
    "queue_url": "http://127.0.0.1:7/1/q",
    "endpoint_url": "http://127.0.0.1:7",
    "region": "us-east-1",
    "access_key_id": "000000000007",
    "reply_queue_url": "http://127.0.0.1:7/1/q-replies",
}


class Stack:
    """The local stack's process."""

    def __init__(self, status=None):
        self.status = status

    def poll(self):
        return self.status


@pytest.fixture
def stack(monkeypatch):
    """Makes the local stack a value; gives the words that it was asked for with."""
    asked = []

    def there(status=None, **said):
        @contextmanager
        def environment(words, *, log_path, variables, say):
            asked.append(words)
            log_path.write_text("redrive: moto has gone\n")
            yield {**READY, **said}, Stack(status)

        monkeypatch.setattr(module, "local_environment", environment)
        return asked

    return there


@pytest.fixture
def locust(monkeypatch, tmp_path):
    """Makes Locust a program of the test's, and gives the commands it was started with."""
    started = []

    def replace(code):
        def command(words):
            started.append(list(words))
            return [sys.executable, "-c", code]

        monkeypatch.setattr(module, "locust_command", command)
        return started

    return replace


def test_locust_is_led_to_the_stack_and_sees_our_end(stack, locust):
    asked, started = stack(), locust("import os, sys; sys.exit(os.environ['AWS_ACCESS_KEY_ID'] != '000000000007')")
    plan = LocalStackPlan(environment="moto", fifo=True)
    assert run_locally(plan, ["-t", "5s"], variables={}) == 0
    assert asked == [["--on=moto", "--visibility-timeout=5", "--max-receive-count=2", "--fifo", "--reply-queue"]]
    (words,) = started
    assert {"--queue-url=http://127.0.0.1:7/1/q", "--endpoint-url=http://127.0.0.1:7"} < set(words)
    assert {"--observe=reply", "--reply-queue-url=http://127.0.0.1:7/1/q-replies", "--until-stdin-closes"} < set(words)
    assert words[-2:] == ["-t", "5s"]


def test_a_handler_of_the_users_is_not_asked_for_replies(stack, locust):
    asked, started = stack(reply_queue_url=None), locust("pass")
    run_locally(LocalStackPlan(environment="localstack", target="shop:handler"), [], variables={})
    assert asked[0][-2:] == ["--", "shop:handler"]
    assert "--reply-queue" not in asked[0]
    assert not any(word.startswith(("--observe", "--reply")) for word in started[0])


@pytest.mark.parametrize(("status", "shown"), [(0, 0), (1, 1), (2, 2), (3, 2), (-9, 2)])
def test_status_is_locusts_where_it_measured(locust, status, shown):
    ends = f"sys.exit({status})" if status >= 0 else f"os.kill(os.getpid(), {-status})"
    locust(f"import os, sys; {ends}")
    assert run_here([]) == shown


def test_stack_that_ended_in_the_middle_is_said(stack, locust):
    stack(status=2)
    locust("import sys; sys.exit(1)")
    with pytest.raises(LoadError, match="ended in the middle: redrive: moto has gone"):
        run_locally(LocalStackPlan(environment="moto"), [], variables={})


def test_ctrl_c_is_locusts_to_act_on_first(locust):
    class Process:
        waits = 0

        def wait(self):
            self.waits += 1
            if self.waits == 1:
                raise KeyboardInterrupt
            return 0

    process = Process()
    with pytest.raises(KeyboardInterrupt):
        module._status(process)
    assert process.waits == 2


def test_second_ctrl_c_kills_it():
    class Process:
        waits = 0
        killed = False

        def wait(self):
            self.waits += 1
            if not self.killed:
                raise KeyboardInterrupt
            return -signal.SIGKILL

        def kill(self):
            self.killed = True

    process = Process()
    with pytest.raises(KeyboardInterrupt):
        module._status(process)
    assert process.killed


@pytest.mark.parametrize(
    ("words", "added"),
    [
        ([], ["--users=2", "--spawn-rate=2", "--run-time=20s", "--poison-rate=0.02"]),
        (["-u", "5", "-t5m"], ["--spawn-rate=2", "--poison-rate=0.02"]),
        (["--users=5", "--spawn-rate", "1", "--run-time=9s", "--poison-rate=0"], []),
        (["--shape", "capacity"], ["--users=2", "--spawn-rate=2", "--poison-rate=0.02"]),
    ],
)
def test_defaults_are_for_what_is_not_said(words, added):
    assert with_defaults(words, {}) == [*added, *words]


def test_defaults_are_not_for_what_variables_say():
    variables = {"LOCUST_USERS": "9", "LOCUST_RUN_TIME": "5m", "REDRIVE_LOAD_POISON_RATE": "0"}
    assert with_defaults([], variables) == ["--spawn-rate=2"]


def test_without_replies_there_is_no_observer_of_them():
    assert not any("reply" in option for option in options_for({**READY, "reply_queue_url": None}))


@pytest.fixture
def commanded(monkeypatch):
    """Runs the command with the run being a value."""
    calls = []

    def of(*arguments, outcome=0):
        def record(*given, **named):
            calls.append((given, named))
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr(run_command, "run_here", record)
        monkeypatch.setattr(run_command, "run_locally", record)
        result = CliRunner().invoke(load, list(arguments), standalone_mode=False)
        return result, calls

    return of


def test_what_is_not_redrives_is_locusts(commanded):
    result, calls = commanded("--queue-url", "https://q", "-u", "5", "--rate=50", outcome=1)
    assert result.return_value == 1
    assert calls == [((["--headless", "--only-summary", "--queue-url", "https://q", "-u", "5", "--rate=50"],), {})]


def test_a_local_stack_is_asked_for_by_on(commanded):
    result, calls = commanded("--on", "localstack", "--fifo", "--web", "-t", "9s")
    assert result.return_value == 0
    (((plan, words), _named),) = calls
    assert plan == LocalStackPlan(environment="localstack", fifo=True)
    assert words == ["-t", "9s"]


def test_run_that_cannot_be_made_is_one_line(commanded):
    result, _ = commanded("--on", "moto", outcome=LoadError("moto has gone"))
    assert str(result.exception) == "moto has gone"


def test_ctrl_c_is_status_130(commanded):
    result, _ = commanded(outcome=KeyboardInterrupt())
    assert result.return_value == 130


def test_missing_locust_says_what_to_install(commanded, monkeypatch):
    monkeypatch.setattr(run_command.importlib.util, "find_spec", lambda name: None)
    result, calls = commanded()
    assert "pip install 'redrive[load]'" in str(result.exception)
    assert calls == []
