"""`redrive local status` and `down`, and `up --detach`: what runs is known, and nothing of it is left."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from redrive.scenarios import local_state
from redrive.scenarios.errors import EnvironmentFailed
from redrive.scenarios.local_state import end, recorded, running

from ...local_processes import (
    GONE_WITHIN_S,
    alive,
    assert_nothing_is_left,
    descendants,
    free_port,
    import_path,
    local_command,
    until,
)

WITHIN_S = 60
SOMEWHERE = {
    "environment": "moto",
    "endpoint_url": "http://127.0.0.1:1",
    "queue_url": "http://127.0.0.1:1/123456789012/orders",
    "dlq_url": "http://127.0.0.1:1/123456789012/orders-dlq",
    "table_name": "orders",
}


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """A folder for state that no other test has. What still runs in the end is killed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", import_path())
    for name in ("AWS_ENDPOINT_URL", "LOCALSTACK_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path / "state" / "redrive" / "local"
    for entry in running():
        os.kill(entry.pid, signal.SIGKILL)


def redrive_local(*words):
    return subprocess.run(
        local_command(*words),
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )


def detached(*words):
    """What `up --detach` says of itself."""
    done = redrive_local("up", "--detach", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_what_was_left_in_the_background_is_listed_and_ended(state):
    port = free_port()
    ready = detached("--fifo", "--port", str(port))
    assert ready["endpoint_url"] == f"http://127.0.0.1:{port}"
    assert ready["queue_url"].endswith(".fifo")
    children = descendants(ready["pid"])
    listed = redrive_local("status", "--json")
    assert json.loads(listed.stdout) == [ready]
    assert (
        f"queue {ready['queue_url']}, process {ready['pid']}, since {ready['since']}" in redrive_local("status").stdout
    )
    ended = redrive_local("down")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"ended moto at {ready['endpoint_url']}")
    assert_nothing_is_left(ready["endpoint_url"], [ready["pid"], *children])
    assert list(state.iterdir()) == []


@pytest.mark.slow
def test_killed_it_is_gone_with_all_that_it_started(state):
    ready = detached()
    children = descendants(ready["pid"])
    assert children
    assert (state / f"{ready['pid']}.log").is_file()
    os.kill(ready["pid"], signal.SIGKILL)
    assert_nothing_is_left(ready["endpoint_url"], [ready["pid"], *children])
    assert redrive_local("status").stdout == "nothing runs; redrive local up starts something\n"
    assert list(state.iterdir()) == []


@pytest.mark.slow
def test_several_are_not_ended_by_chance():
    first, second = detached(), detached()
    refused = redrive_local("down")
    assert refused.returncode == 2
    assert refused.stderr == f"redrive: 2 run: say --all, or --pid with one of {first['pid']}, {second['pid']}\n"
    one = redrive_local("down", "--pid", str(first["pid"]))
    assert (one.returncode, one.stdout.count("ended")) == (0, 1)
    assert [entry.pid for entry in running()] == [second["pid"]]
    assert redrive_local("down", "--all").stdout.count("ended") == 1
    assert running() == []


def test_nothing_that_runs_is_said_and_is_no_error():
    done = redrive_local("down")
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing runs\n", "")
    assert redrive_local("status", "--json").stdout == "[]\n"


def test_process_of_somebody_else_is_not_ended(state):
    done = redrive_local("down", "--pid", str(os.getpid()))
    assert done.returncode == 2
    assert done.stderr == (
        f"redrive: nothing of ours runs as process {os.getpid()}: redrive local status lists what does\n"
    )


def test_what_cannot_start_is_one_line_and_leaves_nothing(state):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = redrive_local("up", "--detach", "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"redrive: port {port} of 127.0.0.1 is taken, or not for you\n"
    assert list(state.iterdir()) == []


def test_without_a_folder_for_state_nothing_is_left_in_the_background(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    done = redrive_local("up", "--detach")
    assert done.returncode == 2
    assert done.stderr.startswith("redrive: cannot write in ")


class TestState:
    def test_process_is_known_while_it_runs(self, state):
        with recorded(**SOMEWHERE) as entry:
            assert running() == [entry]
            assert entry.pid == os.getpid()
            assert "process_start" not in entry.as_json()
        assert running() == []

    def test_another_process_of_the_same_number_is_not_taken_for_it(self, state):
        with recorded(**SOMEWHERE) as entry:
            path = state / f"{entry.pid}.json"
            path.write_text(json.dumps(asdict(replace(entry, process_start="1"))))
            assert running() == []
            assert not path.exists()

    @pytest.mark.parametrize("text", ["", "{}", '{"pid": 1}', "[]", "\x00"])
    def test_file_that_is_none_of_ours_is_removed(self, state, text):
        state.mkdir(parents=True)
        (state / "77.json").write_text(text)
        assert running() == []
        assert list(state.iterdir()) == []

    def test_folder_that_cannot_be_written_is_said(self, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
        with pytest.raises(EnvironmentFailed, match="cannot write"), recorded(**SOMEWHERE):
            pass

    def test_process_that_does_not_listen_is_killed_with_its_group(self, state):
        code = (
            "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
            "print(child.pid, flush=True); time.sleep(600)"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            child = int(process.stdout.readline())
            with recorded(**SOMEWHERE) as mine:
                entry = replace(mine, pid=process.pid, process_start=local_state._start_of(process.pid))
                assert end(entry, within_s=0.2) is False
            assert process.wait(GONE_WITHIN_S) == -signal.SIGKILL
            until(lambda: not alive(child), "its child is gone")

    def test_process_that_is_gone_already_is_ended(self):
        with recorded(**SOMEWHERE) as mine:
            entry = replace(mine, pid=2**22 - 1, process_start="1")
        assert end(entry, within_s=0.1) is True
