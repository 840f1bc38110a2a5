"""LocalStack's own event source mapping as what delivers: nothing is polled here, and all of it is watched.

LocalStack's plugin tells how each invocation begins and ends, and is answered which deletions to lose. What strikes at
the handler's AWS calls strikes in a proxy for them.
"""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from redrive.fixtures.runtimes.call_proxy import CallProxy
from redrive.fixtures.runtimes.loopback import LoopbackHandler, LoopbackServer
from redrive.simulator import trace
from redrive.simulator.batch_response import read_outcome
from redrive.simulator.function import Ending, Outcome
from redrive.simulator.invocations import Invocation

from ..errors import EnvironmentFailed
from ..plan import CALL_MS
from ..poller import epoch_ms
from .handler_thread import HandlerThread
from .in_progress import Duplicate, InProgress, Wait
from .live_run import Running
from .localstack_function import NativeFunction
from .message_faults import MessageFaults
from .outside import Judge
from .simulated_queue import mapping_config

__all__ = ["NativeDeliverer"]

_BODY_BYTES_MAX: Final = 64 * 1024 * 1024
_RECORDER_URL: Final = "REDRIVE_RECORDER_URL"
_CHECK_EVERY_S: Final = 1.0
_SETTLED_WITHIN_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.03
_MARGIN_S: Final = 10.0
"""How long after its timeout an invocation's end may be told."""

_TURN_WITHIN_S: Final = 50.0
"""Less than LocalStack's plugin waits for an answer."""

_COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeDeliverer:
    """A :class:`~.live_run.Deliverer`. ``code`` is the function's zip, ``variables`` the handler's own."""

    code: bytes
    variables: Mapping[str, str]
    endpoint_url: str
    account: str

    @contextmanager
    def deliver(self, running: Running) -> Iterator["_Native"]:
        """Deploy the function; the mapping begins with the first messages. At the end all of it is gone."""
        plan, spec = running.plan, running.consumer.queue
        watched = _Watched(running)
        mapping = mapping_config(spec, fifo=plan.fifo, batch_size=plan.batch_size)
        function = NativeFunction(running.aws, mapping, account=self.account)
        with ExitStack() as ends:
            recorder = LoopbackServer(lambda *connection: _Connection(watched, *connection), name="recorder")
            ends.callback(recorder.close)
            proxy = ends.enter_context(CallProxy(self.endpoint_url, watched.judge, kill=watched.kill))
            watched.url = f"http://{recorder.address}"
            variables = {**self.variables, "AWS_ENDPOINT_URL": proxy.url, _RECORDER_URL: watched.url}
            ends.enter_context(function.deployed(self.code, variables))
            native = _Native(running, function, watched)
            # Between the mapping's end and the function's.
            ends.callback(native.stop)
            yield native
            native.settle()


class _Native:
    """A :class:`~.live_run.Delivery`."""

    def __init__(self, running: Running, function: NativeFunction, watched: "_Watched") -> None:
        self._running = running
        self._function = function
        self._watched = watched
        self._is_mapped = False
        self._checked_s = time.monotonic()

    def hold(self) -> AbstractContextManager[None]:
        """What is sent first comes together; what is sent later comes as LocalStack gets it."""
        return self._mapped_afterwards()

    @contextmanager
    def _mapped_afterwards(self) -> Iterator[None]:
        yield
        if not self._is_mapped:
            self._is_mapped = True
            self._function.map(self._running.queue.arn)

    def invoke_empty(self) -> None:
        """A mapping does not do that; scenarios that want it are skipped."""
        raise EnvironmentFailed("LocalStack's event source mapping invokes nobody without messages")

    def check(self) -> None:
        """Raise what was raised while LocalStack was answered, or what is wrong with it."""
        if self._watched.errors:
            raise self._watched.errors[0]
        if time.monotonic() - self._checked_s >= _CHECK_EVERY_S:
            self._function.check()
            self._checked_s = time.monotonic()

    def settle(self) -> None:
        """See to it that what was recorded is what LocalStack did. Raises :class:`EnvironmentFailed` if not."""
        self.check()
        running = self._running
        if not running.recorder.is_at_rest():
            if running.plan.messages and not any(isinstance(each, trace.Began) for each in running.recorder.events):
                raise EnvironmentFailed("LocalStack has messages for the function, and did not invoke it")
            return
        most = running.consumer.queue.max_receive_count
        for event in running.recorder.events:
            if isinstance(event, trace.DeadLettered) and most is not None and event.receive_count < most:
                raise EnvironmentFailed(
                    f"LocalStack dead-lettered a message after {event.receive_count} of {most} deliveries: "
                    "what it received it did not bring to the function"
                )
        self._wait_until_empty()

    def stop(self) -> None:
        """Poll no more, and end the invocation that is in progress, if there is one."""
        self._watched.close()
        self._function.unmap()
        self._watched.wait(self._running.consumer.queue.function_timeout_s + _MARGIN_S)
        self._watched.kill()

    def _wait_until_empty(self) -> None:
        """The mapping deletes after it was told that it may."""
        queue = self._running.queue
        give_up_s = time.monotonic() + _SETTLED_WITHIN_S
        while True:
            found = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=list(_COUNTS))["Attributes"]
            left = sum(int(found[name]) for name in _COUNTS)
            if not left:
                return
            if time.monotonic() > give_up_s:
                raise EnvironmentFailed(f"LocalStack left {left} messages in the queue that were processed")
            time.sleep(_LOOK_EVERY_S)


