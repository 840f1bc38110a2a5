"""A scenario: a named situation, the plans that make it up, and the invariants that must hold after each."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis.strategies import SearchStrategy

from .consumer import Claim, Consumer
from .invariants import INVARIANTS
from .plan import Plan

__all__ = ["Scenario"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named situation.

    ``plans`` gives, for a consumer, a Hypothesis strategy of plans. ``needs`` are claims without which the scenario
    is skipped. With ``strikes``, at least one fault must have struck in at least one example: otherwise the run did
    not get to what it is about, and the verdict is unknown.
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
    environments: tuple[str, ...] = ("simulated",)

    def __post_init__(self) -> None:
        unknown = [name for name in self.invariants if name not in INVARIANTS]
        if unknown:
            raise ValueError(f"scenario {self.name!r} names the invariant {unknown[0]!r}, which does not exist")

    def judged_by(self, consumer: Consumer) -> tuple[str, ...]:
        """The invariants that this consumer is held to: those without a claim, and those it claims."""
        return tuple(
            name
            for name in self.invariants
            if (claim := INVARIANTS[name].claim) is None or consumer.claims_to_be(claim)
        )

    def why_not(self, consumer: Consumer) -> str | None:
        """Why this scenario cannot be asked of the consumer, or None."""
        missing = sorted(self.needs - set(consumer.claims))
        if missing:
            return f"not claimed: {', '.join(missing)}"
        if self.poison and consumer.poison is None:
            return "the consumer does not say what poison is"
        if consumer.queue.fifo and not self.fifo:
            return "the consumer's queue is FIFO, and this happens on standard queues only"
        return None
