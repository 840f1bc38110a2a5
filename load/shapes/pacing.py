"""When users send: by the run's shape, which a master deals out to its workers, or each at a rate of its own.

With `--shape` or `--rate` a run is an open model: batches are due at times that do not depend on how fast the queue or
the users are. Users (`-u`) are those who send; each waits until the next batch is due that nobody has taken. Whoever
runs the test (a master, or Locust alone) knows the schedule and deals its slots, a little ahead, to the processes that
have users; see `shares`. Without either argument nothing here does anything.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import gevent
import locust
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, WorkerRunner

from ..observing.exchange import NOT_TOLD
from ..reporting.record import CapacityFound
from ..settings import add_option, number
from .shape_run import ShapeRun
from .shares import Hand, Progress
from .written_shapes import ShapeError, read_shape, shape_text

__all__ = ["Pacer", "ScheduleEnded", "add_arguments", "on_init", "pacer"]

_log: Final = logging.getLogger("redrive.load")

_DEAL: Final = "redrive_deal"
_PROGRESS: Final = "redrive_progress"
_PROGRESS_EVERY_S: Final = 0.5
_ALONE: Final = "this process"
_RATE_MAX: Final = 1e9

# Locust is annotated, but for the hooks of its events.
_events: Final[Any] = locust.events


class ScheduleEnded(gevent.GreenletExit):  # type: ignore[misc]
    """There is nothing left to send: ends the user who asks for the next batch, as Locust ends those it stops."""


class Pacer:
    """Tells the users of this process when to send."""

    def __init__(self) -> None:
        # Of the test that runs, or ran last: `test` counts them.
        self._hand: Hand | None = None
        self._began_s: float | None = None
        self.stopped = False
        self.test = 0
        self.reports_of = 0
        self._turn = BoundedSemaphore(1)
        self._news = Event()
        self.run: ShapeRun | None = None

    def take(self) -> float | None:
        """Wait until a batch is due, and return when it was, as `time.perf_counter()` counts seconds.

        A batch without a time of its own is due when it is taken. None: there is no schedule, users have their own
        rate. Raises ScheduleEnded when there is nothing left to send, or the test is being stopped.
        """
        hand = self._hand
        if hand is None:
            return None
        with self._turn:
            while True:
                if self.stopped or hand.ended or hand is not self._hand:
                    raise ScheduleEnded
                wait_s = hand.wait_s(self.now_s())
                if wait_s == 0:
                    break
                self._news.clear()
                self._news.wait(wait_s)
            due_s = hand.take()
        return time.perf_counter() if due_s is None or self._began_s is None else self._began_s + due_s

    @property
    def is_open(self) -> bool:
        """Whether there is a schedule."""
        return self._hand is not None

    def now_s(self) -> float:
        """Seconds since the schedule began; negative before."""
        return -1.0 if self._began_s is None else time.perf_counter() - self._began_s

    # What is known of the whole run: by a master, or where Locust runs alone.

    def due_messages(self) -> int | None:
        """How many messages were due by now; None without a schedule."""
        return None if self.run is None else self.run.due_messages()

    def taken_messages(self) -> int | None:
        """How many of those users have taken, to send them; None without a schedule."""
        return None if self.run is None else self.run.taken_messages()

    def not_sent_messages(self) -> int:
        """How many are due and were not taken: users are late, or their process is gone."""
        return 0 if self.run is None else self.run.not_sent_messages()

    def behind_s(self) -> float:
        """For how long the batch has been due that is next to be sent; 0 if none is."""
        if self.run is not None:
            return self.run.behind_s()
        return 0.0 if self._hand is None else self._hand.behind_s(self.now_s())

    def capacity(self) -> CapacityFound | None:
        """What the capacity search found; None if there was none or it has not ended."""
        search = None if self.run is None else self.run.search
        if search is None or search.answer is None:
            return None
        found = search.answer
        return CapacityFound(low=found.low, high=found.high, measured=found.measured, reasons=found.reasons)

    # How it is told.

    def reset(self, *, open_model: bool) -> None:
        """A test begins."""
        self._hand = Hand() if open_model else None
        self._began_s = None
        self.stopped = False
        self.test += 1
        self.run = None
        self._news.set()

    def add(self, dealt: Mapping[str, Any]) -> None:
        """Take in what was dealt: `now_s` of the dealer, `dues_s`, and whether that is the `last` or to `drop` others.

        Messages take time: the one that took the least says best what time it is at the dealer's.
        """
        if self._hand is None:
            return
        began_s = time.perf_counter() - dealt["now_s"]
        self._began_s = began_s if self._began_s is None else min(self._began_s, began_s)
        self._hand.add(dealt["dues_s"], last=dealt["last"], drop=dealt["drop"])
        self._news.set()

    def stop(self) -> None:
        """The test is being stopped: whoever waits for a batch waits no longer."""
        self.stopped = True
        self._news.set()

    def progress(self) -> Progress:
        """What became of the slots of this process."""
        hand = self._hand
        if hand is None:
            return Progress(done=True)
        return Progress(
            taken=hand.taken,
            dropped=hand.dropped,
            behind_s=hand.behind_s(self.now_s()),
            done=hand.ended,
        )


pacer: Final = Pacer()
"""A process is one Locust run."""


def add_arguments(parser: Any) -> None:
    """Add `--rate` and `--shape` to Locust's arguments."""
    group = parser.add_argument_group("Shape of the load: an open model, in which latency counts from the due time")
    add_option(
        group,
        "--rate",
        type=number(float, 1e-6, _RATE_MAX),
        metavar="MESSAGES_PER_S",
        help="Messages a second, over all users and processes. Without it: --batches-per-second of each user.",
    )
    add_option(
        group,
        "--shape",
        type=_shape,
        metavar="SHAPE",
        help="How the rate changes: constant:100/10m, ramp:10-200/120s, step:50,100,200/60s, spike:50+500@30s/10s, "
        "soak:100/4h, drain:10000 (fill the queue with the event source mapping disabled, then enable it), "
        "trace:FILE*SPEED, capacity or capacity:START-MAX/10%% (how much the consumer can take).",
    )


