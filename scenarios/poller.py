"""The wall-clock poller: what the event source mapping does, for a queue that is really there.

It serves every queue that speaks the SQS API, by the same rules as the virtual driver (:mod:`redrive.simulator`), and
tells what happens in the same words (:mod:`redrive.simulator.trace`), so that it can be judged in the same way.
"""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Protocol
from uuid import uuid4

from redrive.fixtures.event_builder import record_from_received
from redrive.simulator import trace
from redrive.simulator.batch_response import read_outcome
from redrive.simulator.event_source import Assembly, Batch
from redrive.simulator.function import Ending, ExecutionEnvironments, Outcome
from redrive.simulator.invocations import Invocation
from redrive.simulator.mapping_config import MappingConfig
from redrive.simulator.scaling import START

from .queue_calls import PAUSES_S, QueueCalls

__all__ = ["WAIT_S_MAX", "Counts", "Interference", "Poller", "epoch_ms"]

WAIT_S_MAX: Final = 20
"""The longest that SQS lets a receive wait for a first message."""

_DELETE_MAX: Final = 10

_log = logging.getLogger(__name__)


def epoch_ms() -> int:
    """The wall clock: milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a poller has done so far. ``deliveries`` = ``acknowledged`` + ``failed`` + ``delete_failures``.

    ``filtered`` counts the messages that it deleted without an invocation (E12).
    """

    invocations: int = 0
    deliveries: int = 0
    acknowledged: int = 0
    failed: int = 0
    delete_failures: int = 0
    filtered: int = 0


class Interference(Protocol):
    """What goes wrong between the queue and the function, as somebody plans it. Messages are as they were received."""

    def about_to_receive(self) -> None:
        """The poller is about to ask the queue for messages."""

    def received(self, message: dict[str, Any]) -> None:
        """The poller has taken a message into a batch."""

    def lets_begin(self, invocation: int, batch: Sequence[dict[str, Any]]) -> bool:
        """Whether a batch comes to its invocation, after a while maybe; if not, it is left to become visible again."""

    def deletes(self, invocation: int, message: dict[str, Any]) -> bool:
        """Whether the deletion of a message that was processed is played here, so that the poller is not to ask."""


