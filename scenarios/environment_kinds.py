"""The environments by name: what each can do, how it passes time, and where it differs from AWS. Data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .capabilities import Capability
from .parity import peer
from .real_time import FUNCTION_TIMEOUT_S, VISIBILITY_TIMEOUT_S

__all__ = ["AWS", "KINDS", "LOCALSTACK", "MOTO", "SIMULATED", "EnvironmentKind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentKind:
    """An environment, as far as it can be known before it is started.

    Where ``is_real_time``, the timeouts of queue and function are waited for, and are these instead of the consumer's.
    ``examples_most`` is how many plans are tried for a scenario there unless told otherwise, ``per_core`` how many
    scenarios are run at once for each core, and ``points_most`` how many places a scenario tries that is about a fault
    at every call.

    ``deviations`` are by scenario: the ids of those differences from AWS (:mod:`.parity`) that would be held against
    the handler. ``left_out`` are the scenarios that are not asked there, each with the reason. One that ``is_native``
    has a Lambda of its own, and runs handlers in no other way.
    """

    name: str
    capabilities: frozenset[Capability]
    is_real_time: bool = False
    is_native: bool = False
    function_timeout_s: int = FUNCTION_TIMEOUT_S
    visibility_timeout_s: int = VISIBILITY_TIMEOUT_S
    examples_most: int | None = None
    per_core: int = 1
    points_most: int | None = None
    deviations: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    left_out: Mapping[str, str] = field(default_factory=dict, hash=False)

    def why_not(self, scenario: str) -> str | None:
        """Why the scenario cannot be asked there, whatever it needs, or None."""
        return self.left_out.get(scenario) or self.deviates(scenario)

    def deviates(self, scenario: str) -> str | None:
        """How it differs from AWS in what the scenario is about, or None."""
        ids = self.deviations.get(scenario)
        if not ids:
            return None
        known = {deviation.id: deviation for deviation in peer(self.name).deviations}
        differences = "; ".join(f"{known[each].aws}, and {self.name} {known[each].peer} ({each})" for each in ids)
        return f"{self.name} differs from AWS in what this is about: {differences}"


SIMULATED = EnvironmentKind(name="simulated", capabilities=frozenset(Capability))

MOTO = EnvironmentKind(
    name="moto",
    # Asked from two sides at once, its queues deliver messages twice and bring back deleted ones.
    capabilities=frozenset(Capability) - {Capability.VIRTUAL_TIME, Capability.CONCURRENCY},
    is_real_time=True,
    examples_most=2,
    per_core=2,
    points_most=16,
    deviations={
        "send-refused": ("S01-empty", "S03-characters", "S04-attributes"),
    },
)

LOCALSTACK = EnvironmentKind(
    name="localstack",
    capabilities=frozenset(Capability)
    - {
        Capability.VIRTUAL_TIME,
        # Its mapping has one poller, which waits for each invocation.
        Capability.CONCURRENCY,
        Capability.THROTTLING,
        # What invokes the function is its mapping.
        Capability.OWN_EVENTS,
    },
    is_real_time=True,
    is_native=True,
    # A function that starts while others do needs a second or two; who looks at the deadline would give up.
    function_timeout_s=7,
    visibility_timeout_s=9,
    examples_most=2,
    per_core=2,
    points_most=4,
)

_NOTHING_OF_ONES_OWN = "it would put bodies into buckets, and on AWS nothing is created for a single run"
_COLD = "it takes cold execution environments when it wants them, and on AWS nobody has them at will"

AWS = EnvironmentKind(
    name="aws",
    # Nothing can be made to fail there. Pauses are cut short when all that was sent is at rest.
    capabilities=frozenset({Capability.LONG_PAUSES}),
    is_real_time=True,
    is_native=True,
    # Of a stack that is deployed for a run: time for a cold start's first calls, and longer than that and the timeout
    # together, so that nothing comes back while it is worked on.
    function_timeout_s=5,
    visibility_timeout_s=15,
    examples_most=2,
    left_out={
        "s3-pointer": _NOTHING_OF_ONES_OWN,
        "s3-pointer-to-nothing": _NOTHING_OF_ONES_OWN,
        "s3-pointer-elsewhere": _NOTHING_OF_ONES_OWN,
        "poison-redriven": "it would move back all that the dead-letter queue holds",
        "warm-start": _COLD,
        "odd-bodies-warm": _COLD,
    },
)

KINDS: Mapping[str, EnvironmentKind] = MappingProxyType({kind.name: kind for kind in (SIMULATED, MOTO, LOCALSTACK)})
"""Those that are made here, in the order in which they are offered."""
