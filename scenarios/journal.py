"""What a function's log says of its invocations: from log lines to the events of a history. Pure functions.

The lines are those of :mod:`redrive.infra.journal_handler`, which the function writes itself, and Lambda's own, as text
or as JSON: only they tell of an invocation that was ended by its timeout, or whose process died. They may come in any
order, late, and twice.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redrive.infra.journal_handler import MARK, VERSION
from redrive.simulator import trace
from redrive.simulator.batch_response import read_outcome
from redrive.simulator.function import Ending, Outcome

__all__ = ["Invocation", "Journal", "LogLine", "RecordSeen", "read_journal", "trace_of"]

_ID: Final = r"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_STARTED: Final = re.compile(rf"^START RequestId: {_ID}")
_REPORTED: Final = re.compile(rf"^REPORT RequestId: {_ID}")
_TIMED_OUT: Final = re.compile(rf"{_ID}\s+(?:Error: )?Task timed out after \d")
_EXITED: Final = re.compile(rf"^RequestId: {_ID} Error: Runtime exited")
_STATUS: Final = re.compile(r"\tStatus: (\w+)")
_ERROR_TYPE: Final = re.compile(r"\tError Type: (\S+)")

_EXIT: Final = "Runtime.ExitError"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of a function's log, and when it was written, in milliseconds since the epoch."""

    at_ms: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSeen:
    """A record of a batch, as far as the journal has it."""

    message_id: str
    receive_count: int
    md5_of_body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """An invocation of which the beginning is known. Without ``outcome``, its end is not.

    ``environment`` is its execution environment's identity.
    """

    request_id: str
    environment: str
    cold: bool
    began_ms: int
    records: tuple[RecordSeen, ...]
    ended_ms: int | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What the lines say.

    ``invocations`` are in the order in which they began. ``unseen`` are request ids, with the time of their first line,
    of invocations that took place and whose beginning the journal does not have: it is still to come, or the function
    does not get as far as the journal.
    """

    invocations: tuple[Invocation, ...] = ()
    unseen: tuple[tuple[str, int], ...] = ()


def read_journal(lines: Iterable[LogLine]) -> Journal:
    """Put the lines together, in whatever order they are given. What is not understood is passed over.

    Where the function says that it ended and Lambda says that it was ended, nobody can tell which of the two the
    mapping saw: such an invocation has no outcome.
    """
    found: dict[str, _Found] = {}
    for line in sorted(lines, key=lambda line: line.at_ms):
        _read_line(line, found)
    begun = [one for one in found.values() if one.began is not None]
    return Journal(
        invocations=tuple(sorted((one.invocation() for one in begun), key=lambda one: (one.began_ms, one.request_id))),
        unseen=tuple((one.request_id, one.first_ms) for one in found.values() if one.began is None),
    )


def trace_of(
    invocations: Sequence[Invocation], sent: Collection[str], *, report_batch_item_failures: bool = True
) -> tuple[trace.Event, ...]:
    """The events of the invocations that got one of the messages ``sent``, by message id; in the order of time.

    Records of other messages are left out, though they count for how the mapping reads the response. That a message was
    deleted is not seen by anybody: it is what the mapping does with those that succeeded (E10), so it is told right
    after the end. Invocations are numbered from 0, environments from 1.
    """
    environments: dict[str, int] = {}
    told: list[trace.Event] = []
    number = 0
    for one in invocations:
        environment = environments.setdefault(one.environment, len(environments) + 1)
        if any(record.message_id in sent for record in one.records):
            told.extend(_told(one, number, environment, sent, report_batch_item_failures=report_batch_item_failures))
            number += 1
    # Of equal times, the order of each invocation stays.
    return tuple(sorted(told, key=lambda event: event.at_ms))


def _told(
    one: Invocation, number: int, environment: int, sent: Collection[str], *, report_batch_item_failures: bool
) -> Iterator[trace.Event]:
    ours = [record for record in one.records if record.message_id in sent]
    yield trace.Began(one.began_ms, number, environment, one.cold, len(one.records))
    for record in ours:
        yield trace.Delivered(one.began_ms, number, record.message_id, record.receive_count, record.md5_of_body)
    if one.outcome is None or one.ended_ms is None:
        return
    result = read_outcome(
        one.outcome,
        [record.message_id for record in one.records],
        report_batch_item_failures=report_batch_item_failures,
    )
    # The function's clock may have been set back.
    ended_ms = max(one.ended_ms, one.began_ms)
    failed = result.failed & {record.message_id for record in ours}
    yield trace.Ended(ended_ms, number, one.outcome.ending, one.outcome.payload, result.verdict, failed, result.problem)
    for record in ours:
        if record.message_id not in result.failed:
            yield trace.Deleted(ended_ms, number, record.message_id)


@dataclass(slots=True)
class _Found:
    """What has been found of one request id."""

    request_id: str
    first_ms: int
    began: dict[str, Any] | None = None
    ended: tuple[int, Outcome] | None = None
    ended_by_lambda: tuple[int, Outcome] | None = None

    def invocation(self) -> Invocation:
        began = self.began
        assert began is not None, "asked of those that have begun"
        ended_ms, outcome = self.ended or self.ended_by_lambda or (None, None)
        if self.ended is not None and self.ended_by_lambda is not None:
            ended_ms, outcome = None, None
        return Invocation(
            request_id=self.request_id,
            environment=began["environment"],
            cold=began["cold"],
            began_ms=began["at_ms"],
            records=began["records"],
            ended_ms=ended_ms,
            outcome=outcome,
        )


def _read_line(line: LogLine, found: dict[str, _Found]) -> None:
    text = line.message.rstrip()
    if text.startswith("{"):
        _read_json(line, found)
    elif match := _STARTED.match(text):
        _of(found, match["id"], line)
    elif match := _REPORTED.match(text):
        status, error_type = _STATUS.search(text), _ERROR_TYPE.search(text)
        _reported(_of(found, match["id"], line), line, status and status[1], error_type and error_type[1])
    elif match := _TIMED_OUT.search(text):
        _ended_by_lambda(_of(found, match["id"], line), line, Ending.TIMED_OUT)
    elif match := _EXITED.match(text):
        _ended_by_lambda(_of(found, match["id"], line), line, Ending.CRASHED)


def _read_json(line: LogLine, found: dict[str, _Found]) -> None:
    try:
        value = json.loads(line.message)
        if value.get(MARK) == VERSION:
            _journalled(value, line, found)
        elif str(value.get("type", "")).startswith("platform."):
            _platform(value, line, found)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        # A line of the function's own that happens to look like it, or one that was cut.
        return


def _journalled(value: dict[str, Any], line: LogLine, found: dict[str, _Found]) -> None:
    request_id, at_ms = str(value["request_id"]), int(value["at_ms"])
    if value["what"] == "began":
        records = tuple(
            RecordSeen(message_id=str(message_id), receive_count=int(count), md5_of_body=str(md5))
            for message_id, count, md5 in value["records"]
        )
        began = {
            "environment": str(value["environment"]),
            "cold": bool(value["cold"]),
            "at_ms": at_ms,
            "records": records,
        }
        one = _of(found, request_id, line)
        one.began = one.began or began
    elif value["what"] == "ended":
        outcome = _outcome(value)
        one = _of(found, request_id, line)
        one.ended = one.ended or (at_ms, outcome)


def _outcome(value: dict[str, Any]) -> Outcome:
    if "error_type" in value:
        return Outcome(ending=Ending.RAISED, payload=json.dumps({"errorType": str(value["error_type"])}))
    payload = value["payload"]
    return Outcome(ending=Ending.RETURNED, payload=None if payload is None else str(payload))


def _platform(value: dict[str, Any], line: LogLine, found: dict[str, _Found]) -> None:
    """A line of Lambda's where the function's log format is JSON."""
    record = value["record"]
    if value["type"] in {"platform.start", "platform.report"}:
        one = _of(found, str(record["requestId"]), line)
        _reported(one, line, record.get("status"), record.get("errorType"))


def _reported(one: _Found, line: LogLine, status: str | None, error_type: str | None) -> None:
    if status == "timeout":
        _ended_by_lambda(one, line, Ending.TIMED_OUT)
    elif error_type == _EXIT:
        _ended_by_lambda(one, line, Ending.CRASHED)


def _ended_by_lambda(one: _Found, line: LogLine, ending: Ending) -> None:
    error_type = "Sandbox.Timedout" if ending is Ending.TIMED_OUT else _EXIT
    outcome = Outcome(ending=ending, payload=json.dumps({"errorType": error_type}))
    # A process that is ended by the timeout exits as well: the timeout is what it was.
    if one.ended_by_lambda is None or ending is Ending.TIMED_OUT:
        one.ended_by_lambda = (line.at_ms, outcome)


def _of(found: dict[str, _Found], request_id: str, line: LogLine) -> _Found:
    return found.setdefault(request_id, _Found(request_id, line.at_ms))
