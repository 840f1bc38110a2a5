"""The life of a server, with a stand-in for LocalStack."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from redrive.infra.localstack import server as server_module
from redrive.infra.localstack.server import LocalStackError, localstack

pytestmark = pytest.mark.slow


@pytest.fixture
def said():
    return []


@pytest.fixture
def start(said):
    def localstack_of(**more):
        return localstack(progress=said.append, **more)

    return localstack_of


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_server_answers_for_as_long_as_it_is_needed(fake, start, said):
    fake()
    with start() as server:
        assert server.endpoint_url.startswith("http://127.0.0.1:")
        assert (server.version, server.has_plugin) == ("4.13.1", False)
        assert is_there(server.pid)
        assert server.log_path.read_text() == "it has started\n"
    assert not is_there(server.pid)
    assert not server.log_path.parent.exists()
    assert said[0] == "starting LocalStack 4.13.1"
    assert said[1].startswith(f"LocalStack 4.13.1 is at {server.endpoint_url} (")


def test_it_ends_with_an_exception_too(fake, start):
    fake()
    with pytest.raises(KeyError), start() as server:
        raise KeyError
    assert not is_there(server.pid)


def test_plugin_is_found_by_its_route(fake, start):
    fake(plugin=True)
    with start() as server:
        assert server.has_plugin


def test_its_environment_is_its_own(fake, start, monkeypatch, tmp_path):
    written = tmp_path / "written.json"
    fake(f"import json, os\njson.dump(dict(os.environ), open({str(written)!r}, 'w'))\nraise SystemExit('seen')")
    for name in ("AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY", "LOCALSTACK_AUTH_TOKEN", "DEBUG"):
        monkeypatch.setenv(name, "the user's")
    with pytest.raises(LocalStackError, match="seen"), start():
        pass
    variables = json.loads(written.read_text())
    assert [name for name, value in variables.items() if value == "the user's"] == []
    its = {name: variables[name] for name in ("LAMBDA_RUNTIME_EXECUTOR", "PROVIDER_OVERRIDE_DYNAMODB")}
    assert its == {"LAMBDA_RUNTIME_EXECUTOR": "process", "PROVIDER_OVERRIDE_DYNAMODB": "moto"}
    folders = ("HOME", "TMPDIR", "LOCALSTACK_VOLUME_DIR", "PYTHONPATH", "FILESYSTEM_ROOT")
    assert {Path(variables[name]).is_relative_to(variables["HOME"]) for name in folders} == {True}


def test_state_keeps_the_log_and_nothing_else(fake, start, tmp_path):
    fake()
    state = tmp_path / "state"
    with start(state=state) as server:
        assert server.log_path == state / "localstack.log"
    assert [path.name for path in state.iterdir()] == ["localstack.log"]


def test_one_that_ends_while_it_starts_says_its_last_words_in_one_line(fake, start):
    fake("for number in range(9): print('line', number)\nraise SystemExit(3)")
    with pytest.raises(LocalStackError) as caught, start():
        pass
    last = "line 4 | line 5 | line 6 | line 7 | line 8"
    assert str(caught.value) == f"LocalStack ended while it started (exit 3): {last}"


def test_one_that_never_answers_is_given_up(fake, start, monkeypatch, tmp_path):
    pid = tmp_path / "pid"
    fake(f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    monkeypatch.setattr(server_module, "_START_WITHIN_S", 1.0)
    with pytest.raises(LocalStackError, match="did not answer within 1 s: it wrote nothing"), start():
        pass
    assert not is_there(int(pid.read_text()))


def test_port_is_the_one_that_was_named(fake, start):
    fake()
    with start() as first:
        port = int(first.endpoint_url.rpartition(":")[2])
    with start(port=port) as second:
        assert second.endpoint_url == first.endpoint_url
        with pytest.raises(LocalStackError, match=f"port {port} of 127.0.0.1 is taken"), start(port=port):
            pass


def test_port_that_somebody_takes_meanwhile_is_left_to_him(fake, start, monkeypatch):
    fake()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [taken.getsockname()[1]] * 2
        free_port = server_module._free_port
        monkeypatch.setattr(server_module, "_free_port", lambda: ports.pop() if ports else free_port())
        with start() as server:
            assert not server.endpoint_url.endswith(f":{taken.getsockname()[1]}")
    assert ports == []


def test_two_at_once_have_nothing_in_common(fake, start):
    fake()
    with start() as one, start() as other:
        assert len({one.endpoint_url, other.endpoint_url}) == len({one.log_path.parent, other.log_path.parent}) == 2


def test_server_that_somebody_kills_leaves_nothing_behind(fake, start):
    fake()
    with start() as server:
        os.kill(server.pid, signal.SIGKILL)
        give_up = time.monotonic() + 10
        while server.log_path.parent.exists():
            assert time.monotonic() < give_up
            time.sleep(0.02)


@pytest.mark.parametrize("variable", ["LOCALSTACK_ENDPOINT", "AWS_ENDPOINT_URL"])
def test_existing_one_is_used(fake, start, said, monkeypatch, variable):
    fake(plugin=True)
    with start() as theirs:
        monkeypatch.setenv(variable, theirs.endpoint_url)
        with start() as server:
            assert (server.endpoint_url, server.pid, server.has_plugin) == (theirs.endpoint_url, None, True)
        with start(existing=False) as another:
            assert another.endpoint_url != theirs.endpoint_url
        assert is_there(theirs.pid)


def test_existing_endpoint_that_is_no_localstack(start, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    message = "AWS_ENDPOINT_URL=http://127.0.0.1:9 is no LocalStack: unset it, and one is started for you"
    with pytest.raises(LocalStackError) as caught, start():
        pass
    assert str(caught.value) == message
