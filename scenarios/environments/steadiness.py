"""Runs in real time on a machine that may be busy with other things: what it was too slow for is run again."""

import os
from collections.abc import Callable

from ..errors import EnvironmentFailed
from ..history import History
from ..plan import Kind

__all__ = ["is_disturbed", "load_of_a_core", "steady"]

_RUNS_MOST = 3
_LOAD_MOST = 4.0
"""With so many processes at a time for each core, timeouts say nothing about the handler."""


def load_of_a_core() -> float:
    """How many processes were ready to run for each core, on average of the last minute."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def steady(run: Callable[[], History], load: Callable[[], float] = load_of_a_core) -> History:
    """The first run that nothing disturbed, or the last of a few: what a handler does by itself it does again.

    Raises :class:`EnvironmentFailed` if all were disturbed and the machine is too busy to tell.
    """
    for _ in range(_RUNS_MOST):
        history = run()
        if not is_disturbed(history):
            return history
    if load() > _LOAD_MOST:
        raise EnvironmentFailed(
            f"the machine is too busy to wait for timeouts on it, with {load():.0f} processes at a time for each core: "
            "run fewer at once (--jobs)"
        )
    return history


def is_disturbed(history: History) -> bool:
    """Whether an invocation that no fault struck neared its timeout, and a good message came back for it."""
    slow_ms = history.queue.function_timeout_s * 1000 / 2
    return any(
        not invocation.faults
        and invocation.ended_ms is not None
        and invocation.ended_ms - invocation.began_ms >= slow_ms
        and any(
            message_id in invocation.failed and history.by_message_id[message_id].message.kind is Kind.VALID
            for message_id in invocation.message_ids
        )
        for invocation in history.invocations.values()
    )
