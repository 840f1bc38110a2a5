"""What is added to a Locust run: our arguments, a check before it starts, the counts of all processes, a summary."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

import gevent
import locust
from botocore.exceptions import BotoCoreError
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from .counts import SendCounts
from .settings import SendSettings, add_arguments
from .sqs_client import sqs_client

__all__ = ["REQUEST_NAME", "REQUEST_TYPE", "RunCounts", "run_counts"]

REQUEST_TYPE: Final = "SQS"
REQUEST_NAME: Final = "send_batch"

# Locust stops users in the middle of a batch unless told to wait. Then it would not be known whether it was sent.
_STOP_TIMEOUT_S: Final = 10.0
_KEY: Final = "redrive_send_counts"

# Locust is annotated, but for the hooks of its events.
_events: Final[Any] = locust.events


class RunCounts:
    """The counts of this process, and on a master those of its workers."""

    def __init__(self) -> None:
        self.own = SendCounts()
        self.of_workers: dict[str, dict[str, int]] = {}

    def reset(self) -> None:
        """A new test begins."""
        self.own = SendCounts()
        self.of_workers.clear()

    def total(self) -> SendCounts:
        """All of them together."""
        total = SendCounts(**self.own.as_json())
        for counts in self.of_workers.values():
            total.add(counts)
        return total


run_counts: Final = RunCounts()
"""A process is one Locust run."""


def _on_test_start(**_rest: Any) -> None:
    run_counts.reset()


def _on_report_to_master(data: dict[str, Any], **_rest: Any) -> None:
    # All since the start, so that a report that is lost or comes twice changes nothing.
    data[_KEY] = run_counts.own.as_json()


def _on_worker_report(client_id: str, data: dict[str, Any], **_rest: Any) -> None:
    if _KEY in data:
        run_counts.of_workers[client_id] = data[_KEY]


def _on_init(environment: Environment, **_rest: Any) -> None:
    options: Any = environment.parsed_options
    if not environment.stop_timeout:
        environment.stop_timeout = _STOP_TIMEOUT_S
    if isinstance(environment.runner, WorkerRunner):
        return  # its options come from the master
    try:
        settings = SendSettings.from_options(options)
        if not isinstance(environment.runner, MasterRunner):
            sqs_client(settings)
    except (ValueError, BotoCoreError) as error:
        sys.stderr.write(f"redrive.load: {' '.join(str(error).split())}\n")
        sys.exit(2)
    if options.until_stdin_closes:
        gevent.spawn(_quit_at_end_of_input)
    if options.summary_file:
        path = Path(options.summary_file)
        _events.quit.add_listener(lambda **_rest: _write_summary(path, environment))


def _quit_at_end_of_input() -> None:
    # Not through sys.stdin: the interpreter cannot shut down while a thread holds that.
    while gevent.get_hub().threadpool.apply(os.read, (0, 65_536)):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


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


_events.init_command_line_parser.add_listener(lambda parser, **_rest: add_arguments(parser))
_events.init.add_listener(_on_init)
_events.test_start.add_listener(_on_test_start)
_events.report_to_master.add_listener(_on_report_to_master)
_events.worker_report.add_listener(_on_worker_report)
