"""Processes of this machine, `redrive local` above all, their ports, and what is left of them."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

GONE_WITHIN_S = 10
_PAUSE_S = 0.05


def local_command(*words):
    """What runs `redrive local`."""
    return [sys.executable, "-m", "redrive.scenarios.cli", "local", *words]


def import_path():
    """A PYTHONPATH with which another process can import what this one can."""
    return os.pathsep.join(sys.path)


@contextmanager
def local_up(*words, stdin=subprocess.DEVNULL, **environment):
    """`redrive local up`; it is in a process group of its own, as it is in a terminal."""
    with subprocess.Popen(
        local_command("up", *words),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": import_path(), **environment},
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said_by(process):
    """What the process says of itself once it is ready."""
    for line in process.stdout:
        if line.startswith("{"):
            return json.loads(line)
    return pytest.fail(process.stderr.read())


def descendants(pid):
    """The processes below one, as far as they are its children and theirs."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # one that ends meanwhile
            for child in map(int, children.read_text().split()):
                found += [child, *descendants(child)]
    return found


def alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def free_port():
    """A port that nobody listens at, for a process that is to be told one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def listens(url):
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=5).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return False
    return True


def until(condition, what, *, within_s=GONE_WITHIN_S):
    give_up_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up_s, f"not within {within_s} s: {what}"
        time.sleep(_PAUSE_S)


def assert_nothing_is_left(endpoint_url, pids):
    until(lambda: not any(map(alive, pids)), f"none is left of the processes {pids}")
    until(lambda: not listens(endpoint_url), f"nobody listens at {endpoint_url}")
