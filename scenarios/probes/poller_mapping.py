"""Our wall-clock poller as the mapping of an endpoint that has queues alone."""

import json
import threading
import time
from typing import Any

from redrive.simulator.function import Ending, Outcome, crashed, timed_out
from redrive.simulator.invocations import Invocation

from ..poller import Poller
from .endpoint import Endpoint
from .mapping import Crash, Doing, Invoked, MappingRun, MappingSeen, Raise, Return, Settings
from .probe import CannotAsk
from .queues import queue
from .simulated_mapping import mapping_config

__all__ = ["PollerMapping"]

_LOOK_EVERY_S = 0.1
_NO_API = "our own poller stands in for a mapping, and has no API that would refuse one"


class PollerMapping:
    """A :class:`~.mapping.MappingEndpoint`: the queues are the endpoint's, the mapping is redrive's poller."""

    kind = "poller"

    def __init__(self, at: Endpoint) -> None:
        self._at = at

    def run(self, run: MappingRun) -> MappingSeen:
        """As the seam says."""
        settings = run.settings
        if settings.reserved_concurrency is not None:
            raise CannotAsk("our own poller's function is never throttled")
        timeout = str(settings.visibility_timeout_s)
        with queue(
            self._at, fifo=settings.fifo, redrive_after=settings.max_receive_count, VisibilityTimeout=timeout
        ) as q:
            for message in run.messages:
                q.answer("send_message", **message)
            function = _Function(self._at, run)
            stop = threading.Event()
            poller = Poller(
                self._at.sqs,
                queue_url=q.url,
                queue_arn=q.arn,
                mapping=mapping_config(settings),
                call=function,
                stop=stop,
                wait_s=0,
                pause_s=_LOOK_EVERY_S,
            )
            errors: list[BaseException] = []

            def poll() -> None:
                try:
                    poller.run()
                except BaseException as error:  # noqa: BLE001 - raised again below
                    errors.append(error)

            thread = threading.Thread(target=poll, name="probed-poller", daemon=True)
            thread.start()
            try:
                until_s = time.monotonic() + run.most_s
                while not run.done(function.invocations) and time.monotonic() < until_s and not errors:
                    self._at.wait(_LOOK_EVERY_S)
                self._at.wait(run.then_s)
            finally:
                stop.set()
                thread.join()
            if errors:
                raise errors[0]
            return MappingSeen(
                invocations=tuple(function.invocations),
                left=sum(q.counts()),
                dead=tuple(q.receive(QueueUrl=q.dead)),
            )

    def refuses(self, settings: Settings) -> bool:
        """As the seam says."""
        del settings
        raise CannotAsk(_NO_API)

    def batch_size(self) -> int:
        """As the seam says."""
        raise CannotAsk(_NO_API)

    def error(self, doing: Doing) -> dict[str, Any]:
        """As the seam says."""
        del doing
        raise CannotAsk("our own poller stands in for a mapping: there is no function to invoke")


class _Function:
    """What the poller calls: it does what the script says, and remembers what it was given."""

    def __init__(self, at: Endpoint, run: MappingRun) -> None:
        self.invocations: list[Invoked] = []
        self._at = at
        self._run = run
        self._began_s = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self, invocation: Invocation) -> Outcome:
        with self._lock:
            invoked = Invoked(
                number=len(self.invocations),
                began_s=self._now_s(),
                environment=str(invocation.environment),
                event=invocation.event,
            )
            self.invocations.append(invoked)
            doing = self._run.script(invoked)
        match doing:
            case Raise(message):
                return Outcome(ending=Ending.RAISED, payload=json.dumps({"errorMessage": message}))
            case Crash():
                return crashed(invocation.request_id)
            case Return(value, after_s):
                timeout_s = self._run.settings.function_timeout_s
                self._at.wait(min(after_s, timeout_s))
                if after_s > timeout_s:
                    return timed_out(invocation.request_id, timeout_s)
                invoked.ended_s = self._now_s()
                return Outcome(ending=Ending.RETURNED, payload=json.dumps(value))

    def _now_s(self) -> float:
        return time.monotonic() - self._began_s
