"""The invariants: pure functions from a history to what breaks them.

Each yields a :class:`Violation` for everything that breaks it, and after that raises :class:`CannotTell` if the run did
not get to the point being judged.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from redrive.fixtures.event_builder import md5_of_body
from redrive.simulator.function import Ending
from redrive.simulator.trace import Delivered

from .answers import deadline_kept, oversize_done, same_answer
from .blame import came_back, forced_back, forced_out
from .consumer import Claim
from .evidence_invariants import EVIDENCE_INVARIANTS
from .history import Fate, History
from .metamorphic import METAMORPHIC_INVARIANTS
from .plan import Kind, PlannedMessage
from .violation import CannotTell, Invariant, Violation, about, name_of, short

__all__ = ["INVARIANTS", "CannotTell", "Invariant", "Violation"]


def no_loss(history: History) -> Iterator[Violation]:
    """Every message sent ends acknowledged with its effect, or in the dead-letter queue."""
    open_ends: list[Fate] = []
    for fate in history.fates:
        if fate.refused is not None:
            continue
        if not fate.message_id:
            open_ends.append(fate)
        elif fate.acknowledged and fate.dead_lettered_after is None:
            yield from _without_effect(history, fate)
        elif fate.is_at_rest or _gone_by_no_fault(history, fate):
            continue
        elif history.queue.max_receive_count is None:
            yield about(
                fate,
                f"was delivered {len(fate.deliveries)} times and never acknowledged; "
                "there is no dead-letter queue, so it is gone when its retention ends",
            )
        elif fate.expired or history.finished:
            gone = ": its retention is over" if fate.expired else ""
            yield about(fate, f"is neither acknowledged nor in the dead-letter queue{gone}")
        else:
            open_ends.append(fate)
    if open_ends:
        raise CannotTell(f"the run ended before {name_of(open_ends[0])} was acknowledged or dead-lettered")


def _without_effect(history: History, fate: Fate) -> Iterator[Violation]:
    droppable = fate.message.kind is Kind.ANY
    if history.looks_at_effects and not droppable and fate.message.key not in history.done:
        happened = any(effect.key == fate.message.key for effect in history.effects)
        what = "is gone again" if happened else "never happened"
        yield about(fate, f"was acknowledged, its effect {what}, and no dead-letter queue has it")


def _gone_by_no_fault(history: History, fate: Fate) -> bool:
    """Whether its retention was over before the consumer could have done anything about it."""
    hopeless = fate.message.kind is Kind.POISON or forced_out(history, fate)
    return fate.expired and bool(fate.deliveries) and hopeless


def no_invention(history: History) -> Iterator[Violation]:
    """No effect for a business key that was never sent."""
    sent = {fate.message.key for fate in history.fates if fate.refused is None}
    for key in sorted({effect.key for effect in history.effects} - sent):
        yield Violation(message=f"there is an effect for {key!r}, which was never sent", business_keys=(key,))


def effects_once(history: History) -> Iterator[Violation]:
    """No business key has its effect more than once."""
    for key, count in Counter(effect.key for effect in history.effects).items():
        if count > 1:
            yield Violation(message=f"the effect for {key!r} happened {count} times", business_keys=(key,))


def poison_isolated(history: History) -> Iterator[Violation]:
    """A valid message comes back only where the rules force it: a poison message costs its neighbours nothing more."""
    for fate in _enqueued(history):
        if fate.message.kind is not Kind.VALID:
            continue
        for delivery in fate.deliveries:
            if came_back(history, delivery) and not forced_back(history, fate, delivery):
                neighbours = _poison_in(history, delivery)
                because = f"with {_list(neighbours)} in its batch" if neighbours else "though nothing was wrong"
                yield Violation(
                    message=f"{name_of(fate)} was not done at delivery {delivery.receive_count}, {because}",
                    business_keys=(fate.message.key,),
                )
                break


def dead_lettered(history: History) -> Iterator[Violation]:
    """Poison is in the dead-letter queue after exactly ``maxReceiveCount`` deliveries, and nothing else is."""
    limit = history.queue.max_receive_count
    open_ends: list[Fate] = []
    for fate in _enqueued(history):
        if fate.filtered:
            continue
        if fate.message.kind is Kind.POISON:
            if limit is not None and fate.dead_lettered_after is None and not (fate.acknowledged or history.finished):
                open_ends.append(fate)
            else:
                yield from _poison_fate(fate, limit)
        elif fate.message.kind is not Kind.VALID:
            continue
        elif fate.dead_lettered_after is not None and not forced_out(history, fate):
            yield about(fate, f"is valid, and was dead-lettered after {len(fate.deliveries)} deliveries")
    if open_ends:
        raise CannotTell(f"the run ended before {name_of(open_ends[0])} was dead-lettered")


def _poison_fate(fate: Fate, limit: int | None) -> Iterator[Violation]:
    if fate.expired and not fate.acknowledged and fate.dead_lettered_after is None:
        # Not by the consumer's doing.
        return
    if limit is None:
        yield about(fate, f"was delivered {len(fate.deliveries)} times; there is no dead-letter queue")
    elif fate.dead_lettered_after is None:
        became = "acknowledged" if fate.acknowledged else "left in the queue"
        yield about(fate, f"was {became} instead of being dead-lettered")
    elif fate.receives != limit:
        yield about(fate, f"was dead-lettered after {fate.receives} deliveries instead of {limit}")


def order_kept(history: History) -> Iterator[Violation]:
    """The effects of one message group happen in the order in which its messages were sent."""
    place: dict[str, tuple[str, int]] = {}
    for number, message in enumerate(history.plan.messages):
        if message.group is not None:
            place.setdefault(message.key, (message.group, number))
    furthest: dict[str, tuple[int, str]] = {}
    seen: set[str] = set()
    # Effects of one look have no order among them, so each is held against those of the looks before.
    for _, look in groupby(history.effects, key=attrgetter("look")):
        new = [place[effect.key] + (effect.key,) for effect in look if effect.key in place and effect.key not in seen]
        for group, number, key in new:
            seen.add(key)
            later, later_key = furthest.get(group, (-1, ""))
            if number < later:
                yield Violation(
                    message=f"in message group {group!r} the effect for {later_key!r} happened before that for "
                    f"{key!r}, which was sent earlier",
                    business_keys=(key, later_key),
                )
        for group, number, key in new:
            furthest[group] = max(furthest.get(group, (-1, "")), (number, key))


def response_valid(history: History) -> Iterator[Violation]:
    """Every response is one that the mapping reads as the documents say."""
    for invocation in history.invocations.values():
        if invocation.ending is Ending.RETURNED and invocation.problem is not None:
            keys = tuple(history.by_message_id[message_id].message.key for message_id in invocation.message_ids)
            yield Violation(
                message=f"invocation {invocation.number + 1} answered {short(invocation.payload)}: "
                f"{invocation.problem}; the mapping reads that as {invocation.verdict} of the batch",
                business_keys=keys,
            )


def body_exact(history: History) -> Iterator[Violation]:
    """Bodies arrive, and are worked on, byte for byte as they were sent."""
    for fate in _enqueued(history):
        if any(delivery.md5_of_body != md5_of_body(fate.message.body) for delivery in fate.deliveries):
            yield about(fate, "was delivered with another body than it was sent with")
    sent: dict[str, set[str]] = defaultdict(set)
    for message in history.plan.messages:
        sent[message.key].update(_bodies(message))
    for effect in history.effects:
        if effect.body is not None and effect.key in sent and effect.body not in sent[effect.key]:
            yield Violation(
                message=f"the effect for {effect.key!r} was made from {short(effect.body)}, "
                f"sent was {short(min(sent[effect.key]))}",
                business_keys=(effect.key,),
            )


def _bodies(message: PlannedMessage) -> tuple[str, ...]:
    """What an effect may have been made from: what was sent, or what that stands for."""
    return (message.body,) if message.payload is None else (message.body, message.payload)


def _enqueued(history: History) -> Iterator[Fate]:
    for fate in history.fates:
        if fate.enqueued:
            yield fate


def _poison_in(history: History, delivery: Delivered) -> tuple[str, ...]:
    batch = (history.by_message_id[i] for i in history.invocations[delivery.invocation].message_ids)
    return tuple(fate.message.key for fate in batch if fate.message.kind is not Kind.VALID)


def _list(keys: tuple[str, ...]) -> str:
    return ", ".join(repr(key) for key in keys)


INVARIANTS: dict[str, Invariant] = {
    invariant.name: invariant
    for invariant in (
        Invariant(name="no-loss", summary=(no_loss.__doc__ or ""), check=no_loss),
        Invariant(name="no-invention", summary=(no_invention.__doc__ or ""), check=no_invention),
        Invariant(
            name="effects-once", summary=(effects_once.__doc__ or ""), check=effects_once, claim=Claim.IDEMPOTENT
        ),
        Invariant(
            name="poison-isolated",
            summary=(poison_isolated.__doc__ or ""),
            check=poison_isolated,
            claim=Claim.PARTIAL_BATCH,
        ),
        Invariant(
            name="dead-lettered", summary=(dead_lettered.__doc__ or ""), check=dead_lettered, claim=Claim.DEAD_LETTERS
        ),
        Invariant(name="order-kept", summary=(order_kept.__doc__ or ""), check=order_kept, claim=Claim.ORDERED),
        Invariant(name="response-valid", summary=(response_valid.__doc__ or ""), check=response_valid),
        Invariant(name="body-exact", summary=(body_exact.__doc__ or ""), check=body_exact),
        Invariant(name="same-answer", summary=(same_answer.__doc__ or ""), check=same_answer),
        Invariant(
            name="deadline-kept",
            summary=(deadline_kept.__doc__ or ""),
            check=deadline_kept,
            claim=Claim.DEADLINE_AWARE,
        ),
        Invariant(
            name="oversize-done", summary=(oversize_done.__doc__ or ""), check=oversize_done, claim=Claim.OVERSIZE
        ),
        *EVIDENCE_INVARIANTS,
        *METAMORPHIC_INVARIANTS,
    )
}
