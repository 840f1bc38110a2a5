"""Our own poller as what delivers: the mapping's rules on the wall clock, any runtime, the faults of the plan."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from redrive.simulator.function import Outcome
from redrive.simulator.invocations import Invocation

from ..poller import Poller
from .group_visibility import GroupVisibility
from .handlers import Handlers
from .live_function import LiveFunction
from .live_run import Running
from .message_faults import MessageFaults
from .simulated_queue import mapping_config

__all__ = ["PollerDeliverer"]

_PAUSE_S = 0.05
"""Between two receives of a queue that has nothing, which is what a message that is visible again waits at most."""

_PAUSES_S = (0.1, 0.4, 1.6)
"""The endpoint is a process of ours: what does not answer after these has gone."""


class PollerDeliverer:
    """A :class:`~.live_run.Deliverer`: one batch is with the handler at a time."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    @contextmanager
    def deliver(self, running: Running) -> Iterator["_Polling"]:
        """Poll in a thread; the batch that is with the handler at the end is waited for."""
        polling = _Polling(running, self._handlers)
        try:
            polling.start()
            yield polling
        finally:
            polling.end()


class _Polling:
    """A :class:`~.live_run.Delivery`."""

    def __init__(self, running: Running, handlers: Handlers) -> None:
        plan, spec, recorder, queue = running.plan, running.consumer.queue, running.recorder, running.queue
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._function = LiveFunction(plan, handlers, recorder, timeout_s=spec.function_timeout_s, look=running.look)
        faults = MessageFaults(queue, recorder, stop=self._stop)
        mapping = mapping_config(spec, fifo=plan.fifo, batch_size=plan.batch_size)
        self._poller = Poller(
            queue.client,
            queue_url=queue.url,
            queue_arn=queue.arn,
            mapping=replace(mapping, concurrent_batches=1),
            call=self._call,
            stop=self._stop,
            wait_s=0,
            pause_s=_PAUSE_S,
            pauses_s=_PAUSES_S,
            record=recorder.append,
            on_discard=self._function.discard,
            number=recorder.next_invocation,
            interference=GroupVisibility(queue, recorder, faults) if queue.fifo else faults,
        )
        # A daemon, so that a handler that never returns does not keep the process.
        self._thread = threading.Thread(target=self._kept(self._poller.run), name="polling", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Poll no more, and leave nothing behind."""
        self._stop.set()
        try:
            self._thread.join()
        finally:
            self._function.close()

    def hold(self) -> AbstractContextManager[None]:
        """Nothing is received meanwhile."""
        return self._poller.hold()

    def invoke_empty(self) -> None:
        """When the function is next free."""
        self._poller.invoke_empty()

    def check(self) -> None:
        """Raise what the poller, the handler's runtime or a look at effects raised."""
        if self._errors:
            raise self._errors[0]

    def _call(self, invocation: Invocation) -> Outcome:
        try:
            return self._function(invocation)
        except BaseException as error:
            # To the poller it would be an invocation that failed.
            self._errors.append(error)
            self._stop.set()
            raise

    def _kept(self, run: Callable[[], None]) -> Callable[[], None]:
        def keep() -> None:
            try:
                run()
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that looks
                self._errors.append(error)

        return keep
