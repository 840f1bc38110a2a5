"""LocalStack in a process group of its own, with our plugins, for as long as somebody needs it.

Nothing of it is left behind: neither at the end, nor if this process is killed. Its files are in a temporary folder.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit

from redrive.fixtures.runtimes.runtime import RuntimeUnavailable
from redrive.fixtures.runtimes.supervised import SupervisedProcess
from redrive.fixtures.this_machine import is_on_this_machine

from .installation import (
    InstallationError,
    function_python,
    localstack_python,
    pinned_version,
    write_filesystem,
    write_plugins,
)
from .plugins.entry_points import PLUGIN_PATH
from .plugins.function_environment import FUNCTION_PYTHON

__all__ = ["ENDPOINT_VARIABLES", "LocalStackError", "Server", "existing_server", "localstack"]

ENDPOINT_VARIABLES: Final = ("LOCALSTACK_ENDPOINT", "AWS_ENDPOINT_URL")
"""Where an endpoint that is there already is looked for, in this order."""

_HOST: Final = "127.0.0.1"
_HEALTH_PATH: Final = "/_localstack/health"
_LOG: Final = "localstack.log"
_START_WITHIN_S: Final = 120.0
_ANSWER_WITHIN_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.1
_TRIES: Final = 3
_PORT_TAKEN: Final = "in use"
_LINES_SHOWN: Final = 5

Progress = Callable[[str], object]


class LocalStackError(Exception):
    """There is no LocalStack. One line that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A LocalStack that answers. ``pid`` is its process group's number, None if it was there already.

    Without ``has_plugin`` its functions need Docker, and its mappings are as LocalStack's are. ``log_path`` is where it
    writes, None if it was there already.
    """

    endpoint_url: str
    version: str
    pid: int | None
    has_plugin: bool
    log_path: Path | None = None


@contextlib.contextmanager
def localstack(
    *, port: int | None = None, progress: Callable[[str], object], existing: bool = True, state: Path | None = None
) -> Iterator[Server]:
    """A LocalStack on 127.0.0.1, on ``port`` or a free one; it ends with the context, or with this process.

    With ``existing``, one that the environment names (`ENDPOINT_VARIABLES`) is used as it is. Its environment is
    installed first if need be, which ``progress`` is told of, line by line. ``state`` is a folder that keeps its log.

    Raises :class:`LocalStackError`.
    """
    found = existing_server() if existing else None
    if found is not None:
        progress(f"LocalStack {found.version} is at {found.endpoint_url} already")
        yield found
        return
    try:
        python, for_functions = localstack_python(progress), function_python(progress)
    except InstallationError as error:
        raise LocalStackError(str(error)) from error
    progress(f"starting LocalStack {pinned_version()}")
    begun_s = time.monotonic()
    process, server = _started(python, for_functions, port, state)
    try:
        progress(f"LocalStack {server.version} is at {server.endpoint_url} ({time.monotonic() - begun_s:.1f} s)")
        yield server
    finally:
        process.close()


def existing_server() -> Server | None:
    """The LocalStack that the environment names, if it names one.

    Raises :class:`LocalStackError` if what it names is none, or does not answer.
    """
    for variable in ENDPOINT_VARIABLES:
        url = os.environ.get(variable, "").rstrip("/")
        if url:
            health = _get(url + _HEALTH_PATH)
            if not isinstance(health, dict) or "services" not in health:
                raise LocalStackError(f"{variable}={url} is no LocalStack: unset it, and one is started for you")
            return _server(url, health, pid=None, log_path=None)
    return None


def _started(
    python: Path, for_functions: Path, port: int | None, state: Path | None
) -> tuple[SupervisedProcess, Server]:
    for attempt in range(_TRIES):
        try:
            return _start(python, for_functions, port or _free_port(), state)
        except _PortTaken as error:
            # Somebody else has taken it since it was found to be free.
            if port is not None or attempt == _TRIES - 1:
                raise LocalStackError(str(error)) from error
    raise AssertionError("the last try returns or raises")


class _PortTaken(Exception):
    pass


def _start(python: Path, for_functions: Path, port: int, state: Path | None) -> tuple[SupervisedProcess, Server]:
    if not _is_free(port):
        raise _PortTaken(f"port {port} of {_HOST} is taken: name another, or none for a free one")
    with contextlib.ExitStack() as opened:
        logs: list[IO[bytes]] = []

        def environment(scratch: Path) -> dict[str, str]:
            folder = (state or scratch).resolve()
            folder.mkdir(parents=True, exist_ok=True)
            # Open from the beginning to the end: the folder goes with the process, and its last words are wanted.
            logs.append(opened.enter_context((folder / _LOG).open("w+b")))
            _fill(scratch, python)
            return _variables(scratch, port=port, for_functions=for_functions, log=folder / _LOG)

        try:
            process = SupervisedProcess(
                ("/bin/sh", "-c", 'exec "$0" -m localstack.runtime.main >>"$REDRIVE_LOG" 2>&1', str(python)),
                environment=environment,
                folder=Path("/"),
                memory_limit_bytes=0,
                on_end=lambda: None,
            )
        except (OSError, RuntimeUnavailable) as error:
            raise LocalStackError(f"LocalStack cannot be started: {error}") from error
        try:
            url = f"http://{_HOST}:{port}"
            health = _wait_for_health(url, process, logs[0])
            return process, _server(url, health, pid=process.pid, log_path=Path(str(logs[0].name)))
        except BaseException:
            process.close()
            raise


def _fill(scratch: Path, python: Path) -> None:
    write_plugins(scratch / "plugins")
    write_filesystem(python, scratch / "filesystem")
    for folder in ("tmp", "volume"):
        (scratch / folder).mkdir()


def _variables(scratch: Path, *, port: int, for_functions: Path, log: Path) -> dict[str, str]:
    """All that LocalStack's process gets: nothing of the user's but PATH, so no credentials, profiles or proxies."""
    address = f"{_HOST}:{port}"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(scratch),
        "TMPDIR": str(scratch / "tmp"),
        "PYTHONPATH": str(scratch / "plugins"),
        "PYTHONUNBUFFERED": "1",
        "REDRIVE_LOG": str(log),
        FUNCTION_PYTHON: str(for_functions),
        "LOCALSTACK_VOLUME_DIR": str(scratch / "volume"),
        # In a container, too, it is to stay out of the folders that it has in its own.
        "OVERRIDE_IN_DOCKER": "0",
        "FILESYSTEM_ROOT": str(scratch / "filesystem"),
        "GATEWAY_LISTEN": address,
        # Queue URLs that need no name server.
        "LOCALSTACK_HOST": address,
        "SQS_ENDPOINT_STRATEGY": "path",
        "DNS_ADDRESS": "0",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "PROVIDER_OVERRIDE_DYNAMODB": "moto",
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.05",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.2",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "1",
        "SQS_CLOUDWATCH_METRICS_REPORT_INTERVAL": "3",
        # Off by default, and then S13 does not hold.
        "SQS_ENABLE_MESSAGE_RETENTION_PERIOD": "1",
    }


def _wait_for_health(url: str, process: SupervisedProcess, log: IO[bytes]) -> dict[str, Any]:
    give_up_s = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < give_up_s:
        health = _get(url + _HEALTH_PATH)
        if process.ending is not None:
            last = _last_lines(log)
            if _PORT_TAKEN in last:
                raise _PortTaken(f"LocalStack did not get port {urlsplit(url).port}: {last}")
            raise LocalStackError(f"LocalStack ended while it started ({process.ending}): {last}")
        if isinstance(health, dict) and "services" in health:
            return health
        time.sleep(_LOOK_EVERY_S)
    raise LocalStackError(f"LocalStack did not answer within {_START_WITHIN_S:.0f} s: {_last_lines(log)}")


def _server(url: str, health: dict[str, Any], *, pid: int | None, log_path: Path | None) -> Server:
    return Server(
        endpoint_url=url,
        version=str(health.get("version", "of an unknown version")),
        pid=pid,
        has_plugin=isinstance(_get(url + PLUGIN_PATH), dict),
        log_path=log_path,
    )


def _get(url: str) -> Any:
    """What a URL answers, as JSON data; None if it does not."""
    proxies: dict[str, str] | None = {} if is_on_this_machine(url) else None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))
    try:
        with opener.open(url, timeout=_ANSWER_WITHIN_S) as response:
            return json.load(response)
    except (OSError, ValueError, http.client.HTTPException, urllib.error.URLError):
        return None


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((_HOST, 0))
        port: int = one.getsockname()[1]
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((_HOST, port))
        except OSError:
            return False
    return True


def _last_lines(log: IO[bytes]) -> str:
    """The last of what it wrote, in one line."""
    log.seek(0)
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-_LINES_SHOWN:]) or "it wrote nothing"
