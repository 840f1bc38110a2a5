"""What a run needs of whoever runs the handler; and the handlers that run in this process."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from redrive.fixtures.runtimes.in_process import ExecutionEnvironment
from redrive.simulator.function import Outcome

from ..handler_environments import HandlerEnvironments, outcome_of
from ..target import HandlerOf
from .in_progress import InProgress
from .virtual_time import virtual_time

__all__ = ["Handler", "Handlers", "InsideHandlers"]


class Handler(Protocol):
    """The handler in one execution environment."""

    def begin(self, mine: InProgress) -> None:
        """What it calls from now on is this invocation's."""

    def prepare(self) -> None:
        """Start it if it has not been started: what that takes is not of the invocation's time (E24)."""

    def invoke(self, event: Mapping[str, Any], context: Any) -> Outcome:
        """Run it and wait for it."""

    def enter(self) -> None:
        """Another one may have run since: put what is this one's in place."""

    def leave(self) -> None:
        """Another one may run next."""


class Handlers(Protocol):
    """The handler in all its execution environments, and time as they have it."""

    busy_s: float | None
    """How long, in real time, the handler may be silent; None for the default."""

    passes: Callable[[int, int], None] | None
    """Called with two virtual times before the clock goes from one to the other."""

    def get(self, number: int) -> Handler:
        """The one in the execution environment of this number, which is made when it is first asked for."""

    def discard(self, number: int) -> None:
        """The execution environment timed out or crashed (E24)."""

    def close(self) -> None:
        """The run is over."""

    def clock(
        self, now_ms: Callable[[], int], sleep: Callable[[float], None]
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Have handlers see ``now_ms()`` and sleep by ``sleep``, if they can; gives what sets their wall clock."""


class InsideHandler:
    """A handler in this process."""

    def __init__(self, environment: ExecutionEnvironment) -> None:
        self._environment = environment
        self.enter = environment.enter
        self.leave = environment.leave

    def begin(self, mine: InProgress) -> None:
        """Its thread tells whose its calls are."""

    def prepare(self) -> None:
        """Import it."""
        # What fails here fails in the invocation as well, which says so.
        with contextlib.suppress(Exception, SystemExit), self._environment.active():
            self._environment.load()

    def invoke(self, event: Mapping[str, Any], context: Any) -> Outcome:
        """Run it, by whichever clock there is."""
        return outcome_of(self._environment.invoke(event, context))


class InsideHandlers:
    """The handlers in this process."""

    busy_s: float | None = None
    passes: Callable[[int, int], None] | None = None

    def __init__(self, handler: HandlerOf) -> None:
        self._environments = HandlerEnvironments(handler)

    def get(self, number: int) -> InsideHandler:
        """The one in the execution environment of this number."""
        return InsideHandler(self._environments.get(number))

    def discard(self, number: int) -> None:
        """Forget it."""
        self._environments.discard(number)

    def close(self) -> None:
        """There is nothing to give back."""

    @contextmanager
    def clock(self, now_ms: Callable[[], int], sleep: Callable[[float], None]) -> Iterator[Callable[[int], None]]:
        """Virtual time is theirs too."""
        with virtual_time(now_ms, sleep) as time:
            yield time.set
