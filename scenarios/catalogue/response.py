"""Response: whatever an invocation comes to, it says so in a way that the mapping reads as it is meant."""

from hypothesis import strategies as st

from redrive.simulator.faults import DependencyDown

from ..capabilities import Capability
from ..consumer import Consumer
from ..plan import Kind, Plan
from ..scenario import Scenario
from .generators import DONE_IN_THE_END, batch_sizes, messages

__all__ = ["SCENARIOS"]


@st.composite
def _every_outcome(draw: st.DrawFn, consumer: Consumer) -> Plan:
    """A batch that succeeds, one that fails in part and one that fails whole, in any order, and an outage."""
    batch_size = draw(batch_sizes(consumer))
    down = draw(st.sets(st.integers(0, 3), max_size=1))
    good = [Kind.VALID] * draw(st.integers(1, 3))
    bad = [Kind.POISON] * draw(st.integers(1, 3)) if consumer.poison is not None else []
    batches = draw(st.permutations([good, [*good, *bad], bad]))
    return Plan(
        messages=draw(messages(consumer, [kind for batch in batches for kind in batch])),
        faults=tuple(DependencyDown(invocation=number) for number in sorted(down)),
        batch_size=batch_size,
    )


SCENARIOS = (
    Scenario(
        name="every-outcome",
        family="response",
        summary="Batches that succeed, fail in part and fail whole; each response is one that the mapping understands.",
        invariants=DONE_IN_THE_END,
        plans=_every_outcome,
        capabilities=frozenset({Capability.CALL_FAULTS}),
        examples_most=8,
    ),
)
