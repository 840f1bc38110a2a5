"""Where and how a consumer is run: an environment and a runtime, and what follows from the two together. A value."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from . import real_time
from .capabilities import Capability
from .consumer import Consumer
from .environment_kinds import LOCALSTACK, MOTO, SIMULATED, EnvironmentKind
from .environments.environment import Environment
from .handler_runtime import IN_PROCESS, HandlerRuntime

__all__ = ["HERE", "Place"]

_EXAMPLES_IN_REAL_TIME = 3
_PER_CORE_IN_REAL_TIME = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An environment by its kind, and how the handler is run in it; ``endpoint_url`` is of one that runs already."""

    kind: EnvironmentKind = SIMULATED
    runtime: HandlerRuntime = IN_PROCESS
    endpoint_url: str | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What scenarios can have of it."""
        able = self.kind.capabilities & self.runtime.capabilities
        if self.is_real_time and not self.kind.is_real_time:
            # The simulated queue cannot tell when a handler with a clock of its own has waited for long enough.
            able -= {Capability.LONG_PAUSES}
        return able

    @property
    def is_real_time(self) -> bool:
        """Whether what the queue waits is waited for."""
        return self.kind.is_real_time or self.runtime.has_own_clock

    def examples(self, default: int) -> int:
        """How many plans to try for a scenario unless told otherwise."""
        most = self.kind.examples_most
        if most is None:
            most = _EXAMPLES_IN_REAL_TIME if self.is_real_time else default
        return min(default, most)

    def processes(self, cores: int) -> int:
        """How many scenarios to run at once unless told otherwise: those that wait leave room for others."""
        per_core = _PER_CORE_IN_REAL_TIME if self.is_real_time and not self.kind.is_real_time else self.kind.per_core
        return per_core * cores

    def words(self) -> list[str]:
        """The words of a command that choose it."""
        return [*([] if self.kind == SIMULATED else ["--on", self.kind.name]), *self.runtime.words()]

    def shaped(self, consumer: Consumer) -> Consumer:
        """The consumer as it is run there: where time is real, with a queue whose timeouts can be waited for."""
        if not self.is_real_time:
            return consumer
        return real_time.shaped(
            consumer,
            function_timeout_s=self.kind.function_timeout_s,
            visibility_timeout_s=self.kind.visibility_timeout_s,
        )

    @contextmanager
    def shared(self) -> Iterator["Place"]:
        """The place with what its processes share: one LocalStack for all of them. Raises ``EnvironmentFailed``."""
        if self.kind != LOCALSTACK or self.endpoint_url is not None:
            yield self
            return
        from .environments.localstack import shared_localstack

        with shared_localstack() as endpoint_url:
            yield replace(self, endpoint_url=endpoint_url)

    def environment(self) -> Environment:
        """The environment, which is not running yet."""
        if self.kind == MOTO:
            from .environments.moto import MotoEnvironment

            return MotoEnvironment(self.runtime)
        if self.kind == LOCALSTACK:
            from .environments.localstack import LocalStackEnvironment

            return LocalStackEnvironment(self.runtime, endpoint_url=self.endpoint_url)
        from .environments.simulated import SimulatedEnvironment

        return SimulatedEnvironment(self.runtime)


HERE = Place()
"""The simulated environment, with the handler in this process."""
