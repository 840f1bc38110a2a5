"""The processes of a run: the local environment, and Locust. Both end when whoever started them does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, Final

__all__ = ["LoadError", "child", "last_line", "local_environment", "locust_command", "only_local"]

_START_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 15.0
_NOT_OURS: Final = ("AWS_", "LOCUST_", "REDRIVE_LOAD_")
_LOCUSTFILE: Final = Path(__file__).with_name("locustfile.py")


class LoadError(Exception):
    """The run could not be made. The message is one line; exit status 2."""


def only_local(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment variables without what could lead elsewhere than to the local endpoint, or change Locust."""
    kept = {name: value for name, value in environment.items() if not name.startswith(_NOT_OURS)}
    no_proxy = ",".join(filter(None, ("127.0.0.1", kept.get("no_proxy") or kept.get("NO_PROXY"))))
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


@contextmanager
def child(
    command: Sequence[str], *, log_path: Path, environment: Mapping[str, str] | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process that is ended on the way out: asked first, then killed.

    Its standard input is a pipe that nothing is written to, for it to see us end. It is in a process group of its
    own, so that Ctrl-C is for us alone to act on. What it prints goes to `log_path`; `environment` is added to ours.
    """
    with log_path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own modules under our own interpreter
            command,
            stdin=subprocess.PIPE,
            stdout=log if stdout is None else stdout,
            stderr=log,
            text=True,
            env={**os.environ, **(environment or {})},
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
def local_environment(options: Sequence[str], *, folder: Path) -> Iterator[dict[str, Any]]:
    """Runs `redrive local up` with these options, and yields what it says it is.

    Raises LoadError if it ends or says nothing in time.
    """
    log_path = folder / "local.log"
    command = [sys.executable, "-m", "redrive.scenarios.cli", "local", "up", "--until-stdin-closes", *options]
    # The business key is where our messages have it.
    key = {"REDRIVE_BUSINESS_KEY_POINTER": "/id"}
    with child(command, log_path=log_path, environment=key, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield _ready(process.stdout, log_path)


def _ready(output: IO[str], log_path: Path) -> dict[str, Any]:
    """The first line that is JSON. The lines after it are read as well: a full pipe would block who writes them."""
    lines: SimpleQueue[str | None] = SimpleQueue()

    def read() -> None:
        with output:
            for line in output:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    try:
        while (line := lines.get(timeout=_START_WITHIN_S)) is not None:
            if line.startswith("{"):
                ready: dict[str, Any] = json.loads(line)
                return ready
    except Empty:
        raise LoadError(f"the local environment did not start within {_START_WITHIN_S:.0f} s") from None
    raise LoadError(f"the local environment did not start: {last_line(log_path)}")


def locust_command(
    ready: Mapping[str, Any],
    *,
    users: int,
    seconds: int,
    batch_size: int,
    batches_per_second: float,
    poison_rate: float,
    summary_path: Path,
) -> list[str]:
    """The command that runs Locust headless on the queue of `ready`, and on nothing else."""
    values = {
        "--locustfile": _LOCUSTFILE,
        "--users": users,
        "--spawn-rate": users,
        "--run-time": f"{seconds}s",
        "--queue-url": ready["queue_url"],
        "--endpoint-url": ready["endpoint_url"],
        "--region": ready["region"],
        "--batch-size": batch_size,
        "--batches-per-second": batches_per_second,
        "--poison-rate": poison_rate,
        "--summary-file": summary_path,
    }
    words = [str(word) for pair in values.items() for word in pair]
    return [sys.executable, "-m", "locust", "--headless", "--only-summary", "--until-stdin-closes", *words]


def last_line(log_path: Path) -> str:
    """The last thing that a process said."""
    lines = log_path.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
