"""The simulated environment: the simulator's queue and mapping, the handler in this process, moto for its AWS calls."""

import random
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from botocore.exceptions import EndpointConnectionError

from redrive.fixtures.runtimes.context import LambdaContext
from redrive.fixtures.runtimes.in_process import ExecutionEnvironment, Killed
from redrive.fixtures.stacks import Aws, fake_environment, moto_aws, reset_moto
from redrive.simulator.driver import EPOCH_MS, Invocation, Simulation
from redrive.simulator.errors import SqsError
from redrive.simulator.faults import (
    AtCall,
    ConcurrentDuplicate,
    CrashAt,
    DependencyDown,
    Faults,
    Moment,
    SlowAt,
    TimeoutAt,
)
from redrive.simulator.function import Ending, Outcome, crashed, timed_out
from redrive.simulator.mapping_config import validate_mapping
from redrive.simulator.trace import Struck

from ..consumer import Consumer, Effect
from ..errors import TargetError, one_line
from ..handler_environments import HandlerEnvironments, outcome_of
from ..history import Called, EffectGone, EffectSeen, History
from ..plan import Plan
from ..target import HandlerOf, check_handler
from .aws_calls import current, install, observed, unobserved
from .simulated_queue import horizon_ms, mapping_config, plan_sends, queue_config
from .virtual_time import VirtualTime, outside_of_event_loops, virtual_time

__all__ = ["SimulatedEnvironment"]

CALL_MS = 5
"""How long an AWS call takes in virtual time."""

# Reads cannot have an effect, so there is no need to look for one after them.
_READS = ("Get", "List", "Describe", "Head", "Scan", "Query", "BatchGet")


class SimulatedEnvironment:
    """Runs plans against one consumer after another. Keep it: its start costs more than many runs."""

    name = "simulated"

    def __init__(self) -> None:
        install()
        self._aws: Aws

    @contextmanager
    def running(self) -> Iterator["SimulatedEnvironment"]:
        """Take this process's AWS calls over for as long as it lasts."""
        with moto_aws() as self._aws:
            yield self

    def check(self, consumer: Consumer) -> None:
        """Set the consumer up and import its handler once, for a clear word if that fails.

        Raises :class:`TargetError`, also for a queue or mapping that AWS would refuse.
        """
        spec = consumer.queue
        try:
            queue_config(spec, fifo=spec.fifo)
            validate_mapping(
                mapping_config(spec, fifo=spec.fifo, batch_size=spec.batch_size),
                fifo=spec.fifo,
                visibility_timeout_s=spec.visibility_timeout_s,
            )
        except SqsError as error:
            raise TargetError(f"the consumer's queue is refused with {one_line(error)}") from error
        reset_moto()
        with self._variables(consumer):
            if consumer.setup is not None:
                try:
                    consumer.setup(self._aws)
                except Exception as error:
                    raise TargetError(f"the consumer's setup failed with {one_line(error)}") from error
            check_handler(consumer)

    @contextmanager
    def _variables(self, consumer: Consumer) -> Iterator[None]:
        with tempfile.TemporaryDirectory(prefix="redrive-") as directory:
            variables = {name: value.replace("{tmp}", directory) for name, value in consumer.environment.items()}
            with fake_environment(variables):
                yield

    def run(self, plan: Plan, consumer: Consumer, handler: HandlerOf, *, seed: int) -> History:
        """One run from an empty world until nothing is left to happen, in virtual time."""
        reset_moto()
        with self._variables(consumer), _seeded(seed):
            return _Run(plan, consumer, handler, self._aws, seed=seed).history()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed what everybody draws from: the SDK waits for a random time before it tries again, and that shows."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


@dataclass(slots=True, eq=False)
class _Active:
    """An invocation in progress: what its AWS calls and its sleeping come to."""

    run: "_Run"
    invocation: Invocation
    # A handler may call from threads of its own; what its calls set off happens one at a time.
    lock: threading.RLock = field(default_factory=threading.RLock)
    calls: int = 0
    killed: Ending | None = None
    down: DependencyDown | None = None
    over: bool = False

    def before_call(self, service: str, operation: str) -> None:
        with self.lock:
            self.live()
            self.run.before_call(self, service, operation)

    def after_call(self, service: str, operation: str, answer: str) -> None:
        with self.lock:
            self.live()
            self.run.after_call(self, service, operation, answer)

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        with self.lock:
            self.live()
            self.run.advance(self, round(max(0.0, seconds) * 1000))

    def live(self) -> None:
        """Nothing happens any more to a handler that caught the end of its own process, or to a thread of it."""
        if self.killed is not None:
            raise Killed


