"""Histories told by hand: who sent what, who was given it, what came of it."""

import pytest

from redrive.fixtures.event_builder import md5_of_body
from redrive.scenarios.consumer import QueueSpec
from redrive.scenarios.history import Called, EffectGone, EffectSeen, History
from redrive.scenarios.plan import Kind, Plan, PlannedMessage
from redrive.simulator import trace
from redrive.simulator.batch_response import BatchVerdict
from redrive.simulator.faults import CrashAt
from redrive.simulator.function import Ending

START_MS = 1_000_000


def planned(name):
    """``group:key#copy``, of which only the key must be there. A key that begins with ``bad`` is poison."""
    group, _, rest = name.rpartition(":")
    key = rest.partition("#")[0]
    kind = Kind.POISON if key.startswith("bad") else Kind.VALID
    return PlannedMessage(key=key, body=f"body of {key}", kind=kind, group=group or None)


class Story:
    """Messages go by the names that they are made with. Each step takes a second of virtual time."""

    def __init__(self, *names, max_receive_count=3, report_batch_item_failures=True, looks_at_effects=True):
        self.names = names
        self.plan = Plan(
            messages=tuple(planned(name) for name in names),
            fifo=any(":" in name for name in names),
        )
        self.queue = QueueSpec(
            max_receive_count=max_receive_count, report_batch_item_failures=report_batch_item_failures
        )
        self.looks_at_effects = looks_at_effects
        self.events = []
        self.now_ms = START_MS
        self.looks = 0
        self.batches = {}
        self.ids = {}
        self.receive_counts = dict.fromkeys(names, 0)

    def add(self, event):
        self.events.append(event)
        self.now_ms += 1000
        return self

    def id_of(self, name):
        return self.ids.get(name, f"id of {name}")

    def sent(self, *names):
        for name in names or self.names:
            self.events.append(trace.Sent(self.now_ms, self.names.index(name), self.id_of(name), True))
        return self

    def swallowed(self, name, *, as_a_duplicate_of):
        return self.add(trace.Sent(self.now_ms, self.names.index(name), self.id_of(as_a_duplicate_of), False))

    def delivered(self, *names, body=None):
        """A new invocation begins with these messages."""
        number = len(self.batches)
        self.batches[number] = names
        self.events.append(trace.Began(self.now_ms, number, number, True, len(names)))
        for name in names:
            self.receive_counts[name] += 1
            md5 = md5_of_body(body or planned(name).body)
            self.events.append(trace.Delivered(self.now_ms, number, self.id_of(name), self.receive_counts[name], md5))
        return self

    def called(self, operation="PutItem", answer="ok", *, invocation=None):
        return self.add(Called(self.now_ms, self._number(invocation), 1, "dynamodb", operation, answer))

    def effects(self, *keys, body=None, invocation=None):
        """One look finds all of these."""
        self.looks += 1
        for key in keys:
            self.events.append(EffectSeen(self.now_ms, self._number(invocation), self.looks, key, body))
        return self

    def gone(self, *keys, body=None, invocation=None):
        """One look finds that these are there no more."""
        self.looks += 1
        for key in keys:
            self.events.append(EffectGone(self.now_ms, self._number(invocation), self.looks, key, body))
        return self

    def fault(self, fault=None, *, invocation=None):
        number = self._number(invocation)
        return self.add(trace.Struck(self.now_ms, number, fault or CrashAt(invocation=number, call=1)))

    def returned(self, *failed, invocation=None, problem=None, verdict=None, payload="{}"):
        """The invocation answers that ``failed`` failed; the mapping deletes the rest."""
        number = self._number(invocation)
        if verdict is None:
            verdict = BatchVerdict.PARTIAL if failed else BatchVerdict.SUCCESS
        self._ended(number, Ending.RETURNED, failed, verdict, problem, payload)
        return self.deleted(*(name for name in self.batches[number] if name not in failed), invocation=number)

    def deleted(self, *names, invocation=None):
        for name in names:
            self.events.append(trace.Deleted(self.now_ms, self._number(invocation), self.id_of(name)))
        return self

    def ended(self, ending, *, invocation=None, payload=None):
        """The invocation ends otherwise: its whole batch comes back."""
        number = self._number(invocation)
        return self._ended(number, ending, self.batches[number], BatchVerdict.FAILURE, None, payload)

    def _ended(self, number, ending, failed, verdict, problem, payload):
        ids = frozenset(self.id_of(name) for name in failed)
        return self.add(trace.Ended(self.now_ms, number, ending, payload, verdict, ids, problem))

    def lost_deletion(self, name, *, invocation=None):
        return self.add(trace.DeleteLost(self.now_ms, self._number(invocation), self.id_of(name)))

    def refused_deletion(self, name, *, invocation=None):
        number = self._number(invocation)
        return self.add(trace.DeleteRefused(self.now_ms, number, self.id_of(name), "InvalidParameterValue"))

    def reappeared(self, name):
        return self.add(trace.Reappeared(self.now_ms, self.id_of(name)))

    def dead_lettered(self, *names, after=None):
        for name in names:
            count = self.receive_counts[name] if after is None else after
            self.events.append(trace.DeadLettered(self.now_ms, self.id_of(name), count))
        return self

    def filtered(self, name):
        return self.add(trace.Filtered(self.now_ms, self.id_of(name)))

    def expired(self, name):
        return self.add(trace.Expired(self.now_ms, self.id_of(name)))

    def throttled(self, *names):
        """The function cannot be invoked with these messages."""
        self.batches[len(self.batches)] = names
        return self.add(trace.Throttled(self.now_ms, self._number(None), len(names)))

    def let_go(self, name):
        self.receive_counts[name] += 1
        return self.add(trace.LetGo(self.now_ms, self._number(None), self.id_of(name), self.receive_counts[name]))

    def redriven(self, name):
        """It goes by its new id from now on."""
        before = self.id_of(name)
        self.ids[name] = f"{before}, new"
        self.receive_counts[name] = 0
        return self.add(trace.Redriven(self.now_ms, before, self.ids[name]))

    def _number(self, invocation):
        return len(self.batches) - 1 if invocation is None else invocation

    def history(self, *, finished=True):
        return History(
            plan=self.plan,
            queue=self.queue,
            events=tuple(self.events),
            finished=finished,
            looks_at_effects=self.looks_at_effects,
            start_ms=START_MS,
        )


@pytest.fixture
def story():
    """The class :class:`Story`, with everything sent: ``story("a", "bad-b")``."""

    def tell(*names, sent=True, **options):
        told = Story(*names, **options)
        return told.sent() if sent else told

    return tell
