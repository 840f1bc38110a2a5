"""The processes of a run: the local environment, and Locust. Both end when whoever started them does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, Final

__all__ = ["LoadError", "child", "last_line", "local_environment", "locust_command", "only_local"]

# LocalStack may have to be installed first.
_START_WITHIN_S: Final = 300.0
_STOP_WITHIN_S: Final = 15.0
_LOOK_EVERY_S: Final = 1.0
# What could lead elsewhere than to the local endpoint.
_ELSEWHERE: Final = ("AWS_", "LOCALSTACK_ENDPOINT")
_LOCUSTFILE: Final = Path(__file__).with_name("locustfile.py")


class LoadError(Exception):
    """The run could not be made. The message is one line; exit status 2."""


def only_local(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment variables without what could lead elsewhere than to a local stack of our own."""
    kept = {name: value for name, value in environment.items() if not name.startswith(_ELSEWHERE)}
    no_proxy = ",".join(filter(None, ("127.0.0.1", kept.get("no_proxy") or kept.get("NO_PROXY"))))
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


@contextmanager
def child(
    command: Sequence[str], *, log_path: Path, environment: Mapping[str, str], stdout: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process that is ended on the way out: asked first, then killed.

    Its standard input is a pipe that nothing is written to, for it to see us end. It is in a process group of its
    own, so that Ctrl-C is for us alone to act on. What it prints goes to `log_path`.
    """
    with log_path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own modules under our own interpreter
            command,
            stdin=subprocess.PIPE,
            stdout=log if stdout is None else stdout,
            stderr=log,
            text=True,
            env=dict(environment),
            process_group=0,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()


@contextmanager
def local_environment(
    words: Sequence[str],
    *,
    log_path: Path,
    variables: Mapping[str, str],
    say: Callable[[str], object] = lambda _: None,
) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """Runs `redrive local up` with these words, and yields what it says it is, and its process.

    Until then, what it says goes to `say`: to install LocalStack, once, takes a minute.

    Raises LoadError if it ends or says nothing in time.
    """
    command = [sys.executable, "-m", "redrive.scenarios.cli", "local", "up", "--until-stdin-closes", *words]
    # The business key is where our messages have it.
    known = {**variables, "REDRIVE_BUSINESS_KEY_POINTER": "/id"}
    with child(command, log_path=log_path, environment=known, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield _ready(process.stdout, log_path, say), process


def _ready(output: IO[str], log_path: Path, say: Callable[[str], object]) -> dict[str, Any]:
    """The first line that is JSON. The lines after it are read as well: a full pipe would block who writes them."""
    lines: SimpleQueue[str | None] = SimpleQueue()

    def read() -> None:
        with output:
            for line in output:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    deadline_s = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline_s:
        try:
            line = lines.get(timeout=min(_LOOK_EVERY_S, _START_WITHIN_S))
        except Empty:
            if said := last_line(log_path):
                say(said)
            continue
        if line is None:
            raise LoadError(f"the local stack did not start: {last_line(log_path) or 'it said nothing'}")
        if line.startswith("{"):
            ready: dict[str, Any] = json.loads(line)
            return ready
    raise LoadError(f"the local stack did not start within {_START_WITHIN_S:.0f} s")


def locust_command(words: Sequence[str]) -> list[str]:
    """The command that runs Locust with our locustfile and these arguments."""
    return [sys.executable, "-m", "locust", f"--locustfile={_LOCUSTFILE}", *words]


def last_line(log_path: Path) -> str:
    """The last thing that a process said; empty if it said nothing."""
    lines = log_path.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
