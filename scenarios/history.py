"""What happened to every message, in order: the one thing that verdicts are drawn from."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from redrive.simulator import trace
from redrive.simulator.batch_response import BatchVerdict
from redrive.simulator.faults import Fault
from redrive.simulator.function import Ending

from .consumer import QueueSpec
from .evidence import Writing
from .plan import Plan, PlannedMessage

__all__ = ["Called", "EffectGone", "EffectSeen", "Fate", "History", "InvocationRecord"]


class Called(NamedTuple):
    """The handler made an AWS call, its number ``call`` counted from 1 within the invocation.

    The last four are :class:`redrive.scenarios.evidence.Evidence`, where it could be had.
    """

    at_ms: int
    invocation: int
    call: int
    service: str
    operation: str
    answer: str
    parameters: str = ""
    writing: Writing = Writing.UNKNOWN
    target: str = ""
    about: tuple[str, ...] = ()


class EffectSeen(NamedTuple):
    """An effect was there that was not there at the last look. Effects of one look have no order among them."""

    at_ms: int
    invocation: int
    look: int
    key: str
    body: str | None


class EffectGone(NamedTuple):
    """An effect that was there at the last look is there no more."""

    at_ms: int
    invocation: int
    look: int
    key: str
    body: str | None


@dataclass(slots=True)
class Fate:
    """What became of one planned message.

    ``message_id`` is the latest that it has: moved back from the dead-letter queue it gets a new one (S12).
    ``receives`` counts under that id also those receives that never came to a delivery, because the invocation was
    throttled (E17). ``refused`` is the code with which the queue refused its send.
    """

    number: int
    message: PlannedMessage
    message_id: str = ""
    enqueued: bool = False
    deliveries: list[trace.Delivered] = field(default_factory=list)
    receives: int = 0
    acknowledged: bool = False
    filtered: bool = False
    expired: bool = False
    refused: str | None = None
    dead_lettered_after: int | None = None

    def end(self, event: trace.Filtered | trace.Expired | trace.DeadLettered) -> None:
        """Take note of how it left the queue without being acknowledged."""
        match event:
            case trace.Filtered():
                self.filtered = True
            case trace.Expired():
                self.expired = True
            case trace.DeadLettered(receive_count=receive_count):
                self.dead_lettered_after = receive_count

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing more is to come: deleted for one reason or another, dead-lettered, or never enqueued."""
        return not self.enqueued or self.filtered or self.acknowledged or self.dead_lettered_after is not None


