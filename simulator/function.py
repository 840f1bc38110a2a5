"""The Lambda function as the mapping sees it: how an invocation ends, and the environments that it runs in."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

__all__ = ["Ending", "ExecutionEnvironments", "Lease", "Outcome", "crashed", "timed_out"]


class Ending(StrEnum):
    """How an invocation ended (E23)."""

    RETURNED = "returned"
    RAISED = "raised"
    TIMED_OUT = "timed out"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an invocation came to.

    ``payload`` is the JSON text of the response, or of the error (``errorMessage``, ``errorType``, …) unless the
    function returned. ``duration_ms`` is how long it still took after the call that gave this value: 0 for a
    function that moves the clock itself.
    """

    ending: Ending
    payload: str | None = None
    duration_ms: int = 0


def timed_out(request_id: str, timeout_s: int) -> Outcome:
    """A function that ran into its timeout: its process is ended (E23)."""
    return _error(
        Ending.TIMED_OUT,
        "Sandbox.Timedout",
        f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds",
    )


def crashed(request_id: str, signal: str = "signal: killed") -> Outcome:
    """A function whose process died (E23)."""
    return _error(
        Ending.CRASHED, "Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited with error: {signal}"
    )


def _error(ending: Ending, error_type: str, message: str) -> Outcome:
    return Outcome(ending=ending, payload=json.dumps({"errorType": error_type, "errorMessage": message}))


class Lease(NamedTuple):
    """An execution environment lent to one invocation. ``cold`` on its first."""

    environment: int
    cold: bool


class ExecutionEnvironments:
    """Which execution environment an invocation gets (E24).

    One invocation at a time in each; the one used last is used again; one that timed out or crashed is gone, and
    ``on_discard`` is told its number.
    """

    def __init__(self, on_discard: Callable[[int], None] = lambda _: None) -> None:
        self._idle: list[int] = []
        self._made = 0
        self._on_discard = on_discard

    def lend(self) -> Lease:
        """An idle environment, or a new one."""
        if self._idle:
            return Lease(self._idle.pop(), cold=False)
        self._made += 1
        return Lease(self._made, cold=True)

    def give_back(self, environment: int, ending: Ending) -> None:
        """Return an environment after its invocation; the process is gone after a timeout or a crash."""
        if ending in {Ending.TIMED_OUT, Ending.CRASHED}:
            self._on_discard(environment)
        else:
            self._idle.append(environment)
