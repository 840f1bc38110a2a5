"""One run of a plan: the simulation on one side, and on the other handlers in threads that take turns.

A handler runs until its next AWS call has taken effect, or until it sleeps. Then the baton goes back to the simulation,
and whose turn is next follows from virtual time alone: so invocations that are in progress together are interleaved at
their AWS calls, in an order that the plan's faults decide.
"""

import contextlib
from collections.abc import Callable, Generator

from redrive.fixtures.runtimes.context import LambdaContext
from redrive.fixtures.stacks import Aws
from redrive.simulator.driver import EPOCH_MS, Invocation
from redrive.simulator.function import Ending, Outcome

from ..consumer import Consumer
from ..history import History
from ..plan import Plan
from .aws_calls import current, observed
from .effect_looks import EffectLooks
from .handler_thread import Busy, HandlerThread
from .handlers import Handler, Handlers
from .in_progress import Duplicate, InProgress, Wait
from .simulated_queue import event_for, horizon_ms, plan_agenda, simulation_of, with_pointers

__all__ = ["SimulatedRun"]


class SimulatedRun:
    """A plan, a consumer, and a handler; :meth:`history` runs them from an empty world to the end."""

    def __init__(self, plan: Plan, consumer: Consumer, handlers: Handlers, aws: Aws, *, seed: int) -> None:
        self._plan = plan
        self._consumer = consumer
        self._aws = aws
        self._handlers = handlers
        self._threads: dict[int, HandlerThread[Wait | Duplicate]] = {}
        self._in_progress: dict[int, InProgress] = {}
        self._on_stage: InProgress | None = None
        self._set_clock: Callable[[int], None]
        self._simulation = simulation_of(
            plan, consumer.queue, self._call, seed=seed, on_discard=self._discard, passes=handlers.passes
        )
        self._effects = EffectLooks(consumer, aws, self._simulation.trace.append)

    def history(self) -> History:
        """Run it. What the consumer's ``setup`` and ``effects`` raise comes through."""
        try:
            with self._handlers.clock(lambda: self._simulation.now_ms, _sleep) as self._set_clock:
                if self._consumer.setup is not None:
                    self._consumer.setup(self._aws)
                self._plan = with_pointers(self._plan, self._consumer, self._aws)
                plan_agenda(self._simulation, self._plan)
                finished = self._simulation.run(EPOCH_MS + horizon_ms(self._plan, self._consumer.queue))
                self._look_at_effects(-1)
        finally:
            self._leave_nothing()
        return History(
            plan=self._plan,
            queue=self._consumer.queue,
            events=tuple(self._simulation.trace),
            finished=finished,
            looks_at_effects=self._consumer.effects is not None,
            start_ms=EPOCH_MS,
        )

    def _call(self, invocation: Invocation) -> Generator[int, None, Outcome]:
        """The simulator's function: run the handler, with this invocation's faults, by turns with others."""
        number = invocation.environment
        if number not in self._threads:
            self._threads[number] = HandlerThread(busy_s=self._handlers.busy_s)
        mine = InProgress(
            world=self._simulation,
            invocation=invocation,
            thread=self._threads[number],
            successor=self._in_progress.get,
            call_ms=self._plan.call_ms,
        )
        environment = self._handlers.get(number)
        self._put_on_stage(None)
        self._in_progress[number] = mine
        answers: list[Outcome] = []
        try:
            asked = self._turn(mine, lambda: mine.thread.begin(lambda: self._invoke(environment, mine, answers)))
            while asked is not None:
                yield from self._do(mine, asked)
                asked = self._turn(mine, lambda: self._resume(mine))
        finally:
            self._end(mine)
        return mine.outcome_if_killed() or answers[0]

    def _invoke(self, environment: Handler, mine: InProgress, answers: list[Outcome]) -> None:
        """In the handler's thread: the whole invocation."""
        invocation = mine.invocation
        context = LambdaContext(
            now_ms=lambda: self._simulation.now_ms,
            deadline_ms=invocation.deadline_ms,
            aws_request_id=invocation.request_id,
        )
        with observed(mine):
            environment.begin(mine)
            outcome = environment.invoke(event_for(self._plan, invocation.event), context)
            if outcome.ending is Ending.TIMED_OUT:
                mine.hang()
            for fault in self._simulation.faults.at_end(invocation.number):
                mine.strike(fault)
        answers.append(outcome)

    def _turn(self, mine: InProgress, go: Callable[[], Wait | Duplicate | None]) -> Wait | Duplicate | None:
        """Let the handler run until it asks for something. Its wall clock is that of its execution environment."""
        self._set_clock(self._simulation.now_ms + mine.invocation.clock_skew_ms)
        try:
            asked = go()
        except Busy:
            self._put_on_stage(None)
            raise
        self._on_stage = mine
        if asked is None:
            # It leaves by itself when the handler returns. What strikes after that has it enter once more.
            self._handlers.get(mine.invocation.environment).leave()
            self._on_stage = None
        return asked

    def _do(self, mine: InProgress, asked: Wait | Duplicate) -> Generator[int, None, None]:
        deadline_ms = mine.invocation.deadline_ms
        match asked:
            case Wait(duration_ms, wrote):
                yield duration_ms
                if wrote and self._plan.fifo:
                    self._look_at_effects(mine.invocation.number)
            case Duplicate(None):
                second = self._simulation.deliver_concurrently(mine.invocation.number)
                if second is not None and not self._simulation.run_to_the_end_of(second, until_ms=deadline_ms):
                    yield deadline_ms - self._simulation.now_ms
            case Duplicate(int(held_ms)):
                self._simulation.deliver_concurrently(mine.invocation.number)
                yield held_ms
        if self._simulation.now_ms >= deadline_ms:
            yield 0

    def _put_on_stage(self, mine: InProgress | None) -> None:
        """Whose modules and output are in place; what there is by now is the work of who had the stage before."""
        before = self._on_stage
        if before is mine:
            return
        if before is not None:
            self._look_at_effects(before.invocation.number)
            self._handlers.get(before.invocation.environment).leave()
        if mine is not None:
            self._handlers.get(mine.invocation.environment).enter()
        self._on_stage = mine

    def _resume(self, mine: InProgress) -> Wait | Duplicate | None:
        self._put_on_stage(mine)
        return mine.thread.resume()

    def _end(self, mine: InProgress) -> None:
        if mine.over:
            return
        if mine.thread.is_at_work:
            # Amid a wait its time is up.
            mine.killed = Ending.TIMED_OUT
            self._turn(mine, lambda: self._resume(mine))
        mine.over = True
        del self._in_progress[mine.invocation.environment]
        self._look_at_effects(mine.invocation.number)

    def _leave_nothing(self) -> None:
        """End what a run leaves in progress: it was cut off, or something went wrong. All of it, whatever is raised."""
        with contextlib.ExitStack() as last_first:
            last_first.callback(self._handlers.close)
            for number in reversed(self._threads):
                last_first.callback(self._discard, number)
            for mine in reversed(self._in_progress.values()):
                last_first.callback(self._abandon, mine)

    def _abandon(self, mine: InProgress) -> None:
        """End an invocation whose outcome nobody waits for any more, and leave nothing of it in this process."""
        mine.over = True
        mine.killed = Ending.CRASHED
        self._put_on_stage(None)
        self._handlers.get(mine.invocation.environment).enter()
        try:
            with contextlib.suppress(Busy):
                mine.thread.resume()
        finally:
            self._handlers.get(mine.invocation.environment).leave()

    def _discard(self, environment: int) -> None:
        self._handlers.discard(environment)
        thread = self._threads.pop(environment, None)
        if thread is not None:
            thread.close()

    def _look_at_effects(self, invocation: int) -> None:
        self._effects.look(invocation, lambda: self._simulation.now_ms)


def _sleep(seconds: float) -> None:
    observer = current()
    if isinstance(observer, InProgress):
        observer.sleep(seconds)