@dataclass(slots=True)
class InvocationRecord:
    """One invocation: its batch, its ending, and how the mapping read its answer."""

    number: int
    began_ms: int
    message_ids: list[str] = field(default_factory=list)
    ended_ms: int | None = None
    ending: Ending | None = None
    verdict: BatchVerdict | None = None
    failed: frozenset[str] = frozenset()
    problem: str | None = None
    payload: str | None = None
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class History:
    """A recorded run. ``events`` are of :mod:`redrive.simulator.trace` and of this module, in order.

    ``finished`` is False if there was something left to happen when the run was cut off. ``looks_at_effects`` is False
    for a consumer that does not say what its effects are. ``related`` are runs that this one is compared with.
    """

    plan: Plan
    queue: QueueSpec
    events: Sequence[Any]
    finished: bool
    looks_at_effects: bool
    start_ms: int
    related: "tuple[History, ...]" = ()

    @cached_property
    def fates(self) -> tuple[Fate, ...]:
        """What became of each message of the plan, in its order."""
        fates = [Fate(number, message) for number, message in enumerate(self.plan.messages)]
        by_id: dict[str, Fate] = {}
        for event in self.events:
            match event:
                # First what there is most of.
                case trace.Delivered(message_id=message_id):
                    fate = by_id[message_id]
                    fate.deliveries.append(event)
                    fate.receives += 1
                case trace.Deleted():
                    by_id[event.message_id].acknowledged = True
                case trace.Sent(_, number, message_id, enqueued):
                    fates[number].message_id, fates[number].enqueued = message_id, enqueued
                    by_id.setdefault(message_id, fates[number])
                case trace.SendRefused(_, number, code):
                    fates[number].refused = code
                case trace.LetGo(_, _, message_id):
                    by_id[message_id].receives += 1
                case trace.Redriven(_, message_id, new_message_id):
                    fate = by_id[new_message_id] = by_id[message_id]
                    fate.message_id, fate.receives, fate.dead_lettered_after = new_message_id, 0, None
                case trace.Filtered() | trace.Expired() | trace.DeadLettered():
                    by_id[event.message_id].end(event)
        return tuple(fates)

    @cached_property
    def by_message_id(self) -> dict[str, Fate]:
        """The fates by each message id that a message had, of the messages that were enqueued."""
        fates = {fate.message_id: fate for fate in self.fates if fate.enqueued}
        for fate in self.fates:
            fates.update((d.message_id, fate) for d in fate.deliveries if d.message_id != fate.message_id)
        return fates

    def ids_of(self, fate: Fate) -> frozenset[str]:
        """Every message id that the message had; none for one that deduplication swallowed."""
        if not fate.enqueued:
            return frozenset()
        return frozenset({fate.message_id, *(delivery.message_id for delivery in fate.deliveries)})

    @cached_property
    def invocations(self) -> dict[int, InvocationRecord]:
        """The invocations by number."""
        records: dict[int, InvocationRecord] = {}
        for event in self.events:
            match event:
                case trace.Began(at_ms, invocation) | trace.Throttled(at_ms, invocation):
                    record = records.setdefault(invocation, InvocationRecord(invocation, at_ms))
                    record.began_ms = at_ms
                case trace.Delivered(_, invocation, message_id):
                    records[invocation].message_ids.append(message_id)
                case trace.Struck(at_ms, invocation, fault) if invocation is not None:
                    records.setdefault(invocation, InvocationRecord(invocation, at_ms)).faults.append(fault)
                case trace.Ended(at_ms, invocation, ending, payload, verdict, failed, problem):
                    record = records[invocation]
                    record.ended_ms, record.ending, record.payload = at_ms, ending, payload
                    record.verdict, record.failed, record.problem = verdict, failed, problem
        return records

    @cached_property
    def effects(self) -> tuple[EffectSeen, ...]:
        """The effects in the order in which they were seen."""
        return tuple(event for event in self.events if isinstance(event, EffectSeen))

    @cached_property
    def done(self) -> frozenset[str]:
        """The business keys whose effect is there in the end."""
        seen = Counter(effect.key for effect in self.effects)
        gone = Counter(event.key for event in self.events if isinstance(event, EffectGone))
        return frozenset(seen - gone)

    @cached_property
    def deliveries(self) -> int:
        """How many messages were delivered, each delivery counted."""
        return sum(len(fate.deliveries) for fate in self.fates)

    @cached_property
    def struck(self) -> bool:
        """Whether any fault of the plan struck."""
        return any(isinstance(event, trace.Struck | trace.DeleteLost | trace.Reappeared) for event in self.events)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all that happened, in hexadecimal: equal for equal histories, in whichever process."""
        sha = hashlib.sha256()
        for event in self.events:
            # A set has no order of its own.
            values = [sorted(value) if isinstance(value, frozenset) else value for value in event]
            sha.update(f"{type(event).__name__}{values}\n".encode())
        return sha.hexdigest()

    @cached_property
    def called(self) -> tuple[Called, ...]:
        """The AWS calls that the handler made, in order."""
        return tuple(event for event in self.events if isinstance(event, Called))

    @cached_property
    def calls_naming(self) -> Mapping[str, Sequence[tuple[int, Called]]]:
        """The calls about a record, by message id; each with its place among all of them."""
        named: dict[str, list[tuple[int, Called]]] = {}
        for place, call in enumerate(self.called):
            for message_id in call.about:
                named.setdefault(message_id, []).append((place, call))
        return named

    @cached_property
    def calls_for_each(self) -> Mapping[int, Sequence[tuple[int, Called]]]:
        """The additions that name no record and are one for each all the same, by invocation; with their places.

        That they are shows where a batch has several records: what is called once there is about the invocation.
        """
        unnamed = [
            (place, call) for place, call in enumerate(self.called) if not call.about and call.writing is Writing.ADDS
        ]
        counts = Counter((call.invocation, _sort(call)) for _, call in unnamed)
        for_each = {
            sort for (number, sort), count in counts.items() if 1 < len(self.invocations[number].message_ids) <= count
        }
        found: dict[int, list[tuple[int, Called]]] = {}
        for place, call in unnamed:
            if _sort(call) in for_each:
                found.setdefault(call.invocation, []).append((place, call))
        return found

    @property
    def calls(self) -> int:
        """How many AWS calls the handler made."""
        return len(self.called)


def _sort(call: Called) -> tuple[str, str, str]:
    return call.service, call.operation, call.target
