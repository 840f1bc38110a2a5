"""Invocations in virtual time, from their beginning to their end: environments, cold starts, time limits."""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from . import trace
from .agenda import Agenda
from .event_source import Batch
from .faults import Faults
from .function import ExecutionEnvironments, Lease, Outcome, timed_out
from .mapping_config import MappingConfig
from .queue import Received

__all__ = ["Invocation", "Invocations", "Steps"]

Steps = Generator[int, None, Outcome]
"""A function in progress: it yields for how many milliseconds it is busy until its next step."""


class Invocation(NamedTuple):
    """What the function is called with. ``number`` counts from 0; times are milliseconds since the epoch.

    The wall clock of its execution environment is ``clock_skew_ms`` ahead of these.
    """

    number: int
    request_id: str
    event: dict[str, Any]
    environment: int
    cold: bool
    started_ms: int
    deadline_ms: int
    clock_skew_ms: int = 0


class Invocations:
    """The function's invocations in progress (E23, E24).

    ``call`` is the function, ``request_id`` gives the ids, and ``on_end`` is told the number and the outcome of each
    invocation that has ended.
    """

    def __init__(
        self,
        call: Callable[[Invocation], Outcome | Steps],
        mapping: MappingConfig,
        *,
        agenda: Agenda,
        faults: Faults,
        record: Callable[[trace.Event], None],
        request_id: Callable[[], str],
        on_end: Callable[[int, Outcome], None],
        on_discard: Callable[[int], None],
    ) -> None:
        self._call = call
        self._timeout_s = mapping.function_timeout_s
        self._cold_start_ms = mapping.cold_start_ms
        self._agenda = agenda
        self._faults = faults
        self._record = record
        self._request_id = request_id
        self._on_end = on_end
        self._environments = ExecutionEnvironments(on_discard)
        self.running = 0

    def begin(self, number: int, batch: Batch[Received]) -> None:
        """Begin an invocation, in an environment that is warm if there is one."""
        self.running += 1
        lease = self._environments.lend()
        now_ms = self._agenda.now_ms
        self._record(trace.Began(now_ms, number, lease.environment, lease.cold, len(batch.deliveries)))
        for message, _, receive_count in batch.deliveries:
            self._record(trace.Delivered(now_ms, number, message.message_id, receive_count, message.md5_of_body))
        if lease.cold:
            for skew in self._faults.skew(lease.environment - 1):
                self._record(trace.Struck(now_ms, None, skew))
            if self._cold_start_ms:
                # It does not count toward the function's timeout.
                self._agenda.at(now_ms + self._cold_start_ms, self._invoke, number, lease, batch.event)
                return
        self._invoke(number, lease, batch.event)

    def _invoke(self, number: int, lease: Lease, event: dict[str, Any]) -> None:
        now_ms = self._agenda.now_ms
        invocation = Invocation(
            number=number,
            request_id=self._request_id(),
            event=event,
            environment=lease.environment,
            cold=lease.cold,
            started_ms=now_ms,
            deadline_ms=now_ms + self._timeout_s * 1000,
            clock_skew_ms=sum(skew.by_ms for skew in self._faults.skew(lease.environment - 1)),
        )
        outcome = self._call(invocation)
        if isinstance(outcome, Outcome):
            self._finish(invocation, outcome)
        else:
            self._step(invocation, outcome)

    def _step(self, invocation: Invocation, steps: Steps) -> None:
        if self._agenda.now_ms >= invocation.deadline_ms:
            steps.close()
            self._end(invocation, timed_out(invocation.request_id, self._timeout_s))
            return
        try:
            busy_ms = next(steps)
        except StopIteration as stop:
            self._finish(invocation, stop.value)
            return
        until_ms = min(self._agenda.now_ms + busy_ms, invocation.deadline_ms)
        self._agenda.at(until_ms, self._step, invocation, steps)

    def _finish(self, invocation: Invocation, outcome: Outcome) -> None:
        """End after the outcome's duration; at the function's timeout if that comes first (E23)."""
        now_ms = self._agenda.now_ms
        end_ms = now_ms + outcome.duration_ms
        if end_ms > invocation.deadline_ms:
            end_ms = invocation.deadline_ms
            outcome = timed_out(invocation.request_id, self._timeout_s)
        if end_ms > now_ms:
            self._agenda.at(end_ms, self._end, invocation, outcome)
        else:
            self._end(invocation, outcome)

    def _end(self, invocation: Invocation, outcome: Outcome) -> None:
        self.running -= 1
        self._environments.give_back(invocation.environment, outcome.ending)
        self._on_end(invocation.number, outcome)
