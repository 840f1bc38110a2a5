"""What was recorded, run through a handler once more: messages from somewhere, or the history of a finding."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from redrive.simulator import trace
from redrive.simulator.errors import SqsError

from .comparing import Runs
from .environments.environment import Environment
from .errors import InputError, UnknownName, one_line
from .history import Fate, History
from .invariants import INVARIANTS
from .judgement import Judgement, judge
from .plan import Plan
from .plan_json import plan_from_json
from .recorded_messages import entries_in, messages_of, plan_of
from .target import Target, handler_of
from .timeline import timeline
from .verification import DEFAULT_SEED, jobs_of, scenario_seed

__all__ = [
    "Became",
    "RecordedFinding",
    "became",
    "findings_in",
    "is_report",
    "printable",
    "read_recorded",
    "replay_finding",
    "replay_messages",
    "timelines",
]


class Became(StrEnum):
    """What became of a message."""

    ACKNOWLEDGED = "acknowledged"
    DEAD_LETTERED = "dead-lettered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFinding:
    """A finding out of a report, with what it takes to run its history again."""

    scenario: str
    invariant: str
    plan: Plan
    seed: int


def became(fate: Fate) -> Became:
    """What became of a message in the end."""
    if fate.acknowledged:
        return Became.ACKNOWLEDGED
    return Became.FAILED if fate.dead_lettered_after is None else Became.DEAD_LETTERED


def read_recorded(path: Path) -> Any:
    """What the file holds, as JSON or as JSON lines. Raises :class:`InputError`, which tells nothing of it."""
    name = str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"no file {name!r}") from error
    except OSError as error:
        raise InputError(f"cannot read {name!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name!r} is not UTF-8: byte {error.start}") from error
    return entries_in(text, name)


def is_report(recorded: Any) -> bool:
    """Whether this is what ``redrive verify --json`` wrote."""
    return isinstance(recorded, dict) and "redrive" in recorded and isinstance(recorded.get("scenarios"), list)


def findings_in(report: Mapping[str, Any], name: str) -> list[RecordedFinding]:
    """The findings of a report, in its order. Raises :class:`InputError` if there are none, or they are not whole."""
    findings: list[RecordedFinding] = []
    for scenario in report["scenarios"]:
        for finding in scenario.get("violations", ()) if isinstance(scenario, dict) else ():
            where = f"{name!r}, finding {len(findings) + 1}"
            findings.append(_finding(report, scenario, finding, where))
    if not findings:
        raise InputError(f"{name!r} is a report without a finding")
    return findings


def _finding(report: Mapping[str, Any], scenario: Mapping[str, Any], finding: Any, where: str) -> RecordedFinding:
    if not isinstance(finding, dict) or finding.get("plan") is None:
        raise InputError(f"{where} has no plan, from which it could be run again")
    invariant, scenario_name, seed = finding.get("invariant"), scenario.get("name"), report.get("seed")
    if not isinstance(invariant, str) or not isinstance(scenario_name, str) or not isinstance(seed, int):
        raise InputError(f"{where} does not say its invariant, its scenario and its seed")
    if invariant not in INVARIANTS:
        raise UnknownName("invariant", invariant, tuple(INVARIANTS))
    try:
        plan = plan_from_json(finding["plan"])
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return RecordedFinding(
        scenario=scenario_name, invariant=invariant, plan=plan, seed=scenario_seed(seed, scenario_name)
    )


def replay_messages(
    recorded: Any, name: str, target: Target, environment: Environment, *, seed: int = DEFAULT_SEED
) -> History:
    """Run recorded messages once, with nothing that goes wrong. Raises :class:`InputError`."""
    consumer = target.consumer
    plan = plan_of(messages_of(recorded, name), consumer, name)
    try:
        return environment.run(plan, consumer, handler_of(consumer), seed=seed)
    except SqsError as error:
        raise InputError(f"{name!r}: SQS would refuse this: {one_line(error)}") from error


def replay_finding(finding: RecordedFinding, target: Target, environment: Environment) -> tuple[History, Judgement]:
    """Run a finding's history as it was run when it was found, and judge it by the invariant that it broke.

    Raises :class:`UsageError` where the target has not that scenario, or the plan cannot be run.
    """
    (job,) = jobs_of(target.consumer, [finding.scenario])
    try:
        runs = Runs(environment, job.consumer, handler_of(job.consumer), seed=finding.seed)
        history = runs.run(finding.plan, job.scenario.related)
    except (SqsError, ValueError) as error:
        raise InputError(f"the plan of the finding cannot be run: {one_line(error)}") from error
    (judgement,) = judge(history, [finding.invariant])
    return history, judgement


def timelines(history: History, *, with_errors: bool) -> list[list[str]]:
    """The timeline of each message. Without ``with_errors`` it leaves out what errors say, as that may be a body."""
    if not with_errors:
        history = replace(history, events=tuple(_without_message(event) for event in history.events))
    told: list[list[str]] = []
    for line in timeline(history):
        if line.startswith(" "):
            told[-1].append(line)
        else:
            told.append([])
    return told


def _without_message(event: Any) -> Any:
    if not isinstance(event, trace.Ended) or event.payload is None:
        return event
    try:
        kind = json.loads(event.payload).get("errorType", "an error")
    except (AttributeError, ValueError):
        return event._replace(payload=None)
    return event._replace(payload=json.dumps({"errorType": kind, "errorMessage": "(what it says is not shown)"}))


def printable(text: str) -> str:
    """The text with an escape for all that is not to be seen as it is: control characters, half surrogate pairs."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
