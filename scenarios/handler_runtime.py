"""How a consumer's handler is run: in this process, in others, behind a URL, or by the environment. A value."""

from dataclasses import dataclass
from enum import StrEnum

from redrive.fixtures.runtimes.process import Command, command_line
from redrive.fixtures.runtimes.python_command import python_command
from redrive.fixtures.runtimes.runtime import RuntimeUnavailable

from .capabilities import Capability
from .consumer import Consumer
from .errors import TargetError

__all__ = ["IN_PROCESS", "NATIVE", "HandlerRuntime", "RuntimeKind"]


class RuntimeKind(StrEnum):
    """The runtimes by name."""

    IN_PROCESS = "in-process"
    PROCESS = "process"
    HTTP = "http"
    NATIVE = "native"
    """As a function of the environment, which has a Lambda of its own."""


_CAPABILITIES = {
    RuntimeKind.IN_PROCESS: frozenset(Capability),
    RuntimeKind.PROCESS: frozenset(Capability) - {Capability.VIRTUAL_TIME},
    RuntimeKind.HTTP: frozenset(Capability) - {Capability.VIRTUAL_TIME, Capability.CALL_FAULTS, Capability.CONCURRENCY},
    RuntimeKind.NATIVE: frozenset(Capability) - {Capability.VIRTUAL_TIME},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerRuntime:
    """A runtime, and what it needs to know.

    ``command`` starts a Lambda bootstrap, for the kinds ``process`` and ``native``; without it a Python handler is run
    by AWS's own runtime interface client. ``url`` is an Invoke-compatible endpoint, for the kind ``http``.
    """

    kind: RuntimeKind = RuntimeKind.IN_PROCESS
    command: str | None = None
    url: str | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What scenarios can have of it."""
        return _CAPABILITIES[self.kind]

    @property
    def has_own_clock(self) -> bool:
        """Whether the handler has a clock of its own, so that what the queue waits is waited for."""
        return self.kind is not RuntimeKind.IN_PROCESS

    @property
    def names(self) -> str | None:
        """The command or URL that it is all about, if there is one."""
        return self.command if self.command is not None else self.url

    def words(self) -> list[str]:
        """The words of a command that choose it."""
        if self.command is not None:
            return ["--exec", self.command]
        if self.url is not None:
            return ["--url", self.url]
        # An environment with a Lambda of its own has no other runtime.
        return [] if self.kind in {RuntimeKind.IN_PROCESS, RuntimeKind.NATIVE} else ["--runtime", self.kind]

    def command_for(self, consumer: Consumer) -> Command:
        """What to start for the kinds ``process`` and ``native``. Raises :class:`TargetError`."""
        try:
            if self.command is not None:
                return command_line(self.command)
            if not isinstance(consumer.handler, str):
                name = f"{consumer.handler.__module__}:{consumer.handler.__qualname__}"
                return python_command(name)
            return python_command(consumer.handler)
        except RuntimeUnavailable as error:
            raise TargetError(str(error)) from error


IN_PROCESS = HandlerRuntime()
"""The handler in this process, in virtual time."""

NATIVE = HandlerRuntime(kind=RuntimeKind.NATIVE)
"""The handler as a function of the environment's own Lambda."""
