"""How old the oldest message in a queue is. SQS itself does not say: CloudWatch does, minutes later, and at AWS only.

Where each processed message is known by its mark, `Tally` knows the oldest one that is not processed. Where only the
depth of the queue is seen, `SendCurve` reckons as if messages left in the order in which they came: of `sent` messages,
`backlog` of them still there, the oldest is the one that was sent when the count stood at `sent - backlog`. A standard
queue does not keep that order exactly, so the true age may be more: a message that waits to be tried again may be the
oldest of all, and is taken for the youngest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

__all__ = ["CLOUDWATCH_EVERY_S", "SendCurve", "cloudwatch_age"]

_POINTS_MAX: Final = 4_000
CLOUDWATCH_EVERY_S: Final = 60.0
_CLOUDWATCH_BACK: Final = timedelta(minutes=10)


class SendCurve:
    """When how many messages had been sent: points in ascending order, thinned out beyond some thousands."""

    def __init__(self) -> None:
        self._at_s: list[float] = []
        self._sent: list[int] = []

    def add(self, at_s: float, sent: int) -> None:
        """By this time so many messages had been sent in all."""
        if self._sent and sent < self._sent[-1]:
            return  # the counts of a process came late
        self._at_s.append(at_s)
        self._sent.append(sent)
        if len(self._at_s) > _POINTS_MAX:
            # The older half at half the resolution.
            half = _POINTS_MAX // 2
            self._at_s[:half] = self._at_s[:half:2]
            self._sent[:half] = self._sent[:half:2]

    def age_s(self, backlog: int) -> float:
        """The age of the oldest of the last `backlog` messages, at the last point; 0 if there are none."""
        if backlog <= 0 or not self._sent:
            return 0.0
        gone = self._sent[-1] - backlog
        after = bisect_right(self._sent, gone)
        if gone < 0 or after >= len(self._sent):
            return self._at_s[-1] - self._at_s[0]
        before = after - 1
        if before < 0:
            return self._at_s[-1] - self._at_s[0]
        share = (gone - self._sent[before]) / (self._sent[after] - self._sent[before])
        return self._at_s[-1] - (self._at_s[before] + share * (self._at_s[after] - self._at_s[before]))


def cloudwatch_age(cloudwatch: Any, queue_name: str, *, now: Callable[[], datetime] | None = None) -> float | None:
    """The latest ApproximateAgeOfOldestMessage that CloudWatch has, in seconds; None if it has none yet."""
    until = now() if now is not None else datetime.now(UTC)
    answer = cloudwatch.get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": queue_name}],
        StartTime=until - _CLOUDWATCH_BACK,
        EndTime=until,
        Period=60,
        Statistics=["Maximum"],
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    return float(points[-1]["Maximum"]) if points else None
