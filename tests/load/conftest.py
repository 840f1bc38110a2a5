"""Locust runs in processes of its own: it changes the interpreter that imports it."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import redrive.load
from redrive.fixtures.moto_server import moto_server

from ..local_processes import free_port

LOCUSTFILE = Path(redrive.load.__file__).with_name("locustfile.py")
TIMEOUT_S = 90


@dataclass
class Ran:
    status: int
    output: str
    summary: dict


@pytest.fixture(scope="session")
def moto_url():
    with moto_server() as url:
        yield url


@pytest.fixture
def environment():
    """What a process of ours needs; nothing that could lead away from 127.0.0.1."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCUST_"))}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
        # Several masters at a time, of as many tests.
        **dict.fromkeys(("LOCUST_MASTER_BIND_PORT", "LOCUST_MASTER_NODE_PORT"), str(free_port())),
    }


@pytest.fixture
def start_locust(environment, tmp_path):
    """Starts plain Locust with our locustfile, headless. A variable that is None is taken away."""

    @contextmanager
    def start(*arguments, file=LOCUSTFILE, **variables):
        ours = {"REDRIVE_LOAD_SUMMARY_FILE": str(tmp_path / "summary.json"), "REDRIVE_LOAD_OBSERVE": "none"}
        wanted = {**environment, **ours, **variables}
        process = subprocess.Popen(
            [sys.executable, "-m", "locust", "-f", str(file), "--headless", "--only-summary", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env={name: value for name, value in wanted.items() if value is not None},
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    return start


@pytest.fixture
def locust(start_locust, tmp_path):
    """Runs Locust to its end."""

    def run(*arguments, **variables):
        with start_locust(*arguments, **variables) as process:
            output, _ = process.communicate(timeout=TIMEOUT_S)
        path = tmp_path / "summary.json"
        return Ran(process.returncode, output, json.loads(path.read_text()) if path.exists() else {})

    return run


class FakeQueue(ThreadingHTTPServer):
    """Answers SendMessageBatch as it is told to, and remembers every entry that it was sent."""

    daemon_threads = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.entries = []
        self.arrived = threading.Event()
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.queue_url = f"{self.url}/123456789012/orders"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["X-Amz-Target"] == "AmazonSQS.SendMessageBatch"
        entries = json.loads(body)["Entries"]
        self.server.entries.append(entries)
        self.server.arrived.set()
        answer = self.server.answer(self.server, entries)
        if answer is None:
            self.close_connection = True
            return
        status, value = answer
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def accepted(entries):
    return [{"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "x"} for entry in entries]


@pytest.fixture
def fake_queue():
    """A queue made of a function from server and entries to (status, answer), or None to hang up."""
    servers = []

    def make(answer=lambda _, entries: (200, {"Successful": accepted(entries)})):
        server = FakeQueue(answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    yield make
    for server in servers:
        server.released.set()
        server.shutdown()
        server.server_close()


def marks_of(batches):
    """Run, sender, number and time of every message that was sent, in order."""
    return [entry["MessageAttributes"]["redrive_load"]["StringValue"] for batch in batches for entry in batch]


def until(condition, what, *, within_s=TIMEOUT_S):
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {what}"
