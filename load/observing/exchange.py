"""What the processes of a Locust run tell each other: what they have counted, and what time it is.

A worker reports each second all that it has counted, and once more when it has stopped its users: its last word. A
master asks for that when the test ends, since Locust itself leaves a worker half a second for it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Final

import gevent
import locust
from locust.env import Environment
from locust.exception import RPCError, RPCSendError
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from ..sending.correlation import RUN_OPTION
from .clock_offset import ClockOffsets, answered, asked
from .gathering import RunCounts
from .raw_samples import RawSamples

__all__ = [
    "NOT_TOLD",
    "REQUEST_NAME",
    "REQUEST_TYPE",
    "clock_offsets",
    "expect_reports",
    "init_master",
    "init_worker",
    "requests",
    "run_counts",
    "run_of",
    "wait_for_last_words",
]

REQUEST_TYPE: Final = "SQS"
REQUEST_NAME: Final = "send_batch"

NOT_TOLD: Final = (RPCError, RPCSendError)
"""What a message between Locust's processes may fail with; its errors have no base in common."""

_REPORT_EVERY_S: Final = 1.0
_CLOCK_EVERY_S: Final = 5.0
_LAST_WORD_S: Final = 5.0

_REPORT: Final = "redrive_report"
_CLOCK_ASKED: Final = "redrive_clock"
_CLOCK_ANSWERED: Final = "redrive_clock_answer"
_LAST_WORD: Final = "redrive_last_word"

# Locust is annotated, but for the hooks of its events.
_events: Final[Any] = locust.events

run_counts: Final = RunCounts()
"""A process is one Locust run."""

clock_offsets: Final = ClockOffsets()


def run_of(environment: Environment) -> str:
    """The id of the test that runs, or ran last; empty before the first one."""
    return str(getattr(environment.parsed_options, RUN_OPTION, None) or "")


def _sender_of(environment: Environment) -> str:
    runner = environment.runner
    return str(runner.worker_index) if isinstance(runner, WorkerRunner) else "0"


def _now_ms() -> float:
    return time.time() * 1000


class Requests:
    """Counts this process's batches, and writes its requests to a file if that is wanted."""

    def __init__(self) -> None:
        self.raw: RawSamples | None = None

    def begin(self, environment: Environment) -> None:
        """A test begins."""
        self.close()
        folder = getattr(environment.parsed_options, "raw_samples", None)
        if folder:
            name = "master" if isinstance(environment.runner, MasterRunner) else _sender_of(environment)
            try:
                self.raw = RawSamples(Path(folder), run=run_of(environment), process=name)
            except OSError as error:
                sys.stderr.write(f"redrive.load: raw samples cannot be written: {error}\n")

    def close(self) -> None:
        """The process ends, or another test begins."""
        if self.raw is not None:
            self.raw.close()
            self.raw = None

    def on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int,
        exception: BaseException | None = None,
        start_time: float | None = None,
        sent: Any = None,
        **_rest: Any,
    ) -> None:
        """A request has come to its end."""
        if request_type == REQUEST_TYPE and name == REQUEST_NAME and response_time is not None:
            run_counts.counted.add_batch(
                began_at_ms=_now_ms() - response_time if start_time is None else start_time * 1000,
                response_time_ms=response_time,
                failed=exception is not None,
                accepted_bytes=getattr(sent, "accepted_bytes", 0),
            )
        if self.raw is not None:
            self.raw.add(
                at_s=time.time(),
                request_type=request_type,
                name=name,
                response_time_ms=response_time,
                length=response_length,
                error=exception,
            )


requests: Final = Requests()


# In a worker.


def init_worker(environment: Environment, runner: Any) -> None:
    """Answer the master, and report to it."""

    def ask(msg: Any, **_rest: Any) -> None:
        runner.send_message(_CLOCK_ANSWERED, answered(msg.data, sender=_sender_of(environment), now_ms=_now_ms()))

    def last_word(**_rest: Any) -> None:
        runner.stop()
        _report(environment, runner, final=True)

    runner.register_message(_CLOCK_ASKED, ask)
    runner.register_message(_LAST_WORD, last_word, concurrent=True)
    _events.test_stop.add_listener(lambda **_rest: _report(environment, runner, final=True))
    # Before Locust's own, which tells the master that the worker is gone.
    _events.quitting.add_listener(lambda **_rest: last_word())
    gevent.spawn(_report_each_second, environment, runner)


def _report_each_second(environment: Environment, runner: Any) -> None:
    while True:
        gevent.sleep(_REPORT_EVERY_S)
        _report(environment, runner, final=False)


def _report(environment: Environment, runner: Any, *, final: bool) -> None:
    if not run_of(environment):
        return  # no test has begun
    report = run_counts.counted.as_report(run=run_of(environment), sender=_sender_of(environment), final=final)
    if requests.raw is not None:
        requests.raw.flush()
    try:
        runner.send_message(_REPORT, report)
    except NOT_TOLD as error:
        sys.stderr.write(f"redrive.load: the master could not be told what was counted: {error}\n")


# In a master.


def init_master(runner: Any) -> None:
    """Take in what workers report, and ask them for the time."""

    def on_report(environment: Environment, msg: Any, **_rest: Any) -> None:
        if msg.data["run"] == run_of(environment):
            run_counts.take(msg.node_id, msg.data)

    runner.register_message(_REPORT, on_report)
    runner.register_message(
        _CLOCK_ANSWERED, lambda msg, **_rest: clock_offsets.take(msg.data, now_ms=_now_ms()), concurrent=False
    )
    gevent.spawn(_ask_for_the_time, runner)


def expect_reports(runner: Any) -> None:
    """Each worker that takes part owes a last word."""
    for client in runner.clients.all:
        if client.state != STATE_MISSING:
            run_counts.expect(client.id, str(runner.get_worker_index(client.id)))


def _ask_for_the_time(runner: Any) -> None:
    """Often at the beginning, when nothing is known yet."""
    every_s = 0.5
    while True:
        gevent.sleep(every_s)
        every_s = min(_CLOCK_EVERY_S, every_s * 1.5)
        for client_id in list(run_counts.of_workers):
            if client_id in runner.clients and runner.clients[client_id].state != STATE_MISSING:
                try:
                    runner.send_message(_CLOCK_ASKED, asked(_now_ms()), client_id)
                except NOT_TOLD:
                    continue  # it is asked again, and its bound says how well it is known


def wait_for_last_words(runner: Any, stop_timeout_s: float) -> None:
    """Workers stop their users, which may wait for an answer, and then report. Those that are gone do not."""
    asked_of: set[str] = set()
    deadline_s = time.monotonic() + stop_timeout_s + _LAST_WORD_S
    while time.monotonic() < deadline_s:
        there = {client.id for client in runner.clients.all if client.state != STATE_MISSING}
        waiting = [client_id for client_id in there if run_counts.owes_last_word(client_id)]
        for client_id in waiting:
            if client_id not in asked_of:
                asked_of.add(client_id)
                try:
                    runner.send_message(_LAST_WORD, None, client_id)
                except NOT_TOLD as error:
                    sys.stderr.write(f"redrive.load: worker {client_id} could not be asked what it counted: {error}\n")
        if not waiting:
            return
        gevent.sleep(0.05)
