"""The seam behind which there is an event source mapping: a configuration, a function that is told what to do, and
messages go in; what the function was given and what became of the messages come out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = [
    "Crash",
    "Doing",
    "Invoked",
    "MappingEndpoint",
    "MappingRun",
    "MappingSeen",
    "Raise",
    "Return",
    "Settings",
]


@dataclass(frozen=True, slots=True)
class Return:
    """The function returns ``value``, ``after_s`` seconds later."""

    value: Any = None
    after_s: float = 0


@dataclass(frozen=True, slots=True)
class Raise:
    """The function raises an exception."""

    message: str = "told to"


@dataclass(frozen=True, slots=True)
class Crash:
    """The function's process ends in the middle."""


Doing = Return | Raise | Crash
"""What the function is told to do. To run into its timeout it returns after longer than that."""


@dataclass(slots=True, kw_only=True, eq=False)
class Invoked:
    """One invocation. Times are seconds of the endpoint, from the moment at which the mapping was made.

    ``environment`` is the same for invocations that shared an execution environment; ``ended_s`` is None if this
    invocation never answered.
    """

    number: int
    began_s: float
    environment: str
    event: dict[str, Any]
    ended_s: float | None = None

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the event."""
        records: list[dict[str, Any]] = self.event["Records"]
        return records

    @property
    def bodies(self) -> list[str]:
        """The bodies of its records."""
        return [record["body"] for record in self.records]

    @property
    def ids(self) -> list[str]:
        """The message ids of its records."""
        return [record["messageId"] for record in self.records]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The mapping, its queue and its function, as far as probes ask about them."""

    fifo: bool = False
    visibility_timeout_s: int = 4
    max_receive_count: int | None = None
    batch_size: int = 10
    batching_window_s: int = 0
    report_batch_item_failures: bool = True
    filters: tuple[str, ...] = ()
    maximum_concurrency: int | None = None
    pollers: tuple[int, int] | None = None
    function_timeout_s: int = 3
    reserved_concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingRun:
    """What to try: ``messages`` are requests of ``send_message`` but for the queue, and ``script`` is the function.

    The messages are in the queue before the mapping is made, so that it finds them all together. It goes on until
    ``done`` says so of the invocations that have begun, and for ``then_s`` seconds more; ``done`` is waited for at most
    ``most_s`` seconds.
    """

    settings: Settings
    messages: Sequence[Mapping[str, Any]]
    script: Callable[[Invoked], Doing]
    done: Callable[[Sequence[Invoked]], bool]
    then_s: float = 0
    most_s: float = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSeen:
    """What came of a run. ``left`` is how many messages the queue held at the end, hidden ones too.

    ``dead`` are the messages in the dead-letter queue, as ``receive_message`` gives them.
    """

    invocations: tuple[Invoked, ...]
    left: int
    dead: tuple[dict[str, Any], ...] = field(default=())

    def of(self, body: str) -> list[Invoked]:
        """The invocations that were given a message with this body."""
        return [each for each in self.invocations if body in each.bodies]


class MappingEndpoint(Protocol):
    """An event source mapping. ``kind`` says in a word whose it is."""

    @property
    def kind(self) -> str: ...

    def run(self, run: MappingRun) -> MappingSeen:
        """Try it. Raises :class:`~.probe.CannotAsk` for settings that this mapping does not have."""
        ...

    def refuses(self, settings: Settings) -> bool:
        """Whether such a mapping is refused when it is made. Raises :class:`~.probe.CannotAsk`."""
        ...

    def batch_size(self) -> int:
        """The batch size of a mapping that was made without one. Raises :class:`~.probe.CannotAsk`."""
        ...

    def error(self, doing: Doing) -> dict[str, Any]:
        """What the function answers when invoked by itself, with ``FunctionError``. Raises :class:`CannotAsk`."""
        ...
