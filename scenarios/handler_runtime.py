"""How a consumer's handler is run: in this process, in processes of its own, or behind a URL. A value."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from redrive.fixtures.faults import DuplicateDelivery, Fault, LateVisibility, Throttle
from redrive.fixtures.runtimes.process import Command, command_line
from redrive.fixtures.runtimes.python_command import python_command
from redrive.fixtures.runtimes.runtime import RuntimeUnavailable

from .capabilities import Capability
from .consumer import Consumer
from .errors import TargetError
from .plan import Plan

__all__ = ["IN_PROCESS", "HandlerRuntime", "RuntimeKind"]

FUNCTION_TIMEOUT_S = 2
"""The function's timeout where time is real."""
VISIBILITY_TIMEOUT_S = 3
"""The visibility timeout where time is real: longer than the function's, as AWS wants it (E05)."""
_EXAMPLES = 3
_PER_CORE = 4
PAUSE_MS_MOST = (VISIBILITY_TIMEOUT_S + 1) * 1000
"""The longest pause in a plan where time is real: longer than the visibility timeout."""


class RuntimeKind(StrEnum):
    """The runtimes by name."""

    IN_PROCESS = "in-process"
    PROCESS = "process"
    HTTP = "http"


_CAPABILITIES = {
    RuntimeKind.IN_PROCESS: frozenset(Capability),
    RuntimeKind.PROCESS: frozenset({Capability.CALL_FAULTS, Capability.MESSAGE_FAULTS, Capability.CONCURRENCY}),
    RuntimeKind.HTTP: frozenset({Capability.MESSAGE_FAULTS}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerRuntime:
    """A runtime, and what it needs to know.

    ``command`` starts a Lambda bootstrap, for the kind ``process``; without it a Python handler is run by AWS's own
    runtime interface client. ``url`` is an Invoke-compatible endpoint, for the kind ``http``.
    """

    kind: RuntimeKind = RuntimeKind.IN_PROCESS
    command: str | None = None
    url: str | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What scenarios can have of it."""
        return _CAPABILITIES[self.kind]

    @property
    def is_real_time(self) -> bool:
        """Whether the handler has a clock of its own, so that what the queue waits is waited for."""
        return self.kind is not RuntimeKind.IN_PROCESS

    @property
    def place(self) -> str | None:
        """The command or URL that it is all about, if there is one."""
        return self.command if self.command is not None else self.url

    def examples(self, default: int) -> int:
        """How many plans to try for a scenario unless told otherwise."""
        return min(default, _EXAMPLES) if self.is_real_time else default

    def processes(self, cores: int) -> int:
        """How many scenarios to run at once unless told otherwise: those that wait leave room for others."""
        return _PER_CORE * cores if self.is_real_time else cores

    def words(self) -> list[str]:
        """The words of a command that choose it."""
        if self.command is not None:
            return ["--exec", self.command]
        if self.url is not None:
            return ["--url", self.url]
        return [] if self.kind is RuntimeKind.IN_PROCESS else ["--runtime", self.kind]

    def command_for(self, consumer: Consumer) -> Command:
        """What to start for the kind ``process``. Raises :class:`TargetError`."""
        try:
            if self.command is not None:
                return command_line(self.command)
            if not isinstance(consumer.handler, str):
                name = f"{consumer.handler.__module__}:{consumer.handler.__qualname__}"
                return python_command(name)
            return python_command(consumer.handler)
        except RuntimeUnavailable as error:
            raise TargetError(str(error)) from error

    def shaped(self, consumer: Consumer) -> Consumer:
        """The consumer with a queue whose timeouts can be waited for, where time is real."""
        if not self.is_real_time:
            return consumer
        queue = replace(
            consumer.queue,
            visibility_timeout_s=VISIBILITY_TIMEOUT_S,
            function_timeout_s=FUNCTION_TIMEOUT_S,
            batching_window_s=min(1, consumer.queue.batching_window_s),
        )
        return replace(consumer, queue=queue)

    def shortened(self, plan: Plan) -> Plan:
        """The plan with pauses that can be waited for, where time is real: none is left out, and their order stays."""
        if not self.is_real_time:
            return plan
        times = {0, *plan.redrive_at_ms, *plan.empty_events_at_ms, *(message.at_ms for message in plan.messages)}
        at_ms = _with_short_gaps(times)
        return replace(
            plan,
            messages=tuple(replace(message, at_ms=at_ms(message.at_ms)) for message in plan.messages),
            redrive_at_ms=tuple(map(at_ms, plan.redrive_at_ms)),
            empty_events_at_ms=tuple(map(at_ms, plan.empty_events_at_ms)),
            faults=tuple(map(_short, plan.faults)),
        )


def _with_short_gaps(times_ms: Iterable[int]) -> Callable[[int], int]:
    """Maps times so that each comes at most :data:`PAUSE_MS_MOST` after the one before."""
    mapped: dict[int, int] = {}
    before_ms = now_ms = 0
    for time_ms in sorted(times_ms):
        now_ms += min(time_ms - before_ms, PAUSE_MS_MOST)
        mapped[time_ms], before_ms = now_ms, time_ms
    return mapped.__getitem__


def _short(fault: Fault) -> Fault:
    match fault:
        case DuplicateDelivery():
            return replace(fault, after_ms=min(fault.after_ms, PAUSE_MS_MOST))
        case LateVisibility():
            return replace(fault, by_ms=min(fault.by_ms, PAUSE_MS_MOST))
        case Throttle():
            return replace(fault, for_ms=min(fault.for_ms, PAUSE_MS_MOST))
        case _:
            return fault


IN_PROCESS = HandlerRuntime()
"""The handler in this process, in virtual time."""
