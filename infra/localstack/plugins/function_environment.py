"""One execution environment of a function: its process in our runtime `process`, recorded if the function asks."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from redrive.fixtures.runtimes.process import Beginning, Command, Function, ProcessEnvironment
from redrive.fixtures.runtimes.runtime import RuntimeResult, RuntimeUnavailable

from .recorder import RECORDER_URL, Ending, Recorder

__all__ = ["FUNCTION_PYTHON", "Configuration", "FunctionEnvironment", "command_for", "ending_of", "log_of"]

FUNCTION_PYTHON: Final = "REDRIVE_FUNCTION_PYTHON"
"""The variable of LocalStack's process that names the interpreter for Python functions; it has ``awslambdaric``."""

_CLIENT: Final = "awslambdaric"
_BOOTSTRAP: Final = "bootstrap"
# What LocalStack sets for what runs in its containers.
_OF_CONTAINERS: Final = ("LAMBDA_RUNTIME_DIR", "LOCALSTACK_RUNTIME_ENDPOINT", "AWS_EXECUTION_ENV")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A version of a function, as far as its environments need it. ``variables`` are all that its process gets."""

    name: str
    version: str
    region: str
    account_id: str
    runtime: str
    handler: str
    timeout_s: int
    memory_mb: int
    folder: Path
    log_stream: str
    variables: Mapping[str, str] = field(default_factory=dict)


class _Numbers:
    """Counts the execution environments of each function, from 1."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str, str], int] = {}

    def next(self, account_id: str, region: str, name: str) -> int:
        with self._lock:
            number = self._last.get((account_id, region, name), 0) + 1
            self._last[account_id, region, name] = number
        return number


_NUMBERS: Final = _Numbers()


class FunctionEnvironment:
    """An execution environment: cold at first and after a timeout or a crash, warm otherwise (E24)."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._recorder = Recorder(url=configuration.variables.get(RECORDER_URL))
        self._process = ProcessEnvironment(command_for(configuration), _function(configuration))
        self._number = 0
        self._closed = False

    def invoke(self, event: str, *, request_id: str) -> RuntimeResult:
        """Run the function and wait for it; ``event`` is JSON text.

        Raises :class:`RuntimeUnavailable` if its process cannot be started.
        """
        try:
            result = self._process.invoke(
                event.encode(),
                request_id=request_id,
                timeout_s=self._configuration.timeout_s,
                on_begin=lambda beginning: self._began(beginning, event, request_id),
            )
        finally:
            # Whoever closes it during an invocation has that one's process ended, and may see another begin.
            if self._closed:
                self._process.close()
        self._recorder.ended(request_id, ending_of(result), result.payload)
        return result

    def close(self) -> None:
        """End the process, also during an invocation."""
        self._closed = True
        self._process.close()

    def _began(self, beginning: Beginning, event: str, request_id: str) -> None:
        its = self._configuration
        if beginning.cold:
            self._number = _NUMBERS.next(its.account_id, its.region, its.name)
        said = {
            "function": its.name,
            "request_id": request_id,
            "environment": self._number,
            "cold": beginning.cold,
            "pid": beginning.pid,
            "timeout_s": its.timeout_s,
        }
        self._recorder.began(said, event)


def command_for(configuration: Configuration) -> Command:
    """What runs the function: AWS's runtime interface client for Python, ``bootstrap`` for a runtime of its own.

    Raises :class:`RuntimeUnavailable` for other runtimes, and if nobody said which interpreter is to run Python.
    """
    folder, runtime = configuration.folder, configuration.runtime
    if runtime.startswith("provided"):
        return Command(arguments=(str(folder / _BOOTSTRAP),), handler=configuration.handler, task_root=folder)
    if not runtime.startswith("python"):
        raise RuntimeUnavailable(f"no process can run {runtime!r} here: only python and provided runtimes")
    python = os.environ.get(FUNCTION_PYTHON)
    if not python:
        raise RuntimeUnavailable(f"{FUNCTION_PYTHON} does not say which interpreter runs functions")
    return Command(
        arguments=(python, "-m", _CLIENT, configuration.handler),
        handler=configuration.handler,
        task_root=folder,
        variables={"PYTHONPATH": str(folder), "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}"},
    )


def ending_of(result: RuntimeResult) -> Ending:
    """The result in the recorder's words."""
    if result.timed_out:
        return Ending.TIMED_OUT
    if result.exited:
        return Ending.CRASHED
    return Ending.RAISED if result.function_error else Ending.RETURNED


def log_of(result: RuntimeResult, *, request_id: str, version: str, memory_mb: int) -> str:
    """What the function wrote, between the lines that Lambda writes around each invocation."""
    output = result.output if not result.output or result.output.endswith("\n") else f"{result.output}\n"
    duration_ms = max(1, result.duration_ms)
    failed = ""
    if result.timed_out or result.exited:
        failed = f"{request_id} {result.payload}\n"
    return (
        f"START RequestId: {request_id} Version: {version}\n{output}{failed}END RequestId: {request_id}\n"
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms}.00 ms\tBilled Duration: {duration_ms} ms\t"
        f"Memory Size: {memory_mb} MB\n"
    )


def _function(configuration: Configuration) -> Function:
    variables = {name: value for name, value in configuration.variables.items() if name not in _OF_CONTAINERS}
    return Function(
        name=configuration.name,
        version=configuration.version,
        region=configuration.region,
        account_id=configuration.account_id,
        memory_mb=configuration.memory_mb,
        log_stream=configuration.log_stream,
        variables=variables,
    )
