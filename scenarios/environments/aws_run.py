"""One run of a plan on AWS: messages are sent, and what came of them is read from where AWS shows it."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from redrive.simulator import trace

from ..consumer import Aws, Consumer
from ..history import History
from ..interruption import safe_point
from ..interruption import sleep as sleep_safely
from ..journal import Journal, read_journal, trace_of
from ..plan import Plan
from ..poller import epoch_ms
from ..real_time import shortened
from .aws_events import OUTSIDE, JournalIncomplete, at_rest, history_events
from .aws_names import RunNames
from .aws_site import Site
from .effect_looks import EffectLooks
from .live_queue import send
from .live_record import Recorder

__all__ = ["AwsRun", "Clock"]

_LOOK_S: Final = 2.0
_LOG_LATE_S: Final = 60.0
"""How much later than what it tells of a log line may be there."""
_SLACK_S: Final = 60.0
_QUIET_S: Final = 75.0
"""For how long a queue has to look empty: its counts are right a minute after the last change, AWS says."""
_RECEIVES_MOST: Final = 20
_HIDDEN_S: Final = 30
_DELIVERIES_IN_VAIN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How time passes for a run; in tests otherwise."""

    monotonic_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = sleep_safely


class AwsRun:
    """A plan, a consumer, and where it is deployed; :meth:`history` runs them until nothing is left to happen."""

    def __init__(self, plan: Plan, consumer: Consumer, site: Site, aws: Aws, *, clock: Clock | None = None) -> None:
        self._plan = shortened(plan)
        self._site = site
        self._aws = aws
        self._clock = clock or Clock()
        self._names = RunNames()
        self._recorder = Recorder()
        effects = consumer.effects
        if effects is not None:
            self._names.remember(effects, aws)
            consumer = replace(consumer, effects=self._names.look(effects))
        self._consumer = consumer
        self._effects = EffectLooks(consumer, aws, self._recorder.append)
        self._sent: list[str] = []
        self._dead: dict[str, int] = {}
        self._quiet_since_s: float | None = None

    def history(self) -> History:
        """Run it. What ``effects`` raises comes through, and what AWS answers.

        Raises :class:`JournalIncomplete` where the log does not have what must have happened.
        """
        start_ms = epoch_ms()
        messages = self._names.sent(self._plan, looks_at_effects=self._consumer.effects is not None)
        before_ms = 0
        for number in sorted(range(len(messages)), key=lambda number: messages[number].at_ms):
            message = messages[number]
            pause_s, before_ms = (message.at_ms - before_ms) / 1000, message.at_ms
            if pause_s > 0:
                self._wait(most_s=min(pause_s, self._patience_s()), ends_at_rest=pause_s >= _LOOK_S)
            safe_point()
            send(self._site.queue, self._recorder, number, message, delay_s=message.delay_s)
            event = self._recorder.events[-1]
            if isinstance(event, trace.Sent) and event.enqueued:
                self._sent.append(event.message_id)
        finished = self._wait(most_s=self._patience_s(), ends_at_rest=True)
        self._effects.look(OUTSIDE, epoch_ms)
        return History(
            plan=self._plan,
            queue=self._site.spec,
            events=self._events(start_ms, finished=finished),
            finished=finished,
            looks_at_effects=self._consumer.effects is not None,
            start_ms=start_ms,
        )

    def _events(self, start_ms: int, *, finished: bool) -> tuple[Any, ...]:
        told = self._recorder.events
        if self._site.log is None:
            now_ms = epoch_ms()
            # The queue was empty for long enough, so what is not in the dead-letter queue was deleted.
            deleted = [
                trace.Deleted(now_ms, OUTSIDE, each) for each in self._sent if finished and each not in self._dead
            ]
            return history_events(told, deleted, self._dead, self._names, knows_invocations=False)
        journal = self._journal()
        if not finished:
            unseen = [each for each, first_ms in journal.unseen if first_ms >= start_ms]
            if unseen:
                raise JournalIncomplete(
                    f"{len(unseen)} invocations are in the log without the journal's line: does the function get as "
                    "far as its handler?"
                )
        return history_events(told, self._trace(journal), self._dead, self._names)

    def _journal(self) -> Journal:
        assert self._site.log is not None, "asked where there is one"
        return read_journal(self._site.log.read())

    def _trace(self, journal: Journal) -> tuple[trace.Event, ...]:
        return trace_of(
            journal.invocations,
            frozenset(self._sent),
            report_batch_item_failures=self._site.spec.report_batch_item_failures,
        )

    def _patience_s(self) -> float:
        """How long it may take until all that was sent is at rest: every delivery of every batch in a row, and more."""
        spec, count = self._site.spec, max(1, len(self._plan.messages))
        round_s = spec.visibility_timeout_s + spec.batching_window_s + spec.function_timeout_s
        in_a_row = count if self._plan.fifo else math.ceil(count / spec.batch_size)
        rounds = (spec.max_receive_count or _DELIVERIES_IN_VAIN) + 1
        late_s = _LOG_LATE_S if self._site.log is not None else _QUIET_S
        return rounds * in_a_row * round_s + late_s + _SLACK_S

    def _wait(self, *, most_s: float, ends_at_rest: bool) -> bool:
        """Look at everything now and then. True as soon as all that was sent is at rest, False when time is up."""
        until_s = self._clock.monotonic_s() + most_s
        while True:
            safe_point()
            self._look_at_dead_letters()
            self._effects.look(OUTSIDE, epoch_ms)
            if ends_at_rest and self._is_at_rest():
                return True
            left_s = until_s - self._clock.monotonic_s()
            if left_s <= 0:
                return False
            self._clock.sleep(min(_LOOK_S, left_s))

    def _is_at_rest(self) -> bool:
        if self._site.log is not None:
            limit = self._site.spec.max_receive_count
            return at_rest(self._sent, self._trace(self._journal()), self._dead, max_receive_count=limit)
        return all(each in self._dead for each in self._sent) or self._is_quiet()

    def _is_quiet(self) -> bool:
        """Whether the queue has looked empty for long enough."""
        now_s = self._clock.monotonic_s()
        if self._site.waiting():
            self._quiet_since_s = None
            return False
        if self._quiet_since_s is None:
            self._quiet_since_s = now_s
        return now_s - self._quiet_since_s >= _QUIET_S

    def _look_at_dead_letters(self) -> None:
        """Take what is of this run out of the dead-letter queue; what is of others is hidden for a while and stays."""
        queue = self._site.queue
        if queue.dlq_url is None:
            return
        for _ in range(_RECEIVES_MOST):
            received = queue.client.receive_message(
                QueueUrl=queue.dlq_url, MaxNumberOfMessages=10, VisibilityTimeout=_HIDDEN_S
            ).get("Messages", ())
            if not received:
                return
            for message in received:
                if message["MessageId"] in self._sent:
                    self._dead.setdefault(message["MessageId"], epoch_ms())
                    queue.client.delete_message(QueueUrl=queue.dlq_url, ReceiptHandle=message["ReceiptHandle"])
