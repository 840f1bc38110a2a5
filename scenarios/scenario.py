"""A scenario: a named situation, the plans that make it up, and the invariants that must hold after each."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from hypothesis.strategies import SearchStrategy

from .capabilities import Capability
from .consumer import Claim, Consumer
from .environment_kinds import AWS, KINDS
from .invariants import INVARIANTS
from .plan import Plan

__all__ = ["ALL_CAPABILITIES", "Scenario", "nothing_against"]

ALL_CAPABILITIES = frozenset(Capability)


def nothing_against(_: Consumer) -> str | None:
    """The scenario suits every queue and mapping."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named situation.

    ``plans`` gives, for a consumer, a Hypothesis strategy of plans. ``needs`` are claims without which the scenario
    is not held against the consumer. With ``strikes``, at least one fault must have struck in at least one example:
    otherwise the run did not get to what it is about, and the verdict is unknown.

    With ``at_every_call`` nothing is generated: the simplest plan is run with a fault at each AWS call in turn
    (:mod:`.crash_points`).

    ``capabilities`` are what environment and runtime must be able to do; unless given, a scenario that ``strikes``
    needs faults at AWS calls and no other. ``unfit`` says of a consumer why the situation cannot arise with its
    queue and mapping. ``examples_most`` is for plans so large that a few are enough. ``related`` gives, for a plan,
    those whose runs its own is compared with.
    """

    name: str
    family: str
    summary: str
    invariants: tuple[str, ...]
    plans: Callable[[Consumer], SearchStrategy[Plan]]
    needs: frozenset[Claim] = frozenset()
    fifo: bool = False
    poison: bool = False
    strikes: bool = False
    at_every_call: bool = False
    capabilities: frozenset[Capability] | None = None
    unfit: Callable[[Consumer], str | None] = nothing_against
    examples_most: int | None = None
    related: Callable[[Plan], tuple[Plan, ...]] | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.invariants if name not in INVARIANTS]
        if unknown:
            raise ValueError(f"scenario {self.name!r} names the invariant {unknown[0]!r}, which does not exist")
        if self.capabilities is None:
            derived = frozenset({Capability.CALL_FAULTS}) if self.strikes else frozenset()
            object.__setattr__(self, "capabilities", derived)

    @property
    def required(self) -> frozenset[Capability]:
        """What environment and runtime must be able to do."""
        assert self.capabilities is not None, "set as it was made"
        return self.capabilities

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments, by name, in which it can be run; not necessarily with every runtime or queue."""
        return tuple(
            kind.name
            for kind in (*KINDS.values(), AWS)
            if self.required <= kind.capabilities and kind.why_not(self.name) is None
        )

    def judged_by(self, consumer: Consumer) -> tuple[str, ...]:
        """The invariants that this consumer is held to: those without a claim, and those it claims."""
        return tuple(
            name
            for name in self.invariants
            if (claim := INVARIANTS[name].claim) is None or consumer.claims_to_be(claim)
        )

    def observed_of(self, consumer: Consumer) -> tuple[str, ...]:
        """The invariants that are looked at and not held against this consumer, which does not claim them."""
        judged = self.judged_by(consumer)
        return tuple(name for name in self.invariants if name not in judged)

    def examples(self, wanted: int) -> int:
        """How many examples to try where so many are wanted."""
        return wanted if self.examples_most is None else min(wanted, self.examples_most)

    def unclaimed(self, consumer: Consumer) -> tuple[Claim, ...]:
        """The claims that the scenario is about and the consumer does not make."""
        return tuple(sorted(self.needs - set(consumer.claims)))

    def why_not(self, consumer: Consumer, capabilities: Collection[Capability] = ALL_CAPABILITIES) -> str | None:
        """Why this scenario cannot be asked of the consumer, or None."""
        unclaimed = self.unclaimed(consumer)
        if unclaimed:
            return f"not claimed: {', '.join(unclaimed)}"
        return self.why_not_even_tried(consumer, capabilities)

    def why_not_even_tried(
        self, consumer: Consumer, capabilities: Collection[Capability] = ALL_CAPABILITIES
    ) -> str | None:
        """Why nothing can be said of it even if the consumer claimed everything, or None."""
        if self.poison and consumer.poison is None:
            return "the consumer does not say what poison is"
        if consumer.queue.fifo and not self.fifo:
            return "the consumer's queue is FIFO, and this happens on standard queues only"
        reason = self.unfit(consumer)
        if reason is not None:
            return reason
        lacking = sorted(self.required - set(capabilities))
        return f"the runtime or the environment has no {', no '.join(lacking)}" if lacking else None
