"""Observing a run from where it is run: a look a second, and at the end the account and the record.

What goes on in threads here are greenlets under Locust. Nothing that fails to be seen ends the run: it is told once,
and is among what the record says is not known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ..reporting.record import Sample
from ..settings import SendSettings
from .account import Account, Basis
from .aws_access import AwsAccess
from .clock_offset import ClockOffsets
from .gathering import RunCounts
from .ledger_observer import LedgerObserver
from .observe_settings import ObserverName, ObserveSettings
from .oldest_age import CLOUDWATCH_EVERY_S, SendCurve, cloudwatch_age
from .queue_watch import FAILURES, Problems, QueueSeen, QueueWatch
from .replies import Replies
from .reply_observer import ReplyObserver
from .sample_series import SampleSeries
from .settling import Evidence, Settled, settle
from .tally import Tally
from .unknowns import unknowns_of

__all__ = ["Hooks", "Live", "Observation", "live"]

_EVERY_S: Final = 1.0
_PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What an observation asks of the process that it is in. `fire` adds a request to Locust's statistics.

    `due` are the messages that were due by now, if there is a schedule; `not_sent` those that nobody has sent.
    """

    fire: Callable[[str, str, float, int], object]
    users: Callable[[], int] = lambda: 0
    due: Callable[[], int | None] = lambda: None
    not_sent: Callable[[], int] = lambda: 0


