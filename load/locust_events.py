"""What is added to a Locust run: arguments, checks before it starts, the counts of all processes, and who observes it.

Whoever runs the test (a master, or Locust alone) observes the queue, settles the account, and writes the report.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import gevent
import locust
from locust.env import Environment
from locust.runners import STATE_INIT, STATE_STOPPED, MasterRunner, WorkerRunner

from . import settings
from .observing import observe_settings
from .observing.aws_access import AwsAccess, environment_of
from .observing.exchange import (
    REQUEST_NAME,
    REQUEST_TYPE,
    clock_offsets,
    expect_reports,
    init_master,
    init_worker,
    requests,
    run_counts,
    run_of,
    wait_for_last_words,
)
from .observing.observation import Hooks, Observation, live
from .observing.observe_settings import ObserverName, ObserveSettings
from .observing.queue_watch import FAILURES
from .results import Results
from .settings import SendSettings
from .shapes import pacing

__all__ = ["REQUEST_NAME", "REQUEST_TYPE", "listen", "run_counts"]

# Locust stops users in the middle of a batch unless told to wait. Then it would not be known whether it was sent.
_STOP_TIMEOUT_S: Final = 10.0
# Whoever sends SIGTERM will not wait for long.
_TERMINATED_DRAIN_S: Final = 5.0
_WRITE_WITHIN_S: Final = 60.0

# Locust is annotated, but for the hooks of its events.
_events: Final[Any] = locust.events

# In every process.


def _on_init(environment: Environment, **_rest: Any) -> None:
    _init(environment)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        gevent.signal_handler(signal.SIGINT, _on_sigint)
    # Timers count from when the event loop last looked at the clock, and it has not since Locust was started: without
    # this the seconds that importing took would be missing from the run's time.
    gevent.get_hub().loop.update_now()


def _on_sigint() -> None:
    """Ctrl-C, from the event loop, which hands it to whoever waits for the end of the run.

    Python would raise it in whatever runs at that moment, and some of what Locust runs beside the users takes it
    for the end of its own: the run went on.
    """
    raise KeyboardInterrupt


def _init(environment: Environment) -> None:
    if not environment.stop_timeout:
        environment.stop_timeout = _STOP_TIMEOUT_S
    runner: Any = environment.runner
    pacing.on_init(environment)
    if isinstance(runner, WorkerRunner):
        init_worker(environment, runner)
        return
    options: Any = environment.parsed_options
    try:
        ObserveSettings.from_options(options)
    except ValueError as error:
        sys.stderr.write(f"redrive.load: {error}\n")
        sys.exit(2)
    if isinstance(runner, MasterRunner):
        init_master(runner)
    _get_ready(options)
    if environment.web_ui is not None:
        from .reporting import web_ui

        web_ui.install(environment)
    if options.until_stdin_closes:
        gevent.spawn(_quit_at_end_of_input)
    if options.summary_file:
        path = Path(options.summary_file)
        _events.quit.add_listener(lambda **_rest: _write_summary(path, environment))
    _events.test_stop.add_listener(_on_test_stop)
    _events.quit.add_listener(_on_quit)


def _on_test_start(environment: Environment, **_rest: Any) -> None:
    _end_previous()  # before its counts are gone
    run_counts.reset()
    requests.begin(environment)
    if isinstance(environment.runner, WorkerRunner):
        run_counts.counted.begin(_now_ms())
        return
    if isinstance(environment.runner, MasterRunner):
        expect_reports(environment.runner)
    _observe(environment)
    if not isinstance(environment.runner, MasterRunner):
        run_counts.counted.begin(_now_ms())


def _on_test_stopping(**_rest: Any) -> None:
    run_counts.counted.end(_now_ms())


def _now_ms() -> float:
    return time.time() * 1000


def _quit_at_end_of_input() -> None:
    # Not through sys.stdin: the interpreter cannot shut down while a thread holds that.
    while gevent.get_hub().threadpool.apply(os.read, (0, 65_536)):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


# Where the test is run from.

_results: Final = Results()


@cache
def _place_of(send: SendSettings) -> tuple[AwsAccess, str]:
    """Who looks at the queue, and where that is."""
    return AwsAccess(send), environment_of(send)


def _get_ready(options: Any) -> None:
    """What takes a while, before the run's time begins. What goes wrong here is told when the run begins."""
    if options.observe == ObserverName.NONE:
        return
    with suppress(*FAILURES):
        access, _ = _place_of(SendSettings.from_options(options))
        for service in ("sqs", *(["dynamodb"] if options.observe == ObserverName.LEDGER else [])):
            access.client(service)