@dataclass(slots=True, kw_only=True)
class _Current:
    """The invocation that is in progress, and the process that it is in progress in."""

    mine: InProgress
    pid: int
    records: list[dict[str, Any]]
    over: threading.Event

    @property
    def message_ids(self) -> list[str]:
        return [record["messageId"] for record in self.records]


@dataclass(slots=True, eq=False)
class _Waits:
    """What an invocation waits in real time, in the thread of its call; until its end at most."""

    running: Running
    over: threading.Event
    mine: InProgress | None = None

    def pause(self, asked: Wait | Duplicate) -> None:
        assert isinstance(asked, Wait), "no second invocation at once here: what needs one is skipped"
        assert self.mine is not None, "it is in progress"
        invocation = self.mine.invocation
        if asked.wrote and self.running.plan.fifo:
            self.running.look(invocation.number)
        until_ms = min(epoch_ms() + asked.duration_ms, invocation.deadline_ms)
        self.over.wait(max(0, until_ms - epoch_ms()) / 1000)
        if epoch_ms() >= invocation.deadline_ms:
            # Its end is LocalStack's to bring about: it is what tells it from a crash.
            self.over.wait(_MARGIN_S)
            self.mine.killed = self.mine.killed or Ending.TIMED_OUT


@dataclass(slots=True)
class _Watched:
    """What LocalStack tells of the function's invocations, told to the run's recorder. From any thread."""

    running: Running
    url: str = ""
    judge: Judge = field(default_factory=Judge)
    errors: list[BaseException] = field(default_factory=list)
    _faults: MessageFaults = field(init=False)
    _current: _Current | None = None
    # The message groups of one poll come side by side; here they take turns, so that a call is known to be whose it is.
    _turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1))
    _is_over: threading.Event = field(default_factory=threading.Event)
    _deleted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._faults = MessageFaults(self.running.queue, self.running.recorder, stop=threading.Event())

    def began(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """An invocation is about to begin: when none is in progress any more."""
        if not self._take_turn():
            return {}
        recorder, event = self.running.recorder, said["event"]
        records = list(event.get("Records") or ()) if isinstance(event, dict) else []
        for record in records:
            self._faults.received(_as_received(record))
            if record["messageId"] in self._deleted:
                # A deletion of LocalStack's own did not last.
                recorder.append(trace.Reappeared(recorder.now_ms, record["messageId"]))
                self._deleted.discard(record["messageId"])
        number, now_ms = recorder.next_invocation(), recorder.now_ms
        recorder.append(trace.Began(now_ms, number, said["environment"], said["cold"], len(records)))
        for record in records:
            count = int(record["attributes"]["ApproximateReceiveCount"])
            recorder.append(trace.Delivered(now_ms, number, record["messageId"], count, record["md5OfBody"]))
        over = threading.Event()
        waits = _Waits(self.running, over)
        mine = waits.mine = InProgress(
            world=recorder,
            invocation=Invocation(
                number=number,
                request_id=said["request_id"],
                event=event,
                environment=said["environment"],
                cold=said["cold"],
                started_ms=now_ms,
                deadline_ms=now_ms + int(said["timeout_s"]) * 1000,
            ),
            # Of a thread it is asked to pause, and nothing else.
            thread=cast("HandlerThread[Wait | Duplicate]", waits),
            successor=lambda _: None,
            # Calls take the time that they take, unless a plan is about that.
            call_ms=0 if self.running.plan.call_ms == CALL_MS else self.running.plan.call_ms,
        )
        self._current = _Current(mine=mine, pid=int(said["pid"]), records=records, over=over)
        self.judge.mine = mine
        return {}

    def ended(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """An invocation is over, and the mapping has not seen how."""
        current = self._current
        if current is None or current.mine.invocation.request_id != said["request_id"]:
            return {}
        mine, number, recorder = current.mine, current.mine.invocation.number, self.running.recorder
        outcome = Outcome(ending=Ending(said["ending"]), payload=said["payload"])
        if outcome.ending in {Ending.TIMED_OUT, Ending.CRASHED}:
            mine.killed = outcome.ending
        current.over.set()
        with mine.lock:
            # A call that waited has come to nothing by now.
            mine.over = True
        self.running.look(number)
        result = read_outcome(
            outcome,
            current.message_ids,
            report_batch_item_failures=self.running.consumer.queue.report_batch_item_failures,
        )
        recorder.append(
            trace.Ended(
                recorder.now_ms, number, outcome.ending, outcome.payload, result.verdict, result.failed, result.problem
            )
        )
        lost = self._tell_deletions(number, current.records, result.failed)
        self._turn.release()
        return {"lose_deletes": lost}

    def _take_turn(self) -> bool:
        """False if the run is over, or the invocation before does not end."""
        give_up_s = time.monotonic() + _TURN_WITHIN_S
        while not self._turn.acquire(timeout=_LOOK_EVERY_S):
            if self._is_over.is_set():
                return False
            if time.monotonic() > give_up_s:
                raise EnvironmentFailed("LocalStack does not end an invocation, and begins another")
        return not self._is_over.is_set()

    def close(self) -> None:
        """Take no more notice of what begins."""
        self._is_over.set()

    def _tell_deletions(self, number: int, records: list[dict[str, Any]], failed: frozenset[str]) -> list[str]:
        """What the mapping deletes now, and the message ids of what it only means to delete."""
        lost = []
        for record in records:
            message_id = record["messageId"]
            if message_id in failed:
                continue
            if self._faults.deletes(number, _as_received(record)):
                lost.append(message_id)
            else:
                self._deleted.add(message_id)
                self.running.recorder.append(trace.Deleted(epoch_ms(), number, message_id))
        return lost

    def kill(self) -> None:
        """End the process of the invocation that is in progress, and wait until that is known."""
        current = self._current
        if current is None or current.over.is_set():
            return
        if _is_ours(current.pid, self.url):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(current.pid, signal.SIGKILL)
        if not current.over.wait(_MARGIN_S):
            self.errors.append(EnvironmentFailed("LocalStack does not end an invocation whose process is gone"))

    def wait(self, most_s: float) -> None:
        """Until nothing is in progress."""
        current = self._current
        if current is not None:
            current.over.wait(most_s)


class _Connection(LoopbackHandler):
    """Somebody from LocalStack."""

    def __init__(self, watched: _Watched, *connection: Any) -> None:
        self._watched = watched
        super().__init__(*connection)

    def do_POST(self) -> None:  # noqa: N802 - the base class's
        body, _ = self.read_body(_BODY_BYTES_MAX)
        told: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "/began": self._watched.began,
            "/ended": self._watched.ended,
        }
        try:
            answer = told[self.path](json.loads(body))
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that looks
            self._watched.errors.append(error)
            answer = {}
        self.answer(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})


def _as_received(record: Mapping[str, Any]) -> dict[str, Any]:
    """The message of a record, as the queue gave it."""
    return {
        "MessageId": record["messageId"],
        "ReceiptHandle": record["receiptHandle"],
        "Attributes": record["attributes"],
    }


def _is_ours(pid: int, url: str) -> bool:
    """Whether this process has our recorder in its environment. A LocalStack elsewhere has other numbers."""
    variables = Path(f"/proc/{pid}/environ")
    if not Path("/proc/self/environ").exists():
        return True
    try:
        return f"{_RECORDER_URL}={url}".encode() in variables.read_bytes().split(b"\0")
    except OSError:
        return False
