"""What happened to every message, in order: the one thing that verdicts are drawn from."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from redrive.simulator import trace
from redrive.simulator.event_source import BatchVerdict
from redrive.simulator.faults import Fault
from redrive.simulator.function import Ending

from .consumer import QueueSpec
from .plan import Plan, PlannedMessage

__all__ = ["Called", "Delivery", "EffectGone", "EffectSeen", "Fate", "History", "InvocationRecord", "Struck"]


class Called(NamedTuple):
    """The handler made an AWS call, its number ``call`` counted from 1 within the invocation."""

    at_ms: int
    invocation: int
    call: int
    service: str
    operation: str
    answer: str


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


class Struck(NamedTuple):
    """A fault struck an invocation."""

    at_ms: int
    invocation: int
    fault: Fault


class Delivery(NamedTuple):
    """One delivery of a message: the invocation it was in, its place in the batch, and whether it came back."""

    at_ms: int
    invocation: int
    position: int
    receive_count: int
    md5_of_body: str


@dataclass(slots=True)
class Fate:
    """What became of one planned message."""

    number: int
    message: PlannedMessage
    message_id: str = ""
    enqueued: bool = False
    deliveries: list[Delivery] = field(default_factory=list)
    acknowledged: bool = False
    dead_lettered_after: int | None = None


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
    for a consumer that does not say what its effects are.
    """

    plan: Plan
    queue: QueueSpec
    events: Sequence[Any]
    finished: bool
    looks_at_effects: bool
    start_ms: int

    @cached_property
    def fates(self) -> tuple[Fate, ...]:
        """What became of each message of the plan, in its order."""
        fates = [Fate(number, message) for number, message in enumerate(self.plan.messages)]
        by_id: dict[str, Fate] = {}
        positions: dict[int, int] = defaultdict(int)
        for event in self.events:
            match event:
                case trace.Sent(_, number, message_id, enqueued):
                    fates[number].message_id, fates[number].enqueued = message_id, enqueued
                    by_id.setdefault(message_id, fates[number])
                case trace.Delivered(at_ms, invocation, message_id, receive_count, md5_of_body):
                    by_id[message_id].deliveries.append(
                        Delivery(at_ms, invocation, positions[invocation], receive_count, md5_of_body)
                    )
                    positions[invocation] += 1
                case trace.Deleted(_, _, message_id):
                    by_id[message_id].acknowledged = True
                case trace.DeadLettered(_, message_id, receive_count):
                    by_id[message_id].dead_lettered_after = receive_count
        return tuple(fates)

    @cached_property
    def by_message_id(self) -> dict[str, Fate]:
        """The fates by message id, of the messages that were enqueued."""
        return {fate.message_id: fate for fate in self.fates if fate.enqueued}

    @cached_property
    def invocations(self) -> dict[int, InvocationRecord]:
        """The invocations by number."""
        records: dict[int, InvocationRecord] = {}
        for event in self.events:
            match event:
                case trace.Began(at_ms, invocation):
                    records[invocation] = InvocationRecord(invocation, at_ms)
                case trace.Delivered(_, invocation, message_id):
                    records[invocation].message_ids.append(message_id)
                case Struck(_, invocation, fault):
                    records[invocation].faults.append(fault)
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
        return any(isinstance(event, Struck | trace.DeleteLost | trace.Reappeared) for event in self.events)

    @cached_property
    def calls(self) -> int:
        """How many AWS calls the handler made."""
        return sum(1 for event in self.events if isinstance(event, Called))