def _end_previous() -> None:
    previous = live.observation
    if previous is not None and previous.state != "settled":
        previous.end()
        previous.hurry()
        previous.wait(_WRITE_WITHIN_S)
    live.observation = None


def _observe(environment: Environment) -> None:
    options, runner = environment.parsed_options, environment.runner
    try:
        send, observe = SendSettings.from_options(options), ObserveSettings.from_options(options)
    except ValueError as error:  # from the web interface
        _results.expect()
        sys.stderr.write(f"redrive.load: {error}\n")
        return
    if observe.observer is ObserverName.NONE:
        return
    _results.expect()
    events: Any = environment.events
    hooks = Hooks(
        fire=lambda kind, name, time_ms, length: events.request.fire(
            request_type=kind,
            name=name,
            response_time=time_ms,
            response_length=length,
            exception=None,
            context={},
        ),
        users=lambda: runner.user_count if runner is not None else 0,
        due=pacing.pacer.due_messages,
        not_sent=pacing.pacer.not_sent_messages,
    )
    try:
        access, place = _place_of(send)
        live.observation = Observation(
            send,
            observe,
            run=run_of(environment),
            counts=run_counts,
            clocks=clock_offsets,
            hooks=hooks,
            on_settled=lambda observation: _results.add(observation, environment, capacity=pacing.pacer.capacity),
            environment=place,
            access=access,
        )
    except FAILURES as error:
        sys.stderr.write(f"redrive.load: nothing can be observed: {error}\n")
        return
    live.observation.start()


def _on_test_stop(environment: Environment, **_rest: Any) -> None:
    runner: Any = environment.runner
    if isinstance(runner, MasterRunner):
        wait_for_last_words(runner, environment.stop_timeout or 0.0)
    if live.observation is not None:
        live.observation.end()


def _on_quitting(environment: Environment, **_rest: Any) -> None:
    """Locust ends: the users first, then the account. After Locust's own listener, which lets a master's workers go."""
    runner: Any = environment.runner
    if isinstance(runner, WorkerRunner) or runner is None:
        return
    _results.is_quitting = True
    was_running = runner.state not in {STATE_INIT, STATE_STOPPED}
    if was_running:
        runner.stop()
    if live.observation is not None:
        terminated = was_running and threading.current_thread() is not threading.main_thread()
        _settle(live.observation, _TERMINATED_DRAIN_S if terminated else None)
    if run_of(environment) and environment.stats.num_requests == 0:
        # A master whose workers could not begin has no failure to show.
        _results.fail("nothing was sent")
    _results.judge(environment)


def _settle(observation: Observation, within_s: float | None) -> None:
    """Wait for the account. Ctrl-C, a second one if the first has ended the run, takes it as it is."""
    observation.end()
    with suppress(KeyboardInterrupt):
        if observation.wait(within_s):
            return
    observation.hurry()
    observation.wait(_WRITE_WITHIN_S)


def _on_quit(**_rest: Any) -> None:
    requests.close()
    _results.print()


def _write_summary(path: Path, environment: Environment) -> None:
    entry = environment.stats.get(REQUEST_NAME, REQUEST_TYPE)
    began_s, ended_s = environment.stats.start_time, environment.stats.last_request_timestamp
    summary = {
        "messages": run_counts.total().as_json(),
        "batches": entry.num_requests,
        "failed_batches": entry.num_failures,
        "seconds": max(0.0, ended_s - began_s) if ended_s else 0.0,
        "latency_ms": {
            # Locust rounds what it keeps to two digits, so that a percentile may come out above the maximum.
            **{
                f"p{p}": min(entry.get_response_time_percentile(p / 100), entry.max_response_time) for p in (50, 95, 99)
            },
            "max": entry.max_response_time,
        },
    }
    path.write_text(f"{json.dumps(summary, indent=2)}\n", encoding="utf-8")


def _add_arguments(parser: Any, **_rest: Any) -> None:
    for module in (settings, observe_settings, pacing):
        module.add_arguments(parser)


def listen() -> None:
    """Hear of tests and requests, after those who have asked before: the run's id is the user's to make.

    Not at init: a worker that joins a running test may be told of it earlier.
    """
    _events.request.add_listener(requests.on_request)
    _events.test_start.add_listener(_on_test_start)
    _events.test_stopping.add_listener(_on_test_stopping)


_events.init_command_line_parser.add_listener(_add_arguments)
_events.init.add_listener(_on_init)
_events.quitting.add_listener(_on_quitting)
