"""Poison: messages that can never be done, alone and among neighbours."""

from hypothesis import strategies as st

from ..consumer import Claim, Consumer
from ..plan import Kind, Plan
from ..scenario import Scenario
from .generators import batch_sizes, kinds, messages

__all__ = ["SCENARIOS"]


# What does not depend on the messages is drawn before them: then a plan shrinks by just leaving one of them out.


@st.composite
def _partial(draw: st.DrawFn, consumer: Consumer) -> Plan:
    batch_size, shuffled = draw(batch_sizes(consumer)), draw(st.booleans())
    drawn = draw(kinds(least=2, most=8, poison=True))
    if Kind.VALID not in drawn:
        drawn = [Kind.VALID, *drawn[1:]]
    return Plan(messages=draw(messages(consumer, drawn)), batch_size=batch_size, shuffled=shuffled)


@st.composite
def _to_dlq(draw: st.DrawFn, consumer: Consumer) -> Plan:
    batch_size = draw(batch_sizes(consumer))
    drawn = draw(kinds(most=5, poison=True))
    return Plan(messages=draw(messages(consumer, drawn)), batch_size=batch_size)


SCENARIOS = (
    Scenario(
        name="partial-failure",
        family="poison",
        summary="Poison at any place among valid messages; the neighbours must not come back because of it.",
        invariants=(
            "no-loss",
            "no-invention",
            "effects-once",
            "poison-isolated",
            "dead-lettered",
            "response-valid",
            "body-exact",
        ),
        plans=_partial,
        needs=frozenset({Claim.PARTIAL_BATCH}),
        poison=True,
    ),
    Scenario(
        name="poison-to-dlq",
        family="poison",
        summary="One, many or only poison messages; each is in the dead-letter queue after maxReceiveCount deliveries.",
        invariants=("no-loss", "no-invention", "dead-lettered", "response-valid"),
        plans=_to_dlq,
        poison=True,
    ),
)
