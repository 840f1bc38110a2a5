"""An invocation in progress: what its handler's AWS calls and its sleeping come to."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from botocore.exceptions import EndpointConnectionError

from redrive.fixtures.faults import Answer
from redrive.fixtures.runtimes.in_process import Killed
from redrive.simulator.driver import Invocation
from redrive.simulator.faults import (
    AtCall,
    ConcurrentDuplicate,
    CrashAt,
    DependencyDown,
    ErrorAnswer,
    Faults,
    Moment,
    SlowAt,
    TimeoutAt,
)
from redrive.simulator.function import Ending, Outcome, crashed, timed_out
from redrive.simulator.trace import Struck

from ..evidence_table import Writing, rule_of
from ..history import Called
from ..mentions import Records
from .aws_calls import evidence_about
from .handler_thread import HandlerThread

__all__ = ["Duplicate", "InProgress", "Wait", "World"]


class Trace(Protocol):
    """Takes what happened, in order."""

    def append(self, event: Any, /) -> None:
        """This happened next."""


class World(Protocol):
    """Where and when the invocation is in progress: a simulation, or a queue that is really there."""

    @property
    def now_ms(self) -> int:
        """The time, in milliseconds since the epoch."""

    @property
    def faults(self) -> Faults:
        """The schedule of faults."""

    @property
    def trace(self) -> Trace:
        """Where what happens is told."""


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

    world: World
    invocation: Invocation
    thread: HandlerThread[Wait | Duplicate]
    successor: Callable[[int], "InProgress | None"]
    call_ms: int
    # A handler may call from threads of its own.
    lock: threading.RLock = field(default_factory=threading.RLock)
    calls: int = 0
    killed: Ending | None = None
    known: set[DependencyDown | ErrorAnswer] = field(default_factory=set)
    over: bool = False
    records: Records = field(init=False)

    def __post_init__(self) -> None:
        self.records = Records(self.invocation.event)

    def heir(self) -> "InProgress | None":
        """Whoever is in progress in the same process now."""
        return self.successor(self.invocation.environment) if self.over else self

    def before_call(self, service: str, operation: str) -> Answer | None:
        """An AWS call of the handler is about to be sent. Returns the answer, if it is not to be sent."""
        with self.lock:
            self._live()
            self.calls += 1
            faults, number = self.world.faults, self.invocation.number
            for fault in faults.at_call(number, self.calls, Moment.BEFORE):
                self.strike(fault)
            match instead := faults.instead_of(number, self.calls):
                case None:
                    return None
                case DependencyDown():
                    self._record_first(instead)
                    self._record_call(service, operation, "not sent: the endpoint is down")
                    self._wait(self.call_ms)
                    raise EndpointConnectionError(endpoint_url=f"https://{service}.invalid")
                case ErrorAnswer():
                    self._record_first(instead)
                    return instead.answer

    def after_call(self, service: str, operation: str, answer: str) -> None:
        """An AWS call of the handler took effect; its answer is on its way."""
        if answer == EndpointConnectionError.__name__:
            return
        with self.lock:
            self._live()
            # It took effect, whether or not the answer arrives.
            self._record_call(service, operation, answer)
            # Reads cannot have an effect, so there is no need to look for one after them.
            reads = rule_of(service, operation).writing is Writing.READS
            self._wait(self.call_ms, wrote=answer == "ok" and not reads)
            for fault in self.world.faults.at_call(self.invocation.number, self.calls, Moment.AFTER):
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
                self.hang()
            case ConcurrentDuplicate():
                self._pause(Duplicate(fault.held_ms))

    def hang(self) -> None:
        """Do nothing more until the function's timeout. Raises :class:`Killed`."""
        self._wait(self.invocation.deadline_ms - self.world.now_ms)

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
        now_ms, number = self.world.now_ms, self.invocation.number
        evidence = evidence_about(self.records)
        self.world.trace.append(Called(now_ms, number, self.calls, service, operation, answer, *evidence))

    def _record_first(self, fault: DependencyDown | ErrorAnswer) -> None:
        if fault not in self.known:
            self.known.add(fault)
            self._record_strike(fault)

    def _record_strike(self, fault: AtCall | DependencyDown | ErrorAnswer) -> None:
        self.world.trace.append(Struck(self.world.now_ms, self.invocation.number, fault))
