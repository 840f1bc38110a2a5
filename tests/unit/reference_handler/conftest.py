"""A batch run with everything injected: a clock that stands still, ledgers and sinks that can be told to fail."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from redrive.reference_handler.batch import process_batch
from redrive.reference_handler.deadline import Deadline
from redrive.reference_handler.event import parse_event
from redrive.reference_handler.items import Item
from redrive.reference_handler.keys import KeySource
from redrive.reference_handler.ledger.memory import MemoryLedger
from redrive.reference_handler.sinks.sink import WRITTEN, Outcome, Row, failed

NOW_MS = 1_735_689_600_000


@dataclass
class Clock:
    """Milliseconds since the epoch, and how many of them each look costs."""

    now_ms: int = NOW_MS
    tick_ms: int = 0

    def __call__(self) -> int:
        self.now_ms += self.tick_ms
        return self.now_ms


@dataclass
class RecordingSink:
    """Remembers each call; rows whose body contains one of `failing` fail."""

    bulk: bool = False
    failing: frozenset[str] = frozenset()
    calls: list[list[str]] = field(default_factory=list)
    written: list[Row] = field(default_factory=list)
    on_write: Callable[[Row], None] = lambda row: None

    def write(self, rows, *, owner, deadline):
        self.calls.append([row.business_key for row in rows])
        outcomes: dict[str, Outcome] = {}
        for row in rows:
            self.on_write(row)
            if row.message.body in self.failing:
                outcomes[row.business_key] = failed("told to")
            else:
                self.written.append(row)
                outcomes[row.business_key] = WRITTEN
        return outcomes

    @property
    def bodies(self) -> list[str]:
        return [row.message.body for row in self.written]


@dataclass
class RecordingLedger:
    """A memory ledger that remembers calls and raises what `errors` holds for (method, key)."""

    inner: MemoryLedger = field(default_factory=lambda: MemoryLedger(ttl_s=86_400))
    errors: dict[tuple[str, str], BaseException] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    leases_until_ms: dict[str, int] = field(default_factory=dict)

    def _called(self, method: str, key: str) -> None:
        self.calls.append((method, key))
        if (method, key) in self.errors:
            raise self.errors[method, key]

    def claim(self, key, *, owner, lease_until_ms, now_ms):
        self._called("claim", key)
        self.leases_until_ms[key] = lease_until_ms
        return self.inner.claim(key, owner=owner, lease_until_ms=lease_until_ms, now_ms=now_ms)

    def complete(self, key, *, owner, now_ms):
        self._called("complete", key)
        return self.inner.complete(key, owner=owner, now_ms=now_ms)

    def release(self, key, *, owner):
        self._called("release", key)
        return self.inner.release(key, owner=owner)

    def of(self, method: str) -> list[str]:
        return [key for called, key in self.calls if called == method]


@dataclass
class World:
    """What outlives an invocation, and `run`, which is one."""

    clock: Clock = field(default_factory=Clock)
    ledger: RecordingLedger = field(default_factory=RecordingLedger)
    sink: RecordingSink = field(default_factory=RecordingSink)
    timeout_ms: int = 30_000

    def run(self, *records: dict[str, Any], owner: str = "request-1", **changes: Any) -> list[Item]:
        deadline_ms = self.clock.now_ms + self.timeout_ms
        settings: dict[str, Any] = {
            "ledger": self.ledger,
            "sink": self.sink,
            "key_source": KeySource(),
            "deadline": Deadline(remaining_ms=lambda: deadline_ms - self.clock(), reserve_ms=1_000),
            "now_ms": lambda: self.clock.now_ms,
            "lease_margin_ms": 500,
            "max_workers": 1,
        }
        return process_batch(parse_event({"Records": list(records)}), owner=owner, **{**settings, **changes})


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def new_world() -> Callable[..., World]:
    return World
