import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from redrive.load import processes
from redrive.load.processes import LoadError, child, last_line, local_environment, locust_command, only_local


def test_locust_is_given_our_locustfile_and_the_words():
    command = locust_command(["--headless", "-u", "3"])
    assert command[:3] == [sys.executable, "-m", "locust"]
    assert command[-3:] == ["--headless", "-u", "3"]
    assert Path(command[3].removeprefix("--locustfile=")).is_file()


def test_children_know_no_aws_but_the_local_one():
    environment = only_local(
        {
            "PATH": "/bin",
            "AWS_PROFILE": "production",
            "AWS_ACCESS_KEY_ID": "real",
            "AWS_ENDPOINT_URL": "https://sqs.eu-west-1.amazonaws.com",
            "LOCALSTACK_ENDPOINT": "https://example.org",
            "REDRIVE_LOAD_POISON_RATE": "0.5",
            "NO_PROXY": "example.org",
        }
    )
    assert environment["PATH"] == "/bin"
    assert environment["AWS_ACCESS_KEY_ID"] == "testing"
    assert environment["no_proxy"] == environment["NO_PROXY"] == "127.0.0.1,example.org"
    assert environment["REDRIVE_LOAD_POISON_RATE"] == "0.5"
    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL", "LOCALSTACK_ENDPOINT"} & environment.keys()


def running(code, folder):
    command = [sys.executable, "-c", code]
    return child(command, log_path=folder / "log", environment=os.environ, stdout=subprocess.PIPE)


def test_child_is_ended_on_the_way_out_and_sees_our_end(tmp_path):
    code = "import sys; print('begins', flush=True); sys.stdin.read()"
    with child(
        [sys.executable, "-c", code], log_path=tmp_path / "log", environment=os.environ, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == "begins\n"
        assert os.getpgid(process.pid) == process.pid
        process.stdout.close()
    assert process.returncode == -signal.SIGTERM


def test_child_that_does_not_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_STOP_WITHIN_S", 0.01)
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('begins', flush=True); signal.pause()"
    with child(
        [sys.executable, "-c", code], log_path=tmp_path / "log", environment=os.environ, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == "begins\n"
        process.stdout.close()
    assert process.returncode == -signal.SIGKILL


def fake_local_up(monkeypatch, tmp_path, code):
    script = tmp_path / "fake"
    # Through a shell: the first line of a script cannot name an interpreter with a space in its path.
    (tmp_path / "fake.py").write_text(code)
    script.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{tmp_path / 'fake.py'}'\n")
    script.chmod(0o755)
    monkeypatch.setattr(processes.sys, "executable", str(script))


def started(folder):
    return local_environment([], log_path=folder / "log", variables=os.environ)


def test_local_environment_is_what_it_says_of_itself(monkeypatch, tmp_path):
    code = "import sys; print('moto listens'); print('{\"pid\": 7}', flush=True); sys.stdin.read()"
    fake_local_up(monkeypatch, tmp_path, code)
    with started(tmp_path) as (ready, process):
        assert ready == {"pid": 7}
        assert process.poll() is None


def test_local_environment_that_does_not_start_says_why(monkeypatch, tmp_path):
    fake_local_up(monkeypatch, tmp_path, "import sys; sys.exit('redrive: no module named x')")
    with (
        pytest.raises(LoadError, match="did not start: redrive: no module named x"),
        started(tmp_path),
    ):
        pytest.fail("it is not ready")


def test_local_environment_that_says_nothing_is_ended_at_the_deadline(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "_START_WITHIN_S", 0.01)
    fake_local_up(monkeypatch, tmp_path, "import sys; sys.stdin.read()")
    with (
        pytest.raises(LoadError, match="did not start within"),
        started(tmp_path),
    ):
        pytest.fail("it is not ready")


@pytest.mark.parametrize(("text", "line"), [("", ""), ("a\nb \n\n", "b"), ("\n", "")])
def test_last_line_of_a_log(tmp_path, text, line):
    (tmp_path / "log").write_text(text)
    assert last_line(tmp_path / "log") == line