class Poller:
    """Receives from a queue, invokes a function with batches, and deletes what it processed.

    ``client`` is a boto3 SQS client, and ``call`` the function: it gets an :class:`Invocation` and answers an
    :class:`Outcome`, as for the simulator. A ``call`` that raises has failed its batch, like a handler that does.
    It is called from as many threads at once as ``mapping.concurrent_batches`` says, or five (E13, without its growth),
    each time for another execution environment; ``on_discard`` hears of environments that are gone (E24).

    Waiting is the queue's: a receive takes up to ``wait_s`` seconds, so that is how long :meth:`run` may go on after
    ``stop`` is set. With 0 the queue is asked again after ``pause_s``.
    Everything that happens is given to ``record``, one event at a time. ``number`` gives the numbers of invocations.
    """

    def __init__(
        self,
        client: Any,
        *,
        queue_url: str,
        queue_arn: str,
        mapping: MappingConfig,
        call: Callable[[Invocation], Outcome],
        stop: threading.Event,
        wait_s: int = WAIT_S_MAX,
        pauses_s: Sequence[float] = PAUSES_S,
        now_ms: Callable[[], int] = epoch_ms,
        request_id: Callable[[], str] = lambda: str(uuid4()),
        record: Callable[[trace.Event], object] = lambda _: None,
        on_discard: Callable[[int], None] = lambda _: None,
        number: Callable[[], int] | None = None,
        interference: Interference | None = None,
        pause_s: float = 0.0,
    ) -> None:
        self._queue = QueueCalls(client, queue_url=queue_url, stop=stop, pauses_s=pauses_s)
        self._queue_arn = queue_arn
        self._mapping = mapping
        self._call = call
        self._stop = stop
        self._wait_s = wait_s
        self._now_ms = now_ms
        self._request_id = request_id
        self._record = record
        self._environments = ExecutionEnvironments(on_discard)
        self._counted: Counter[str] = Counter()
        self._number = number if number is not None else count().__next__
        self._interference = interference
        self._pause_s = pause_s
        self._empty_events = 0
        self._gate = _Gate()
        self._lock = threading.Lock()

    @property
    def counts(self) -> Counts:
        """What has been done so far, by all threads."""
        with self._lock:
            return Counts(**self._counted)

    def run(self) -> None:
        """Poll until ``stop`` is set; batches that were begun are finished.

        Raises :class:`EnvironmentFailed` once the queue is gone for good; ``stop`` is set then, too.
        """
        errors: list[BaseException] = []

        def serve() -> None:
            try:
                self._serve()
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for this one
                errors.append(error)
                self._stop.set()

        threads = [
            # Daemons, so that a handler that never returns does not keep the process.
            threading.Thread(target=serve, name=f"poller-{number}", daemon=True)
            for number in range(_batches_at_once(self._mapping))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Nothing is received meanwhile, so that what is sent within comes together."""
        with self._gate.shut():
            yield

    def invoke_empty(self) -> None:
        """Have the function invoked with an event that has no records, when it is next free."""
        with self._lock:
            self._empty_events += 1

    def _serve(self) -> None:
        # The wait of a quiet queue's long poll (E03) is here the queue's own, hence none is added.
        assembly: Assembly[dict[str, Any]] = Assembly(self._mapping, long_poll_ms=0)
        while not self._stop.is_set():
            if self._takes_empty_event():
                self._process(Batch([], []))
            batch = self._collect(assembly)
            if batch is not None:
                self._process(batch)
            elif self._pause_s:
                self._stop.wait(self._pause_s)

    def _takes_empty_event(self) -> bool:
        with self._lock:
            wanted = self._empty_events > 0
            self._empty_events -= wanted
            return wanted

    def _collect(self, assembly: Assembly[dict[str, Any]]) -> Batch[dict[str, Any]] | None:
        """The next batch: full, or what there is when its window ends (E02); maybe nothing."""
        wait_s = self._wait_s
        while not self._stop.is_set():
            if (ask := assembly.ask()) > 0:
                with self._gate.open():
                    if self._interference is not None:
                        self._interference.about_to_receive()
                    self._take_in(assembly, self._queue.receive(ask, wait_s=wait_s))
            now_ms = self._now_ms()
            due_ms = assembly.due_ms(now_ms)
            if due_ms is None:
                return None
            if due_ms <= now_ms:
                return assembly.take(now_ms)
            # The queue waits in whole seconds, hence a window may end up to a second late.
            wait_s = min(self._wait_s, math.ceil((due_ms - now_ms) / 1000))
        return None

    def _take_in(self, assembly: Assembly[dict[str, Any]], received: Sequence[dict[str, Any]]) -> None:
        now_ms = self._now_ms()
        dropped = []
        for message in received:
            record = record_from_received(message, queue_arn=self._queue_arn)
            if assembly.passes(record):
                assembly.add(now_ms, message, record)
                if self._interference is not None:
                    self._interference.received(message)
            else:
                dropped.append(message)
        if dropped:
            refused = self._queue.delete([message["ReceiptHandle"] for message in dropped])
            for position, message in enumerate(dropped):
                if position not in refused:
                    self._tell("filtered", trace.Filtered(self._now_ms(), message["MessageId"]))

    def _process(self, collected: Batch[dict[str, Any]]) -> None:
        batch = collected.deliveries
        number = self._number()
        if batch and self._interference is not None and not self._interference.lets_begin(number, batch):
            return
        started_ms = self._now_ms()
        with self._lock:
            environment, cold = self._environments.lend()
        self._tell("invocations", trace.Began(started_ms, number, environment, cold, len(batch)))
        for message in batch:
            receive_count = int(message["Attributes"]["ApproximateReceiveCount"])
            delivered = trace.Delivered(started_ms, number, message["MessageId"], receive_count, message["MD5OfBody"])
            self._tell("deliveries", delivered)
        outcome = self._outcome(
            Invocation(
                number=number,
                request_id=self._request_id(),
                event=collected.event,
                environment=environment,
                cold=cold,
                started_ms=started_ms,
                deadline_ms=started_ms + self._mapping.function_timeout_s * 1000,
            )
        )
        with self._lock:
            self._environments.give_back(environment, outcome.ending)
        result = read_outcome(
            outcome,
            [message["MessageId"] for message in batch],
            report_batch_item_failures=self._mapping.report_batch_item_failures,
        )
        self._tell(
            None,
            trace.Ended(
                self._now_ms(), number, outcome.ending, outcome.payload, result.verdict, result.failed, result.problem
            ),
        )
        done = [message for message in batch if message["MessageId"] not in result.failed]
        if self._interference is not None:
            done = [message for message in done if not self._interference.deletes(number, message)]
        self._acknowledge(number, done)
        self._count("failed", sum(message["MessageId"] in result.failed for message in batch))

    def _outcome(self, invocation: Invocation) -> Outcome:
        try:
            return self._call(invocation)
        except Exception:  # noqa: BLE001 - what cannot be invoked has failed its batch, and the poller goes on
            _log.exception("invocation %d could not be made", invocation.number)
            return Outcome(ending=Ending.RAISED)

    def _acknowledge(self, invocation: int, done: Sequence[dict[str, Any]]) -> None:
        """Delete what succeeded; what failed stays hidden until its visibility timeout ends (E10, E11)."""
        for start in range(0, len(done), _DELETE_MAX):
            messages = done[start : start + _DELETE_MAX]
            refused = self._queue.delete([message["ReceiptHandle"] for message in messages])
            now_ms = self._now_ms()
            for position, message in enumerate(messages):
                message_id = message["MessageId"]
                if position in refused:
                    code = refused[position]
                    _log.warning("message %s was processed and could not be deleted: %s", message_id, code)
                    self._tell("delete_failures", trace.DeleteRefused(now_ms, invocation, message_id, code))
                else:
                    self._tell("acknowledged", trace.Deleted(now_ms, invocation, message_id))

    def _tell(self, counted_as: str | None, event: trace.Event) -> None:
        with self._lock:
            if counted_as is not None:
                self._counted[counted_as] += 1
            self._record(event)

    def _count(self, what: str, number: int) -> None:
        with self._lock:
            self._counted[what] += number


def _batches_at_once(mapping: MappingConfig) -> int:
    """How many batches may be with the function at once (E13, E14)."""
    return mapping.concurrent_batches or min(START, mapping.maximum_concurrency or START)


class _Gate:
    """Lets any number pass at once, until it is shut and nobody is within."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._within = 0
        self._is_shut = False

    @contextmanager
    def open(self) -> Iterator[None]:
        """Wait while it is shut, and pass."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_shut)
            self._within += 1
        try:
            yield
        finally:
            with self._changed:
                self._within -= 1
                self._changed.notify_all()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Shut it, and wait until nobody is within."""
        with self._changed:
            self._is_shut = True
            self._changed.wait_for(lambda: not self._within)
        try:
            yield
        finally:
            with self._changed:
                self._is_shut = False
                self._changed.notify_all()
