"""A handler as the function of a run in real time: its faults strike at its calls, and its effects are looked at."""

import contextlib
import time
from collections.abc import Callable

from redrive.fixtures.runtimes.context import LambdaContext
from redrive.simulator.driver import Invocation
from redrive.simulator.function import Ending, Outcome

from ..interruption import safe_point
from ..plan import CALL_MS, Plan
from .aws_calls import observed
from .handler_thread import Busy, HandlerThread
from .handlers import Handler, Handlers
from .in_progress import Duplicate, InProgress, Wait
from .live_record import Recorder
from .simulated_queue import event_for

__all__ = ["LiveFunction"]

_SLICE_S = 0.05
_MARGIN_S = 1.0
"""How long after its timeout a handler that makes no calls is stopped."""


class LiveFunction:
    """Called with an :class:`Invocation`, it runs the handler, lets the plan's faults strike at its calls, and looks.

    One invocation at a time. The time limit counts from when the execution environment is ready, as on Lambda.
    """

    def __init__(
        self, plan: Plan, handlers: Handlers, recorder: Recorder, *, timeout_s: int, look: Callable[[int], object]
    ) -> None:
        self._plan = plan
        self._handlers = handlers
        self._recorder = recorder
        self._timeout_s = timeout_s
        self._look = look
        self._busy_s = handlers.busy_s if handlers.busy_s is not None else timeout_s + _MARGIN_S
        self._threads: dict[int, HandlerThread[Wait | Duplicate]] = {}
        self._in_progress: dict[int, InProgress] = {}

    def __call__(self, invocation: Invocation) -> Outcome:
        """Run the handler and wait for it; what it did is looked at before this returns."""
        number = invocation.environment
        if number not in self._threads:
            self._threads[number] = HandlerThread(busy_s=self._busy_s)
        thread = self._threads[number]
        mine = InProgress(
            world=self._recorder,
            invocation=invocation,
            thread=thread,
            successor=self._in_progress.get,
            # Calls take the time that they take, unless a plan is about that.
            call_ms=0 if self._plan.call_ms == CALL_MS else self._plan.call_ms,
        )
        handler = self._handlers.get(number)
        answers: list[Outcome] = []
        self._in_progress[number] = mine
        try:
            asked = thread.begin(lambda: self._invoke(handler, mine, answers))
            while asked is not None:
                self._do(mine, asked)
                asked = thread.resume()
        except Busy:
            mine.killed = Ending.TIMED_OUT
            handler.leave()
        finally:
            mine.over = True
            del self._in_progress[number]
        self._look(invocation.number)
        return mine.outcome_if_killed() or answers[0]

    def discard(self, number: int) -> None:
        """The execution environment timed out or crashed (E24)."""
        self._handlers.discard(number)
        thread = self._threads.pop(number, None)
        if thread is not None:
            thread.close()

    def close(self) -> None:
        """Leave nothing behind."""
        with contextlib.ExitStack() as steps:
            steps.callback(self._handlers.close)
            for number in tuple(self._threads):
                steps.callback(self.discard, number)

    def _invoke(self, handler: Handler, mine: InProgress, answers: list[Outcome]) -> None:
        """In the handler's thread: the whole invocation."""
        with observed(mine):
            handler.begin(mine)
            handler.prepare()
            deadline_ms = self._recorder.now_ms + self._timeout_s * 1000
            mine.invocation = mine.invocation._replace(deadline_ms=deadline_ms)
            context = LambdaContext(
                now_ms=lambda: self._recorder.now_ms,
                deadline_ms=deadline_ms,
                aws_request_id=mine.invocation.request_id,
            )
            outcome = handler.invoke(event_for(self._plan, mine.invocation.event), context)
            if outcome.ending is Ending.TIMED_OUT or self._recorder.now_ms >= deadline_ms:
                mine.hang()
            for fault in self._recorder.faults.at_end(mine.invocation.number):
                mine.strike(fault)
        answers.append(outcome)

    def _do(self, mine: InProgress, asked: Wait | Duplicate) -> None:
        """Wait in real time, up to the function's timeout, which ends the handler (E23)."""
        match asked:
            case Wait(duration_ms, wrote):
                if wrote and self._plan.fifo:
                    self._look(mine.invocation.number)
                self._wait(duration_ms, mine.invocation.deadline_ms)
            case Duplicate():
                raise AssertionError("no second invocation at once here: what needs one is skipped")
        if self._recorder.now_ms >= mine.invocation.deadline_ms:
            mine.killed = Ending.TIMED_OUT

    def _wait(self, duration_ms: int, deadline_ms: int) -> None:
        until_ms = min(self._recorder.now_ms + duration_ms, deadline_ms)
        while (left_s := (until_ms - self._recorder.now_ms) / 1000) > 0:
            time.sleep(min(left_s, _SLICE_S))
            safe_point()
