"""Invariants that need no definition of effects: what the AWS calls of a handler say about the records they were for.

They are silent about a consumer that says what its effects are, which is better evidence, and about a handler that
makes no AWS calls. What is a failure, and what a second call would do, is in :mod:`redrive.scenarios.evidence_table`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from redrive.simulator.function import Ending

from .consumer import Claim
from .evidence import Writing
from .history import Called, Fate, History, InvocationRecord
from .violation import Invariant, Violation, about

__all__ = ["EVIDENCE_INVARIANTS", "alone_of", "any_work", "is_acknowledged", "work_for"]

_WRITES = frozenset({Writing.SAME, Writing.GUARDED, Writing.ADDS, Writing.UNKNOWN})

_GUARD_SAID_NO = frozenset(
    {
        "AlreadyExistsException",
        "BucketAlreadyExists",
        "BucketAlreadyOwnedByYou",
        "ConditionalCheckFailedException",
        "ConditionalRequestConflict",
        "ConflictException",
        "DuplicateItemException",
        "EntityAlreadyExists",
        "ExecutionAlreadyExists",
        "IdempotentParameterMismatchException",
        "PreconditionFailed",
        "QueueAlreadyExists",
        "ResourceAlreadyExistsException",
        "ResourceExistsException",
        "ResourceInUseException",
        "TransactionCanceledException",
    }
)
"""Answers of a write whose work is done already: that is no failure."""

_INPUT_IS_INVALID = frozenset(
    {
        "EntityTooLarge",
        "InvalidArgument",
        "InvalidInput",
        "InvalidMessageContents",
        "InvalidParameter",
        "InvalidParameterException",
        "InvalidParameterValue",
        "InvalidRequest",
        "KeyTooLongError",
        "MessageRejected",
        "MissingParameter",
        "SerializationException",
        "ValidationError",
        "ValidationException",
    }
)
"""Answers that no retry changes. Whoever drops a message because of one may have chosen to."""


def acknowledged_after_failure(history: History) -> Iterator[Violation]:
    """No message is acknowledged whose every write failed, unless because the service calls it invalid."""
    if history.looks_at_effects or not history.called:
        return
    for fate in _acknowledged(history):
        failed = _all_failed(_writes_that_count(history, fate))
        if failed:
            answers = ", ".join(sorted({call.answer for call in failed}))
            yield about(fate, f"was acknowledged, though all that was done for it failed: {_calls(failed)}: {answers}")


def acknowledged_without_work(history: History) -> Iterator[Violation]:
    """What a message sets off when it comes alone it sets off in any company, and the other way round."""
    # Without a run of it alone nothing is said: to drop what is invalid is a choice.
    if history.looks_at_effects or not history.related:
        return
    for fate in _acknowledged(history):
        alone = alone_of(history, fate)
        if alone is None or not is_acknowledged(alone.fates[0]):
            continue
        here, there = work_for(history, fate), work_for(alone, alone.fates[0])
        if there and not here and not _may_be_among(history, fate, there):
            yield about(fate, f"was acknowledged without {_calls(there)}, which it sets off when it comes alone")
        elif here and not there and not history.struck:
            yield about(fate, f"sets off {_calls(here)} here; alone it is acknowledged without that")


def unconditional_write_twice(history: History) -> Iterator[Violation]:
    """A second delivery of a message that succeeds makes no unguarded write once more, be it later or meanwhile."""
    if history.looks_at_effects or not history.called:
        return
    for fate in history.fates:
        mine = [call for call in _mentioning(history, fate) if call.answer == "ok"]
        done_by = list(_succeeded(history, fate)) if mine else []
        for first, second in _one_after_the_other(history, fate, done_by):
            before = [call for call in mine if call.invocation == first.number or _ended_by(call, first)]
            later = [call for call in mine if call.invocation == second.number and call not in before]
            again = [call for call in later if _adds_again(call, before)]
            if again:
                when = "was done by" if _began_after(second, first) else "is being done by"
                what = f"invocation {second.number + 1} {_what(again)}"
                yield about(fate, f"{when} invocation {first.number + 1}, and {what}")
                break


def _one_after_the_other(
    history: History, fate: Fate, done_by: list[InvocationRecord]
) -> Iterator[tuple[InvocationRecord, InvocationRecord]]:
    """Who said that the message is done, with whoever began it after that, or meanwhile and said so too."""
    if not done_by:
        return
    numbers = dict.fromkeys(delivery.invocation for delivery in fate.deliveries)
    for invocation in map(history.invocations.__getitem__, numbers):
        if invocation.number != done_by[0].number and _began_after(invocation, done_by[0]):
            yield done_by[0], invocation
    for place, second in enumerate(done_by):
        for first in done_by[:place]:
            if not _began_after(second, first):
                yield first, second


def _began_after(second: InvocationRecord, first: InvocationRecord) -> bool:
    return first.ended_ms is not None and second.began_ms >= first.ended_ms


def _ended_by(call: Called, first: InvocationRecord) -> bool:
    return first.ended_ms is not None and call.at_ms <= first.ended_ms and call.invocation < first.number


def _adds_again(call: Called, before: Iterable[Called]) -> bool:
    """Whether a call adds to what like calls did: the same once more, or the like of it under another key.

    To replace what is under a key with something else is no second piece of work.
    """
    alike = [done for done in before if (done.service, done.operation) == (call.service, call.operation)]
    if call.writing is Writing.ADDS:
        return any(done.parameters == call.parameters or (call.target and done.target == call.target) for done in alike)
    place, _, key = call.target.partition(":")
    if call.writing is not Writing.SAME or not key or any(done.target == call.target for done in alike):
        return False
    return any(done.target.partition(":")[0] == place for done in alike)


def _what(again: list[Called]) -> str:
    if again[0].writing is Writing.ADDS:
        return f"made the same unguarded write once more: {_calls(again)}"
    return f"wrote it once more under another key: {_calls(again)}"


def work_for(history: History, fate: Fate) -> tuple[Called, ...]:
    """The writes for a message that took effect, or that a guard refused because they had, in all its deliveries."""
    return tuple(call for call in _mentioning(history, fate) if call.writing in _WRITES and _is_done(call))


def any_work(history: History) -> bool:
    """Whether anything was done for any message, be it not said for which. To make a table or a bucket is no work."""
    done = (call for call in history.called if call.writing in _WRITES and _is_done(call))
    return any(call.about or not call.operation.startswith("Create") for call in done)


def is_acknowledged(fate: Fate) -> bool:
    """Whether the message ended by being acknowledged."""
    return fate.acknowledged and fate.dead_lettered_after is None


def alone_of(history: History, fate: Fate) -> History | None:
    """The run, of those that this one is compared with, in which the message is all there is."""
    for other in history.related:
        if (
            len(other.plan.messages) == 1
            and other.plan.messages[0].body == fate.message.body
            and other.fates[0].enqueued
        ):
            return other
    return None


def _mentioning(history: History, fate: Fate) -> list[Called]:
    """The calls for a message, in order."""
    ids = history.ids_of(fate)
    alone = [d.invocation for d in fate.deliveries if len(history.invocations[d.invocation].message_ids) == 1]
    found = {
        place: call
        for part in (
            *(history.calls_naming.get(message_id, ()) for message_id in ids),
            *(history.calls_for_each.get(invocation, ()) for invocation in alone),
        )
        for place, call in part
    }
    return [found[place] for place in sorted(found)]


def _writes_that_count(history: History, fate: Fate) -> list[Called]:
    """The writes for a message; where none can be told, those of its invocations that are for no record in particular.

    Of these there must be as many as there are records: one for an invocation may be about the invocation.
    """
    mine = [call for call in _mentioning(history, fate) if call.writing in _WRITES]
    if mine:
        return mine
    found: list[Called] = []
    for number in {delivery.invocation for delivery in fate.deliveries}:
        writes = _unclaimed(history, number)
        size = len(history.invocations[number].message_ids)
        if size > 1 and len({call.parameters for call in writes}) >= size:
            found += writes
    return found


def _unclaimed(history: History, invocation: int) -> list[Called]:
    """The writes of an invocation that are for no record in particular. To make a table or a bucket is no work."""
    return [
        call
        for call in history.called
        if call.invocation == invocation
        and call.writing in _WRITES
        and not call.about
        and not call.operation.startswith("Create")
    ]


def _may_be_among(history: History, fate: Fate, there: Iterable[Called]) -> bool:
    """Whether a call that is for no record in particular may be for this one as well, going by its operation."""
    operations = {(call.service, call.operation) for call in there}
    return any(
        (call.service, call.operation) in operations and _is_done(call)
        for number in {delivery.invocation for delivery in fate.deliveries}
        for call in _unclaimed(history, number)
    )


def _all_failed(calls: list[Called]) -> list[Called]:
    if any(_is_done(call) or call.answer in _INPUT_IS_INVALID for call in calls):
        return []
    return calls


def _is_done(call: Called) -> bool:
    return call.answer == "ok" or call.answer in _GUARD_SAID_NO


def _acknowledged(history: History) -> Iterator[Fate]:
    for fate in history.fates:
        if fate.enqueued and is_acknowledged(fate):
            yield fate


def _succeeded(history: History, fate: Fate) -> Iterator[InvocationRecord]:
    """The invocations that answered that the message is done."""
    for delivery in fate.deliveries:
        invocation = history.invocations[delivery.invocation]
        if invocation.ending is Ending.RETURNED and delivery.message_id not in invocation.failed:
            yield invocation


def _calls(calls: Iterable[Called]) -> str:
    """Service and operation of calls, with how many there are of each."""
    counts = Counter(f"{call.service} {call.operation}" for call in calls)
    return ", ".join(name if count == 1 else f"{count} times {name}" for name, count in counts.items())


EVIDENCE_INVARIANTS = (
    Invariant(
        name="acknowledged-after-failure",
        summary=acknowledged_after_failure.__doc__ or "",
        check=acknowledged_after_failure,
    ),
    Invariant(
        name="acknowledged-without-work",
        summary=acknowledged_without_work.__doc__ or "",
        check=acknowledged_without_work,
    ),
    Invariant(
        name="unconditional-write-twice",
        summary=unconditional_write_twice.__doc__ or "",
        check=unconditional_write_twice,
        claim=Claim.IDEMPOTENT,
    ),
)