def _shape(text: str) -> str:
    """Checked here, read later: Locust sends options to its workers, and takes texts and numbers only."""
    try:
        return shape_text(text)
    except ShapeError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def on_init(environment: Environment) -> None:
    """Make the run follow its shape. What cannot run ends here with status 2, on one line."""
    runner, options = environment.runner, environment.parsed_options
    if runner is None or options is None:
        return
    if isinstance(runner, WorkerRunner):
        _join(runner)
        return
    try:
        _new_run(options)
    except ValueError as error:
        _say_error(error)
        sys.exit(2)
    if isinstance(runner, MasterRunner):
        runner.register_message(_PROGRESS, _on_progress)
    _events.spawning_complete.add_listener(lambda **_rest: _on_spawned(environment))


def _say_error(error: Exception) -> None:
    sys.stderr.write(f"redrive.load: {' '.join(str(error).split())}\n")


def _new_run(options: Any) -> ShapeRun | None:
    """The run that the options ask for; None without a shape. Raises ValueError."""
    shape = read_shape(getattr(options, "shape", None), getattr(options, "rate", None))
    return None if shape is None else ShapeRun(shape, options)


# In every process.


def _on_test_start(environment: Environment, **_rest: Any) -> None:
    options = environment.parsed_options
    is_open = bool(getattr(options, "shape", None) or getattr(options, "rate", None))
    pacer.reset(open_model=is_open)
    if environment.runner is None:
        return  # a worker that is just being made, see `_join`
    if isinstance(environment.runner, WorkerRunner):
        _join(environment.runner)
        return
    if pacer.test == 1:
        # Not before: what others do when a test stops and when Locust quits comes first.
        _events.test_stop.add_listener(_on_test_stop)
        _events.quit.add_listener(_on_quit)
    try:
        pacer.run = _new_run(options)
    except ValueError as error:  # from the web interface
        _fail(environment, error)


def _on_test_stopping(environment: Environment, **_rest: Any) -> None:
    pacer.stop()
    if isinstance(environment.runner, WorkerRunner):
        _tell(environment.runner)
    elif pacer.run is not None:
        if not isinstance(environment.runner, MasterRunner):
            pacer.run.progress[_ALONE] = pacer.progress()
        try:
            pacer.run.stop()
        except ValueError as error:
            _say_error(error)
            environment.process_exit_code = 2


