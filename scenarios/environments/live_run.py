"""One run of a plan in real time, on a queue that is really there: who sends, who watches, and when it is over.

Who polls the queue and invokes the function is another's part (:class:`Deliverer`): our own poller, or an event source
mapping that is watched. Both tell what they do to the run's :class:`~.live_record.Recorder`.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from redrive.simulator import trace
from redrive.simulator.faults import Faults, LateVisibility, Overtaken

from ..consumer import Aws, Consumer, QueueSpec
from ..history import History
from ..interruption import safe_point
from ..plan import Plan
from ..poller import epoch_ms
from .effect_looks import EffectLooks
from .live_queue import DeadLetters, LiveQueue, create_queue, send
from .live_record import Recorder
from .simulated_queue import with_pointers

__all__ = ["Deliverer", "Delivery", "LiveRun", "Running"]

_TICK_S = 0.05
_LOOK_S = 0.2
_PAUSE_S_LEAST = 1.0
"""A pause in which nothing is left to happen is over after so long."""
_ROUND_SLACK_S = 3
_SLACK_S = 20
_DELIVERIES_IN_VAIN = 5
"""After how many deliveries of each message that is left a queue without a dead-letter queue is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a deliverer is given of a run. ``look`` is to be called with an invocation's number when it has ended.

    It is to be called before the next one begins, and before the end is told.
    """

    plan: Plan
    consumer: Consumer
    aws: Aws
    queue: LiveQueue
    recorder: Recorder
    look: Callable[[int], object]


class Delivery(Protocol):
    """Deliveries that are under way."""

    def hold(self) -> AbstractContextManager[None]:
        """Nothing is received meanwhile, so that what is sent within comes together; or just as quickly as it can."""

    def invoke_empty(self) -> None:
        """Have the function invoked with an event that has no records, soon."""

    def check(self) -> None:
        """Raise what ended it, if something did."""


class Deliverer(Protocol):
    """Brings what is in a queue to the function, as the event source mapping does, and deletes what was processed.

    It tells ``Began``, ``Delivered`` for each message, ``Ended``, and ``Deleted`` or what became of the deletion, with
    numbers from :meth:`~.live_record.Recorder.next_invocation`; and what strikes by it.
    """

    def deliver(self, running: Running) -> AbstractContextManager[Delivery]:
        """Deliver for as long as it lasts; at its end nothing is in progress any more."""


class LiveRun:
    """A plan, a consumer, and who delivers; :meth:`history` runs them from an empty world to the end."""

    def __init__(
        self,
        plan: Plan,
        consumer: Consumer,
        deliverer: Deliverer,
        aws: Aws,
        *,
        name: str,
    ) -> None:
        self._plan = plan
        self._consumer = consumer
        self._deliverer = deliverer
        self._aws = aws
        self._name = name
        self._recorder = Recorder(Faults(plan.faults))
        self._effects = EffectLooks(consumer, aws, self._recorder.append)
        self._dead_letters: DeadLetters
        self._queue: LiveQueue

    def history(self) -> History:
        """Run it. What the consumer's ``setup`` and ``effects`` raise comes through, and what the queue answers."""
        start_ms = epoch_ms()
        if self._consumer.setup is not None:
            self._consumer.setup(self._aws)
        self._plan = with_pointers(self._plan, self._consumer, self._aws)
        self._queue = create_queue(self._aws, self._name, self._plan, self._consumer.queue)
        self._dead_letters = DeadLetters(self._queue, self._recorder)
        running = Running(
            plan=self._plan,
            consumer=self._consumer,
            aws=self._aws,
            queue=self._queue,
            recorder=self._recorder,
            look=self._look,
        )
        with self._deliverer.deliver(running) as delivery:
            finished = self._play(delivery)
        self._look(-1)
        return History(
            plan=self._plan,
            queue=self._consumer.queue,
            events=tuple(self._recorder.events),
            finished=finished,
            looks_at_effects=self._consumer.effects is not None,
            start_ms=start_ms,
        )

    def _look(self, invocation: int) -> None:
        self._effects.look(invocation, epoch_ms)

    def _play(self, delivery: Delivery) -> bool:
        """Do what the plan says when it is due, and wait for the rest. True if nothing was left to happen."""
        patience_s = rest_s(self._plan, self._consumer.queue)
        before_ms = 0
        for at_ms, together in groupby(self._agenda(), key=lambda due: due[0]):
            self._pause(delivery, (at_ms - before_ms) / 1000, patience_s)
            before_ms = at_ms
            with delivery.hold():
                for _, act in together:
                    act(delivery)
        return self._wait(delivery, least_s=0.0, most_s=patience_s)

    def _agenda(self) -> Iterator[tuple[int, Callable[[Delivery], object]]]:
        """What is to be done when, in order; at one time messages come first."""
        held = self._held_back()
        due: list[tuple[int, int, Callable[[Delivery], object]]] = []
        for place, number in enumerate(held):
            due.append((self._plan.messages[number].at_ms, place, self._sending(number)))
        last = len(due)
        due += [(at_ms, last, lambda _: self._dead_letters.move_back()) for at_ms in self._plan.redrive_at_ms]
        due += [(at_ms, last, self._invoke_empty) for at_ms in self._plan.empty_events_at_ms]
        for at_ms, _, act in sorted(due, key=lambda each: each[:2]):
            yield at_ms, act

    def _held_back(self) -> list[int]:
        """The messages in the order in which they are sent: one that is overtaken is held back behind the others."""
        order = list(range(len(self._plan.messages)))
        messages = self._plan.messages
        for fault in self._plan.faults:
            if isinstance(fault, Overtaken):
                place = to = order.index(fault.message)
                at_ms = messages[fault.message].at_ms
                while to < min(place + fault.by, len(order) - 1) and messages[order[to + 1]].at_ms == at_ms:
                    to += 1
                order.insert(to, order.pop(place))
        return order

    def _sending(self, number: int) -> Callable[[Delivery], object]:
        message = self._plan.messages[number]
        faults = self._recorder.faults

        def act(_: Delivery) -> None:
            late = [] if self._plan.fifo else faults.after_receive(number, 0)
            delay_s = message.delay_s
            if late:
                delay_s = (delay_s or self._plan.queue_delay_s) + math.ceil(sum(each.by_ms for each in late) / 1000)
            send(self._queue, self._recorder, number, message, delay_s=delay_s)
            struck: list[LateVisibility | Overtaken] = [*late, *faults.overtaking(number)]
            for fault in struck:
                self._recorder.append(trace.Struck(epoch_ms(), None, fault))

        return act

    def _invoke_empty(self, delivery: Delivery) -> None:
        self._recorder.expect_empty_event()
        delivery.invoke_empty()

    def _pause(self, delivery: Delivery, pause_s: float, patience_s: float) -> None:
        if pause_s > 0:
            self._wait(delivery, least_s=min(pause_s, _PAUSE_S_LEAST), most_s=min(pause_s, patience_s))

    def _wait(self, delivery: Delivery, *, least_s: float, most_s: float) -> bool:
        """Until nothing is left to happen; False if that took longer than ``most_s``."""
        began_s = look_s = time.monotonic()
        while True:
            safe_point()
            delivery.check()
            now_s = time.monotonic()
            if now_s >= look_s:
                self._dead_letters.look()
                look_s = now_s + _LOOK_S
            passed_s = now_s - began_s
            if passed_s >= least_s and self._recorder.is_at_rest():
                return True
            if passed_s >= most_s or self._is_in_vain():
                return False
            time.sleep(_TICK_S)

    def _is_in_vain(self) -> bool:
        """Whether what is left would come again and again for ever."""
        return self._consumer.queue.max_receive_count is None and (
            self._recorder.deliveries_least() >= _DELIVERIES_IN_VAIN
        )


def rest_s(plan: Plan, spec: QueueSpec) -> float:
    """How long it may take until each message that was sent is at rest: all its deliveries, one group's in a row."""
    round_s = spec.visibility_timeout_s + spec.batching_window_s + spec.function_timeout_s + _ROUND_SLACK_S
    rounds = (spec.max_receive_count or _DELIVERIES_IN_VAIN) + len(plan.faults) + 1
    in_a_row = len(plan.messages) if plan.fifo else math.ceil(len(plan.messages) / plan.batch_size)
    late_s = sum(fault.by_ms for fault in plan.faults if isinstance(fault, LateVisibility)) / 1000
    delay_s = plan.queue_delay_s + max((message.delay_s or 0 for message in plan.messages), default=0)
    return _SLACK_S + late_s + delay_s + rounds * max(1, in_a_row) * round_s
