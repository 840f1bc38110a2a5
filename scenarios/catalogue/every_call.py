"""A fault at every AWS call, one after the other: none is left out by chance."""

from hypothesis import strategies as st

from ..consumer import Claim, Consumer
from ..plan import Kind, Plan
from ..scenario import Scenario
from .generators import DONE_IN_THE_END, messages

__all__ = ["SCENARIOS"]

_SUMMARY = "At each AWS call in turn: a crash before and after it, a hang, an error answer, a throttled one"


@st.composite
def _batch(draw: st.DrawFn, consumer: Consumer) -> Plan:
    return Plan(messages=draw(messages(consumer, [Kind.VALID] * 2)), batch_size=consumer.queue.batch_size)


@st.composite
def _groups(draw: st.DrawFn, consumer: Consumer) -> Plan:
    sent = draw(messages(consumer, [Kind.VALID] * 2, groups=["group-a", "group-a"]))
    return Plan(messages=sent, fifo=True, batch_size=consumer.queue.batch_size)


SCENARIOS = (
    Scenario(
        name="crash-at-every-call",
        family="failure",
        summary=f"{_SUMMARY}.",
        invariants=DONE_IN_THE_END,
        plans=_batch,
        strikes=True,
        at_every_call=True,
    ),
    Scenario(
        name="fifo-crash-at-every-call",
        family="fifo",
        summary=f"{_SUMMARY}; the order of each message group survives it.",
        invariants=(*DONE_IN_THE_END, "order-kept"),
        plans=_groups,
        needs=frozenset({Claim.ORDERED}),
        fifo=True,
        strikes=True,
        at_every_call=True,
    ),
)
