"""What a run cannot tell, on one line each: better said than guessed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .observe_settings import ObserverName

if TYPE_CHECKING:
    from .gathering import Lost
    from .observation import Observation

__all__ = ["unknowns_of"]

_BOUND_MS: float = 1.0


def unknowns_of(observation: Observation, *, asked_cloudwatch: bool) -> Iterator[str]:
    """What follows from how it was observed, and from what happened to the workers."""
    for lost in observation.counts.lost():
        yield _lost(lost, observation)
    match observation.observe.observer:
        case ObserverName.DEPTH:
            yield from _of_depth(asked_cloudwatch=asked_cloudwatch)
        case ObserverName.REPLY:
            yield from _of_replies(observation)
        case ObserverName.LEDGER:
            yield from _of_ledger(observation)
    bound_ms = observation.clocks.worst_bound_ms
    if observation.tally.end_to_end.count and bound_ms >= _BOUND_MS:
        yield f"latencies from end to end are right to {bound_ms:.1f} ms: so well are the clocks of the workers known"
    if observation.tally.before_due:
        yield f"how long {observation.tally.before_due} messages took: less than nothing by the clocks; they count as 0"


def _lost(lost: Lost, observation: Observation) -> str:
    who = f"worker {lost.client_id}" + (f" (sender {lost.sender})" if lost.sender is not None else "")
    if lost.report is None:
        line = f"{who} was never heard of after the test began: what it sent is not counted"
    else:
        accepted = lost.report.messages["accepted"]
        line = (
            f"{who} was last heard of {lost.silent_s:.1f} s before the end, and ended without a last word: the"
            f" {accepted} messages are counted that it had sent by then, and later ones only if more were processed"
        )
    seen, made = observation.tally.seen_of(lost.sender or "")
    if seen:
        line += f"; {seen} of its messages were processed, and it made at least {made}"
    return line


def _of_depth(*, asked_cloudwatch: bool) -> Iterator[str]:
    yield "how many messages were processed: from the depth of the queue it is only reckoned what is not in it any more"
    yield "latencies from end to end: the depth of the queue does not tell them"
    if not asked_cloudwatch:
        yield (
            "how old the oldest message was: it is reckoned as if messages left the queue in the order in which they"
            " came"
        )


def _of_replies(observation: Observation) -> Iterator[str]:
    replies = observation.replies
    if replies is None:
        return
    yield "how long replies were on their way: end-to-end latencies include it, as they stop when a reply is received"
    if not replies.batch_records.count:
        yield "whether the consumer replies at all: no reply to a message of this run came"
    elif observation.settled is not None and observation.settled.account.difference < 0:
        yield "whether the missing messages were processed, or only their replies are missing: its log says which"
    if replies.left_out:
        yield f"what became of {replies.left_out} records that replies had no room for"
    if replies.strange:
        yield f"what {replies.strange} messages in the reply queue are: no replies"


def _of_ledger(observation: Observation) -> Iterator[str]:
    yield "which of the messages that repeat a key were processed: the ledger has one row for each key"
    if observation.tally.end_to_end.count:
        yield "how far the function's clock is from ours: end-to-end latencies stop by its clock"
    elif observation.tally.processed:
        yield "latencies from end to end: the rows of this ledger do not say when they were done"