# In a worker.


def _join(runner: WorkerRunner) -> None:
    """Listen to the master, and report to it while a test runs.

    A worker that comes while a test runs may be told to begin before Locust has fired its `init`, and even before its
    runner is there. So this is done whenever a test begins as well as then.
    """
    if _DEAL not in runner.custom_messages:
        runner.register_message(_DEAL, _on_deal)
    if pacer.is_open and pacer.reports_of != pacer.test:
        pacer.reports_of = pacer.test
        gevent.spawn(_report, runner)


def _on_deal(msg: Any, **_rest: Any) -> None:
    pacer.add(msg.data)


def _report(runner: WorkerRunner) -> None:
    """Tell the master how far this process is, until the test has ended."""
    told = pacer.test
    while pacer.test == told and not pacer.stopped:
        _tell(runner)
        gevent.sleep(_PROGRESS_EVERY_S)


def _tell(runner: WorkerRunner) -> None:
    try:
        runner.send_message(_PROGRESS, asdict(pacer.progress()))
    except NOT_TOLD as error:
        _log.debug("the master could not be told: %s", error)


# Where the test is run from.


def _on_progress(msg: Any, **_rest: Any) -> None:
    if pacer.run is not None:
        pacer.run.progress[msg.node_id] = Progress(**msg.data)


def _on_spawned(environment: Environment) -> None:
    """All users are there: the schedule begins."""
    run = pacer.run
    if run is not None and not run.began and not isinstance(environment.runner, WorkerRunner):
        run.began = True
        gevent.spawn(_drive, environment, run)


def _drive(environment: Environment, run: ShapeRun) -> None:
    """Deal the slots until there are no more and all are taken; then end the test."""
    runner: Any = environment.runner
    try:
        run.prepare()
        while not run.stopped:
            now_s = run.now_s()
            for name, dealt in run.deal(now_s, _senders(runner)).items():
                if name == _ALONE:
                    pacer.add(dealt)
                else:
                    _deal(runner, dealt, name)
            if not isinstance(runner, MasterRunner):
                run.progress[_ALONE] = pacer.progress()
            warning = run.look(now_s, users=runner.user_count)
            if warning is not None:
                _log.warning(warning)
            if run.is_over(now_s, _senders(runner)):
                break
            gevent.sleep(run.TICK_S)
        if not run.stopped:
            run.finish()
            _end(environment)
    except ValueError as error:
        if run is pacer.run:
            _fail(environment, error)
        else:
            _say_error(error)  # another test has begun meanwhile, which is not to blame


def _deal(runner: Any, dealt: Mapping[str, Any], name: str) -> None:
    try:
        runner.send_message(_DEAL, dealt, name)
    except NOT_TOLD as error:
        # Its slots are nobody else's: they are due and not sent, and are counted as that.
        _log.debug("the worker %s could not be told: %s", name, error)


def _senders(runner: Any) -> Sequence[str]:
    """The processes that have users, by name."""
    if not isinstance(runner, MasterRunner):
        return (_ALONE,)
    clients = runner.clients.get_by_state(STATE_RUNNING) + runner.clients.get_by_state(STATE_SPAWNING)
    return sorted(client.id for client in clients if client.user_count)


def _fail(environment: Environment, error: Exception) -> None:
    _say_error(error)
    environment.process_exit_code = 2
    _end(environment)


def _end(environment: Environment) -> None:
    """End the test as Locust does when its time is over. Not from here: the listeners' greenlet may be ended by it."""
    runner: Any = environment.runner
    options: Any = environment.parsed_options
    gevent.spawn(runner.quit if options.headless else runner.stop)


def _on_test_stop(**_rest: Any) -> None:
    if pacer.run is not None:
        for line in pacer.run.lines():
            sys.stdout.write(f"{line}\n")


def _on_quit(**_rest: Any) -> None:
    if pacer.run is not None:
        try:
            pacer.run.restore()
        except ValueError as error:
            _say_error(error)
            sys.exit(2)


# As soon as this is imported: in a worker a test may begin before Locust is done with starting.
_events.test_start.add_listener(_on_test_start)
_events.test_stopping.add_listener(_on_test_stopping)
