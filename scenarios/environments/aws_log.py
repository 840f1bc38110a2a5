"""A function's log, read from CloudWatch again and again: lines come late, and pages may be empty."""

from typing import Any, Final

from ..journal import LogLine

__all__ = ["FunctionLog"]

_OVERLAP_MS: Final = 120_000
"""How late a line may come and still be seen: each reading begins so long before the newest line that is known."""
_PAGES_MOST: Final = 1_000


class FunctionLog:
    """The lines of ``log_group`` from ``since_ms`` on. ``logs`` is a boto3 client of CloudWatch Logs."""

    def __init__(self, logs: Any, log_group: str, *, since_ms: int) -> None:
        self._logs = logs
        self._log_group = log_group
        self._since_ms = since_ms
        self._newest_ms = since_ms
        self._lines: dict[str, LogLine] = {}

    def read(self) -> tuple[LogLine, ...]:
        """All lines that there are by now, each once."""
        start_ms = max(self._since_ms, self._newest_ms - _OVERLAP_MS)
        token: dict[str, str] = {}
        for _ in range(_PAGES_MOST):
            page = self._logs.filter_log_events(logGroupName=self._log_group, startTime=start_ms, **token)
            for event in page.get("events", ()):
                self._lines[event["eventId"]] = LogLine(at_ms=event["timestamp"], message=event["message"])
                self._newest_ms = max(self._newest_ms, event["timestamp"])
            if not page.get("nextToken"):
                break
            token = {"nextToken": page["nextToken"]}
        return tuple(self._lines.values())
