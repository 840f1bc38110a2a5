"""Locust with its web UI, in a process of its own; and a locustfile whose run is told, not made."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

from ..local_processes import free_port

STARTS_WITHIN_S = 60

TOLD = """
import json
from pathlib import Path

import locust

from redrive.load.reporting.web_ui import install


class Nobody(locust.User):
    @locust.task
    def wait(self):
        import gevent
        gevent.sleep(0.1)


@locust.events.init.add_listener
def on_init(environment, **_):
    install(environment, lambda: json.loads(Path("told.json").read_text()))
    install(environment)  # the second changes nothing
    if environment.web_ui.web_login:
        environment.web_ui.app.secret_key = "testing"
        environment.web_ui.login_manager.user_loader(lambda _: None)
"""
"""What it says of the run is in `told.json`, in its folder."""


def sample(at_s, **more):
    """A look at the queue, as `observing.live` tells it."""
    return {"at_s": at_s, "visible": 0, "in_flight": 0, "delayed": 0, "sent": 0, "processed": 0, **more}


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stays)


def answer_of(url):
    """Status, headers and body of a page; one that leads elsewhere is not followed."""
    try:
        with _opener.open(url, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


@contextmanager
def locust_web_ui(file, *arguments, environment, folder, base_path=""):
    """The address of the web UI of Locust with this locustfile."""
    port = free_port()
    more = ("--web-base-path", base_path) if base_path else ()
    log = folder / "locust.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "locust", "-f", str(file)),
                *("--web-host", "127.0.0.1", "--web-port", str(port), *more, *arguments),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    try:
        url = f"http://127.0.0.1:{port}{base_path}/"
        deadline_s = time.monotonic() + STARTS_WITHIN_S
        while not _answers(url):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline_s, log.read_text()
            time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


def _answers(url):
    try:
        answer_of(url)
    except urllib.error.URLError:
        return False
    return True
