"""What is made of a run that has settled: its record, its report, some lines on the terminal, an exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from .observing.observation import Observation
from .observing.run_record import errors_of, settings_of, versions, without_credentials
from .reporting.record import CapacityFound, ConsumerConfiguration, RunRecord

__all__ = ["OUR_OPTIONS", "Results", "record_of"]

OUR_OPTIONS: Final = (
    *("queue_url", "endpoint_url", "region", "client", "batch_size", "batches_per_second", "message_bytes", "seed"),
    *("poison_rate", "duplicate_rate", "oversize_rate", "group_count", "body_file", "shape", "rate"),
    *("observe", "reply_queue_url", "ledger_table", "drain"),
)
"""Names of the arguments that decide what is sent and seen."""


class Results:
    """Of the test that settled last. Printed at once if Locust goes on, and after Locust's own tables if it ends."""

    def __init__(self) -> None:
        self.is_quitting = False
        self.record: RunRecord | None = None
        self._lines: list[str] = []
        self._problem: str | None = None

    def expect(self) -> None:
        """A test begins that is to be accounted for."""
        self._problem = "the run was not observed"

    def add(
        self, observation: Observation, environment: Any, *, capacity: Callable[[], CapacityFound | None] = lambda: None
    ) -> None:
        """A test has settled. A report that cannot be written is told, and fails the run."""
        self._problem = "the run could not be reported"
        self.record = replace(record_of(observation, environment), capacity=capacity())
        self._problem = self._report(self.record, observation.observe.report) or self.record.account.problem
        if not self.is_quitting:
            self.print()

    def _report(self, record: RunRecord, folder: Path | None) -> str | None:
        """Write it, and return why it could not be written."""
        # Here and not above: a process that only sends need not load what draws.
        from .reporting.report import table, write_report

        try:
            self._lines += table(record)
            if folder is not None:
                write_report(record, folder)
                self._lines.append(f"report    {folder / 'report.html'}")
        except (OSError, ValueError) as error:
            problem = f"the report could not be written: {' '.join(str(error).split())}"
            self._lines.append(f"FAILED    {problem}")
            return problem
        return None

    def fail(self, problem: str) -> None:
        """Something is wrong with the run, and it is told."""
        self._problem = self._problem or problem
        self._lines.append(f"FAILED    {problem}")

    def print(self) -> None:
        """Print what was not printed yet."""
        lines, self._lines = self._lines, []
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

    def judge(self, environment: Any) -> None:
        """Give Locust its exit status, unless it has one already: 1 if something is wrong with the run."""
        if self._problem is not None and environment.process_exit_code is None:
            environment.process_exit_code = 1


def record_of(observation: Observation, environment: Any) -> RunRecord:
    """The record of a run that has settled."""
    from .reporting.configuration import read_configuration

    assert observation.settled is not None
    counts, settled = observation.counts, observation.settled
    try:
        configuration = read_configuration(observation.access, observation.send.queue_url)
    except Exception as error:  # noqa: BLE001 - whatever was wrong with reading it, the run was measured all the same
        configuration = ConsumerConfiguration(fifo=observation.send.fifo)
        observation.problems.tell("the configuration could not be read", error)
    return RunRecord(
        began_at=observation.began_at.isoformat(timespec="seconds"),
        seconds=round(counts.seconds, 3),
        environment=observation.environment,
        queue_url=without_credentials(observation.send.queue_url),
        region=observation.access.region,
        observer=observation.observe.observer.value,
        drained_s=None if settled.drained_s is None else round(settled.drained_s, 3),
        counts=counts.total(),
        batches_sent=counts.sum("batches"),
        batches_failed=counts.sum("batches_failed"),
        bytes_sent=counts.sum("bytes"),
        account=settled.account,
        configuration=configuration,
        samples=tuple(observation.series),
        histograms=observation.histograms(),
        errors=errors_of(environment.stats.errors),
        not_known=tuple(map(without_credentials, observation.not_known())),
        settings=settings_of(environment.parsed_options, OUR_OPTIONS, run=observation.run),
        versions=versions(),
    )
