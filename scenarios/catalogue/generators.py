"""What plans are drawn from: messages of a consumer, with bodies, arrival times, groups and duplicates.

Business keys say their place (``key-1``, ``key-2``), so that a shrunk history reads well. Everything shrinks towards
fewer messages, all valid, all sent at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from hypothesis import strategies as st

from redrive.simulator.faults import Moment

from ..consumer import Body, Consumer
from ..plan import Kind, PlannedMessage

__all__ = [
    "DONE_IN_THE_END",
    "arrivals_ms",
    "at_once",
    "batch_sizes",
    "bodies",
    "deliveries_most",
    "kinds",
    "messages",
    "moments",
    "no_dead_letter_queue",
]

_PAUSES_MS = (0, 0, 0, 1_000, 400_000)

DONE_IN_THE_END = (
    "no-loss",
    "no-invention",
    "effects-once",
    "unconditional-write-twice",
    "acknowledged-after-failure",
    "dead-lettered",
    "response-valid",
    "body-exact",
)
"""What holds whatever goes wrong on the way."""

_DELIVERIES_MOST = 20


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
                body=draw(bodies(consumer, kind, key)),
                kind=kind,
                at_ms=at_ms,
                group=group,
                deduplication_id=None if group is None else f"{number + 1}",
            )
        )
    return tuple(made)


def at_once(sent: Iterable[PlannedMessage], at_ms: int = 0) -> tuple[PlannedMessage, ...]:
    """The same messages, all sent at this time."""
    return tuple(replace(message, at_ms=at_ms) for message in sent)


def deliveries_most(consumer: Consumer) -> int:
    """After how many deliveries a message is dead-lettered. For consumers that :func:`no_dead_letter_queue` lets by."""
    count = consumer.queue.max_receive_count
    assert count is not None, "such a consumer is skipped"
    return count


def no_dead_letter_queue(consumer: Consumer) -> str | None:
    """Why messages do not get into this consumer's dead-letter queue in a run of bearable length, or None."""
    count = consumer.queue.max_receive_count
    if count is None:
        return "the consumer's queue has no dead-letter queue"
    if count > _DELIVERIES_MOST:
        return f"a message is dead-lettered after {count} deliveries, which are too many to go through"
    return None


def bodies(consumer: Consumer, kind: Kind, key: str) -> st.SearchStrategy[str]:
    """Bodies for a business key; of those kinds that the consumer decides about, good ones."""
    if kind is not Kind.POISON:
        body: Body = consumer.valid(key)
    else:
        assert consumer.poison is not None, "scenarios with poison are skipped for a consumer without it"
        body = consumer.poison(key)
    return st.just(body) if isinstance(body, str) else body
