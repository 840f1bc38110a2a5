"""What plans are drawn from: messages of a consumer, with bodies, arrival times, groups and duplicates.

Business keys say their place (``key-1``, ``key-2``), so that a shrunk history reads well. Everything shrinks towards
fewer messages, all valid, all sent at once.
"""

from collections.abc import Sequence
from itertools import accumulate

from hypothesis import strategies as st

from redrive.simulator.faults import Moment

from ..consumer import Body, Consumer
from ..plan import Kind, PlannedMessage

__all__ = ["arrivals_ms", "batch_sizes", "kinds", "messages", "moments"]

_PAUSES_MS = (0, 0, 0, 1_000, 400_000)


def kinds(*, least: int = 1, most: int = 6, poison: bool = False) -> st.SearchStrategy[list[Kind]]:
    """What each message of a plan is; with ``poison``, at least one is poison."""
    if not poison:
        return st.integers(least, most).map(lambda count: [Kind.VALID] * count)
    mixed = st.lists(st.sampled_from([Kind.VALID, Kind.POISON]), min_size=least, max_size=most)
    return mixed.map(lambda drawn: drawn if Kind.POISON in drawn else [*drawn[:-1], Kind.POISON])


def batch_sizes(consumer: Consumer) -> st.SearchStrategy[int]:
    """The consumer's own batch size most of the time, now and then a smaller one."""
    size = consumer.queue.batch_size
    return st.sampled_from([size, size, *sorted({1, min(2, size), min(3, size)})])


def moments() -> st.SearchStrategy[Moment]:
    """Which side of a call a fault strikes. After it first: done and not yet known is where most consumers break."""
    return st.sampled_from([Moment.AFTER, Moment.BEFORE])


@st.composite
def arrivals_ms(draw: st.DrawFn, count: int) -> list[int]:
    """When each message is sent: mostly together, sometimes a second or some minutes after the one before.

    Pauses are a list that may be empty, and not one for each message: so a plan shrinks by leaving a message out.
    """
    pauses_ms = draw(st.lists(st.sampled_from(_PAUSES_MS), max_size=count - 1))
    together = [0] * (count - 1 - len(pauses_ms))
    return list(accumulate([0, *pauses_ms, *together]))


@st.composite
def messages(
    draw: st.DrawFn,
    consumer: Consumer,
    drawn_kinds: Sequence[Kind],
    *,
    groups: Sequence[str | None] | None = None,
) -> tuple[PlannedMessage, ...]:
    """One message a kind, each with a business key and body of its own."""
    times = draw(arrivals_ms(len(drawn_kinds)))
    made = []
    for number, (kind, at_ms) in enumerate(zip(drawn_kinds, times, strict=True)):
        key = f"key-{number + 1}"
        group = groups[number] if groups is not None else None
        made.append(
            PlannedMessage(
                key=key,
                body=draw(_body(consumer, kind, key)),
                kind=kind,
                at_ms=at_ms,
                group=group,
                deduplication_id=None if group is None else f"{number + 1}",
            )
        )
    return tuple(made)


def _body(consumer: Consumer, kind: Kind, key: str) -> st.SearchStrategy[str]:
    if kind is Kind.VALID:
        body: Body = consumer.valid(key)
    else:
        assert consumer.poison is not None, "scenarios with poison are skipped for a consumer without it"
        body = consumer.poison(key)
    return st.just(body) if isinstance(body, str) else body