class _Run:
    def __init__(self, plan: Plan, consumer: Consumer, handler: HandlerOf, aws: Aws, *, seed: int) -> None:
        self._plan = plan
        self._consumer = consumer
        self._aws = aws
        self._environments = HandlerEnvironments(handler)
        self._active: list[_Active] = []
        self._effects: Counter[tuple[str, str | None]] = Counter()
        self._looks = 0
        self._time: VirtualTime
        self._simulation = Simulation(
            queue_config(consumer.queue, fifo=plan.fifo),
            mapping_config(consumer.queue, fifo=plan.fifo, batch_size=plan.batch_size),
            self._call,
            seed=seed,
            faults=Faults(plan.faults),
            shuffled=plan.shuffled,
            on_discard=self._environments.discard,
        )

    def history(self) -> History:
        plan_sends(self._simulation, self._plan.messages)
        with virtual_time(lambda: self._simulation.now_ms, _sleep) as self._time:
            if self._consumer.setup is not None:
                with unobserved():
                    self._consumer.setup(self._aws)
            finished = self._simulation.run(EPOCH_MS + horizon_ms(self._plan, self._consumer.queue))
            self._look_at_effects(-1)
        return History(
            plan=self._plan,
            queue=self._consumer.queue,
            events=tuple(self._simulation.trace),
            finished=finished,
            looks_at_effects=self._consumer.effects is not None,
            start_ms=EPOCH_MS,
        )

    def _call(self, invocation: Invocation) -> Outcome:
        """The simulator's function: run the handler, with this invocation's faults."""
        if self._active:
            # What there is by now is the work of the invocation that this one interrupts.
            self._look_at_effects(self._active[-1].invocation.number)
        environment = self._environments.get(invocation.environment)
        active = _Active(self, invocation)
        self._active.append(active)
        try:
            outcome = self._invoke(environment, active)
        finally:
            self._active.pop()
            active.over = True
        self._look_at_effects(invocation.number)
        return outcome

    def _invoke(self, environment: ExecutionEnvironment, active: _Active) -> Outcome:
        invocation = active.invocation
        context = LambdaContext(
            now_ms=lambda: self._simulation.now_ms,
            deadline_ms=invocation.deadline_ms,
            aws_request_id=invocation.request_id,
        )
        self._set_clock(active)
        try:
            with observed(active), outside_of_event_loops():
                result = environment.invoke(invocation.event, context)
            for fault in self._simulation.faults.at_end(invocation.number):
                self._strike(active, fault)
        except Killed:
            pass
        if active.killed is not None:
            return _killed(active)
        return outcome_of(result)

    def before_call(self, active: _Active, service: str, operation: str) -> None:
        """An AWS call of a handler is about to be sent."""
        active.calls += 1
        number = active.invocation.number
        down = self._simulation.faults.is_down(number, active.calls)
        if down is not None:
            if active.down is None:
                active.down = down
                self._record_strike(active, down)
            self._record_call(active, service, operation, "not sent: the endpoint is down")
            self.advance(active, CALL_MS)
            raise EndpointConnectionError(endpoint_url=f"https://{service}.invalid")
        for fault in self._simulation.faults.at_call(number, active.calls, Moment.BEFORE):
            self._strike(active, fault)

    def after_call(self, active: _Active, service: str, operation: str, answer: str) -> None:
        """An AWS call of a handler took effect."""
        if answer == EndpointConnectionError.__name__:
            return
        self.advance(active, CALL_MS)
        self._record_call(active, service, operation, answer)
        if self._plan.fifo and answer == "ok" and not operation.startswith(_READS):
            self._look_at_effects(active.invocation.number)
        for fault in self._simulation.faults.at_call(active.invocation.number, active.calls, Moment.AFTER):
            self._strike(active, fault)

    def _record_call(self, active: _Active, service: str, operation: str, answer: str) -> None:
        self._simulation.trace.append(
            Called(self._simulation.now_ms, active.invocation.number, active.calls, service, operation, answer)
        )

    def _record_strike(self, active: _Active, fault: AtCall | DependencyDown) -> None:
        self._simulation.trace.append(Struck(self._simulation.now_ms, active.invocation.number, fault))

    def _strike(self, active: _Active, fault: AtCall) -> None:
        self._record_strike(active, fault)
        match fault:
            case CrashAt():
                active.killed = Ending.CRASHED
                raise Killed
            case SlowAt():
                self.advance(active, fault.duration_ms)
            case TimeoutAt():
                self.advance(active, active.invocation.deadline_ms - self._simulation.now_ms)
            case ConcurrentDuplicate():
                with unobserved():
                    self._simulation.deliver_concurrently(active.invocation.number)
                self._set_clock(active)
                self._kill_if_late(active)

    def advance(self, active: _Active, duration_ms: int) -> None:
        """Let time pass for a running handler; at its deadline its process is killed."""
        to_ms = min(self._simulation.now_ms + duration_ms, active.invocation.deadline_ms)
        with unobserved():
            self._simulation.advance_to(to_ms)
        self._set_clock(active)
        self._kill_if_late(active)

    def _set_clock(self, active: _Active) -> None:
        """The wall clock is that of the invocation's execution environment; its time limit counts by the true one."""
        self._time.set(self._simulation.now_ms + active.invocation.clock_skew_ms)

    def _kill_if_late(self, active: _Active) -> None:
        if self._simulation.now_ms >= active.invocation.deadline_ms:
            active.killed = Ending.TIMED_OUT
            raise Killed

    def _look_at_effects(self, invocation: int) -> None:
        if self._consumer.effects is None:
            return
        with unobserved():
            effects = [_effect(found) for found in self._consumer.effects(self._aws)]
        self._looks += 1
        known, self._effects = self._effects, Counter(effects)
        for key, body in effects:
            if known[key, body] > 0:
                known[key, body] -= 1
            else:
                self._simulation.trace.append(EffectSeen(self._simulation.now_ms, invocation, self._looks, key, body))
        for key, body in known.elements():
            self._simulation.trace.append(EffectGone(self._simulation.now_ms, invocation, self._looks, key, body))


def _sleep(seconds: float) -> None:
    active = current()
    if isinstance(active, _Active):
        active.sleep(seconds)


def _effect(found: str | Effect) -> tuple[str, str | None]:
    return (found, None) if isinstance(found, str) else (found.key, found.body)


def _killed(active: _Active) -> Outcome:
    invocation = active.invocation
    if active.killed is Ending.TIMED_OUT:
        return timed_out(invocation.request_id, (invocation.deadline_ms - invocation.started_ms) // 1000)
    return crashed(invocation.request_id)