class Observation:
    """One run, observed from its beginning until its account is settled.

    `own_sender` is what the marks of this process's messages bear. `on_settled` is called once, in a thread of ours.
    """

    def __init__(
        self,
        send: SendSettings,
        observe: ObserveSettings,
        *,
        run: str,
        counts: RunCounts,
        clocks: ClockOffsets,
        hooks: Hooks,
        on_settled: Callable[[Observation], object] = lambda _observation: None,
        environment: str = "other",
        own_sender: str = "0",
        access: AwsAccess | None = None,
    ) -> None:
        self.send, self.observe, self.run, self.environment = send, observe, run, environment
        self.counts, self.clocks = counts, clocks
        self.problems = Problems()
        self.series = SampleSeries()
        self.access = access or AwsAccess(send)
        self.began_at = datetime.now(UTC)
        self.state = "sending"
        self.settled: Settled | None = None
        self._hooks, self._on_settled, self._own_sender = hooks, on_settled, own_sender
        self._began_s = time.monotonic()
        self._account: Account | None = None
        self._curve = SendCurve()
        self._cloudwatch_at_s = float("-inf")
        self._cloudwatch_age_s: float | None = None
        self._ended, self._hurry, self._done = threading.Event(), threading.Event(), threading.Event()
        self.tally = Tally(run, ours=clocks.ours, began_at_ms=time.time() * 1000)
        self.watch: QueueWatch | None = None
        self.replies: Replies | None = None
        self._reply_observer: ReplyObserver | None = None
        self._ledger: LedgerObserver | None = None
        self._open()

    def _open(self) -> None:
        """Make what looks. The first look is now, before anything is sent."""
        try:
            sqs = self.access.client("sqs")
            self.watch = QueueWatch(sqs, self.send.queue_url, self.problems)
            if self.observe.observer is ObserverName.REPLY:
                letters = self.watch.dead_letters
                self.replies = Replies(self.tally, max_receive_count=letters.max_receive_count if letters else None)
                self._reply_observer = ReplyObserver(
                    sqs, self.observe.reply_queue_url or "", self.replies, self.problems, fire=self._hooks.fire
                )
            if self.observe.observer is ObserverName.LEDGER:
                self._ledger = LedgerObserver(
                    self.access.client("dynamodb"),
                    self.observe.ledger_table or "",
                    self.tally,
                    self.problems,
                    keys_are_ours=self.send.body_file is None,
                    fire=self._hooks.fire,
                )
        except FAILURES as error:
            self.problems.tell("nothing can be observed", error)
            self._hurry.set()  # there is nothing to wait for at the end

    def start(self) -> None:
        """Begin to look."""
        if self._reply_observer is not None:
            self._reply_observer.start()
        threading.Thread(target=self._observe, daemon=True).start()

    def end(self) -> None:
        """The last message was sent: now the queue is to drain."""
        self._ended.set()

    def wait(self, within_s: float | None = None) -> bool:
        """Wait until the account is settled."""
        return self._done.wait(within_s)

    def hurry(self) -> None:
        """Let the account be what it is at the next look."""
        self._hurry.set()

    def _observe(self) -> None:
        try:
            while not self._ended.wait(_EVERY_S):
                self._look()
            self.state = "draining"
            self.settled = settle(
                self._look,
                within_s=self.observe.drain_s,
                at_aws=self.environment == "aws",
                hurry=self._hurry,
                on_look=self._set_account,
                every_s=_EVERY_S,
                sleep=self._hurry.wait,
            )
            if self._reply_observer is not None:
                self._reply_observer.stop()
            self._on_settled(self)
        finally:
            self.state = "settled"
            self._done.set()

    def _set_account(self, account: Account) -> None:
        self._account = account

    def _look(self) -> tuple[Evidence, QueueSeen | None]:
        seen = None if self.watch is None else self.watch.look()
        if self._ledger is not None:
            self._ledger.look(whole=self.state == "draining")
        evidence = self._evidence()
        if seen is not None:
            self._add_sample(seen, evidence)
        return evidence, seen

    def _evidence(self) -> Evidence:
        total, lost = self.counts.total(), self.counts.lost() if self._ended.is_set() else []
        # Of a worker that is gone, at least what was seen of its messages was sent.
        unheard = sum(
            max(0, self.tally.seen_of(one.sender)[0] - (one.report.messages["accepted"] if one.report else 0))
            for one in lost
            if one.sender is not None
        )
        basis = {ObserverName.REPLY: Basis.MESSAGE, ObserverName.LEDGER: Basis.KEY}.get(self.observe.observer)
        return Evidence(
            sent=total.accepted + unheard,
            unknown=total.unknown,
            duplicates=total.duplicates,
            processed=self.tally.processed if basis is not None else None,
            basis=basis or Basis.NOT_SEEN,
            written_twice=self._ledger.written_twice if self._ledger is not None else 0,
            there_before=self.watch.there_before if self.watch is not None else 0,
            sent_at_least=bool(lost),
        )

    def _add_sample(self, seen: QueueSeen, evidence: Evidence) -> None:
        at_s = time.monotonic() - self._began_s
        self._curve.add(at_s, evidence.sent + evidence.there_before)
        window = self.counts.taken_window()
        send_ms = window.percentiles([50, 99]) if window.count else {}
        p50_ms, p99_ms = self.tally.taken_window()
        self.series.add(
            Sample(
                at_s=round(at_s, 3),
                visible=seen.depth.visible,
                in_flight=seen.depth.in_flight,
                delayed=seen.depth.delayed,
                dead_lettered=seen.dead_lettered,
                oldest_age_s=self._oldest_age_s(seen, evidence, at_s),
                sent=evidence.sent,
                processed=evidence.processed,
                due=self._hooks.due(),
                users=self._hooks.users(),
                end_to_end_p50_ms=p50_ms,
                end_to_end_p99_ms=p99_ms,
                send_p50_ms=send_ms[50] / 1000 if send_ms else None,
                send_p99_ms=send_ms[99] / 1000 if send_ms else None,
            )
        )

    def _oldest_age_s(self, seen: QueueSeen, evidence: Evidence, at_s: float) -> float | None:
        if seen.depth.total == 0:
            return 0.0
        if evidence.processed is not None:
            skip = (seen.dead_lettered or 0) + evidence.duplicates if self._ledger is not None else 0
            due_ms = self.tally.oldest_due_ms(self.counts.made_by_sender(self._own_sender), skip=skip)
            return 0.0 if due_ms is None else round(max(0.0, time.time() - due_ms / 1000), 3)
        if self.environment == "aws" and at_s - self._cloudwatch_at_s >= CLOUDWATCH_EVERY_S:
            self._cloudwatch_at_s = at_s
            try:
                name = self.send.queue_url.rpartition("/")[2]
                self._cloudwatch_age_s = cloudwatch_age(self.access.client("cloudwatch"), name)
            except FAILURES as error:
                self.problems.tell("CloudWatch could not be asked for the age of the oldest message", error)
        if self._cloudwatch_age_s is not None:
            return self._cloudwatch_age_s
        return round(self._curve.age_s(seen.depth.total), 3)

    # What came of it.

    def end_to_end_ms(self) -> dict[str, float] | None:
        """Percentiles of the latencies from end to end so far, and their maximum."""
        histogram = self.tally.end_to_end
        if not histogram.count:
            return None
        values = histogram.percentiles(_PERCENTILES.values())
        return {**{name: values[percent] / 1000 for name, percent in _PERCENTILES.items()}, "max": histogram.max / 1000}

    def histograms(self) -> dict[str, str]:
        """Those of the record."""
        found = {"send_batch": self.counts.send_batch()}
        if self.tally.end_to_end.count:
            found["end_to_end"] = self.tally.end_to_end
        if self.replies is not None:
            found |= {"batch_duration": self.replies.batch_duration, "batch_records": self.replies.batch_records}
        return {name: histogram.encoded() for name, histogram in found.items()}

    def not_known(self) -> tuple[str, ...]:
        """What this run cannot tell, one line each."""
        not_sent = self._hooks.not_sent()
        unsent = (f"how {not_sent} messages would have fared that were due and not sent",) if not_sent else ()
        asked_cloudwatch = self._cloudwatch_age_s is not None
        return (*self.problems.lines, *unsent, *unknowns_of(self, asked_cloudwatch=asked_cloudwatch))

    def snapshot(self) -> dict[str, Any]:
        """See `Live.snapshot`."""
        account = self.settled.account if self.settled is not None else self._account
        return {
            "samples": self.series.as_json(),
            "end_to_end_ms": self.end_to_end_ms(),
            "account": None if account is None else account.as_json(),
            "state": self.state,
        }


class Live:
    """The run that this process observes now, or observed last."""

    def __init__(self) -> None:
        self.observation: Observation | None = None

    def snapshot(self) -> dict[str, Any]:
        """`samples` (each as `Sample` has it, with its `backlog`), `end_to_end_ms` (p50, p90, p99, p99.9 and max, or
        None), `account` (as `Account.as_json` has it, None before the queue drains) and `state`: `sending`,
        `draining` or `settled`.
        """
        if self.observation is None:
            return {"samples": [], "end_to_end_ms": None, "account": None, "state": "settled"}
        return self.observation.snapshot()


live: Final = Live()
"""On a master, or where Locust runs alone; on a worker there is nothing in it."""
