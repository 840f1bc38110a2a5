"""`redrive load --on moto`: from nothing to an account that balances, and nothing left."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import TIMEOUT_S, until


@pytest.fixture
def load(environment, tmp_path):
    """Starts a load run in a process group of its own, as in a terminal."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "redrive.scenarios.cli", "load", "--on", "moto", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**environment, "AWS_PROFILE": "no-such-profile", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            process_group=0,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def descendants(pid):
    """The pids of a process's children, and of theirs."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [pid for child in children for pid in descendants(child)]


def alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def wait_for(process, text):
    """Reads what a process tells of its progress until it says this."""
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"it never said {text!r}")


def test_account_balances_and_the_report_is_written(load, tmp_path):
    process = load("-t", "5s", "--poison-rate", "0.1", "--batch-size", "5", "--report", "report")
    output, progress = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, output + progress
    record = json.loads((tmp_path / "report" / "report.json").read_text())
    account = record["account"]
    assert account["sent"] == account["processed"] + account["dead_lettered"] > 0
    assert account["dead_lettered"] == record["counts"]["poison"] > 0
    assert (account["left"], account["difference"], account["problem"]) == (0, 0, None)
    assert (record["environment"], record["observer"]) == ("moto", "reply")
    assert "this ran on moto" in (tmp_path / "report" / "report.html").read_text()
    assert str(account["sent"]) in output


def test_ctrl_c_leaves_nothing(load):
    process = load("-t", "60s")
    wait_for(process, "All users spawned")
    left = descendants(process.pid)
    assert len(left) >= 3  # local environment, its server, Locust
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "redrive: stopped"
    assert not any(alive(pid) for pid in left)


def test_kill_leaves_nothing(load):
    process = load("-t", "60s")
    wait_for(process, "All users spawned")
    left = descendants(process.pid)
    assert len(left) >= 3
    process.kill()
    until(lambda: not any(alive(pid) for pid in left), "no process is left", within_s=15)


def test_stack_that_goes_away_is_status_2_and_one_line(load):
    process = load("-t", "8s", "--drain", "2")
    wait_for(process, "All users spawned")
    environment = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    os.kill(environment, signal.SIGKILL)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 2
    assert errors.splitlines()[-1].startswith("redrive: the local stack ended in the middle")
    assert "Traceback" not in errors
