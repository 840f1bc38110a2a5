"""An invocation in progress: what its handler's AWS calls and its sleeping come to."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from botocore.exceptions import EndpointConnectionError

from redrive.fixtures.runtimes.in_process import Killed
from redrive.simulator.driver import Invocation, Simulation
from redrive.simulator.faults import AtCall, ConcurrentDuplicate, CrashAt, DependencyDown, Moment, SlowAt, TimeoutAt
from redrive.simulator.function import Ending, Outcome, crashed, timed_out
from redrive.simulator.trace import Struck

from ..history import Called
from .handler_thread import HandlerThread

__all__ = ["CALL_MS", "Duplicate", "InProgress", "Wait"]

CALL_MS = 5
"""How long an AWS call takes in virtual time."""

# Reads cannot have an effect, so there is no need to look for one after them.
_READS = ("Get", "List", "Describe", "Head", "Scan", "Query", "BatchGet")


class Wait(NamedTuple):
    """The handler waits so long; ``wrote`` after a call that may have had an effect."""

    duration_ms: int
    wrote: bool = False


class Duplicate(NamedTuple):
    """While the handler waits, its messages are delivered once more."""

    held_ms: int | None


@dataclass(slots=True, eq=False)
class InProgress:
    """Seen by the handler's side: what it asks for is done by whoever holds the other end of ``thread``."""

    simulation: Simulation
    invocation: Invocation
    thread: HandlerThread[Wait | Duplicate]
    successor: Callable[[int], "InProgress | None"]
    # A handler may call from threads of its own.
    lock: threading.RLock = field(default_factory=threading.RLock)
    calls: int = 0
    killed: Ending | None = None
    down: DependencyDown | None = None
    over: bool = False

    def heir(self) -> "InProgress | None":
        """Whoever is in progress in the same process now."""
        return self.successor(self.invocation.environment) if self.over else self

    def before_call(self, service: str, operation: str) -> None:
        """An AWS call of the handler is about to be sent."""
        with self.lock:
            self._live()
            self.calls += 1
            faults, number = self.simulation.faults, self.invocation.number
            down = faults.is_down(number, self.calls)
            if down is not None:
                if self.down is None:
                    self.down = down
                    self._record_strike(down)
                self._record_call(service, operation, "not sent: the endpoint is down")
                self._wait(CALL_MS)
                raise EndpointConnectionError(endpoint_url=f"https://{service}.invalid")
            for fault in faults.at_call(number, self.calls, Moment.BEFORE):
                self.strike(fault)

    def after_call(self, service: str, operation: str, answer: str) -> None:
        """An AWS call of the handler took effect; its answer is on its way."""
        if answer == EndpointConnectionError.__name__:
            return
        with self.lock:
            self._live()
            # It took effect, whether or not the answer arrives.
            self._record_call(service, operation, answer)
            self._wait(CALL_MS, wrote=answer == "ok" and not operation.startswith(_READS))
            for fault in self.simulation.faults.at_call(self.invocation.number, self.calls, Moment.AFTER):
                self.strike(fault)

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        with self.lock:
            self._live()
            self._wait(round(max(0.0, seconds) * 1000))

    def strike(self, fault: AtCall) -> None:
        """Let a fault strike here and now. Raises :class:`Killed` where it ends the process."""
        self._record_strike(fault)
        match fault:
            case CrashAt():
                self.killed = Ending.CRASHED
                raise Killed
            case SlowAt():
                self._wait(fault.duration_ms)
            case TimeoutAt():
                self._wait(self.invocation.deadline_ms - self.simulation.now_ms)
            case ConcurrentDuplicate():
                self._pause(Duplicate(fault.held_ms))

    def outcome_if_killed(self) -> Outcome | None:
        """How the invocation ends if its process is gone."""
        match self.killed:
            case None:
                return None
            case Ending.TIMED_OUT:
                timeout_s = (self.invocation.deadline_ms - self.invocation.started_ms) // 1000
                return timed_out(self.invocation.request_id, timeout_s)
            case _:
                return crashed(self.invocation.request_id)

    def _wait(self, duration_ms: int, *, wrote: bool = False) -> None:
        self._pause(Wait(duration_ms, wrote))

    def _pause(self, asked: Wait | Duplicate) -> None:
        self.thread.pause(asked)
        self._live()

    def _live(self) -> None:
        """Nothing happens any more to a handler that caught the end of its own process, or to a thread of it."""
        if self.killed is not None:
            raise Killed

    def _record_call(self, service: str, operation: str, answer: str) -> None:
        now_ms, number = self.simulation.now_ms, self.invocation.number
        self.simulation.trace.append(Called(now_ms, number, self.calls, service, operation, answer))

    def _record_strike(self, fault: AtCall | DependencyDown) -> None:
        self.simulation.trace.append(Struck(self.simulation.now_ms, self.invocation.number, fault))
