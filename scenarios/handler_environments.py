"""A handler in this process as the simulator's function: execution environments by number, results as outcomes."""

from redrive.fixtures.runtimes.in_process import ExecutionEnvironment, InvocationResult
from redrive.simulator.function import Ending, Outcome

from .target import SHARED_MODULES, HandlerOf

__all__ = ["HandlerEnvironments", "outcome_of"]


class HandlerEnvironments:
    """The handler's execution environments, made when they are first asked for."""

    def __init__(self, handler: HandlerOf) -> None:
        self._handler = handler
        self._made: dict[int, ExecutionEnvironment] = {}

    def get(self, number: int) -> ExecutionEnvironment:
        """The environment of this number."""
        if number not in self._made:
            self._made[number] = ExecutionEnvironment(self._handler, shared=SHARED_MODULES)
        return self._made[number]

    def discard(self, number: int) -> None:
        """Forget an environment that timed out or crashed (E24)."""
        self._made.pop(number, None)


def outcome_of(result: InvocationResult) -> Outcome:
    """How the mapping sees what a handler gave (E23)."""
    if result.exited:
        return Outcome(ending=Ending.CRASHED, payload=result.payload)
    return Outcome(ending=Ending.RAISED if result.function_error else Ending.RETURNED, payload=result.payload)
