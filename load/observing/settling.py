"""The end of a run: wait until the queue has drained and everything that was sent is seen somewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .account import Account, Basis
from .queue_watch import QueueSeen

__all__ = ["Evidence", "Settled", "account_of", "settle"]

# The numbers are approximate: a queue counts as drained when it is seen empty this often in a row.
_EMPTY_LOOKS: Final = 2
# SQS says that its numbers settle within a minute. Where nothing else tells, that is worth some patience.
_EMPTY_LOOKS_AT_AWS: Final = 15
# How long after the last change something more may still be on its way, a reply or a row; and if that is in vain.
_STILL_S: Final = 10.0
_STILL_IN_VAIN_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of the messages of a run. `processed` is None where nobody sees it."""

    sent: int
    unknown: int
    duplicates: int
    processed: int | None
    basis: Basis
    written_twice: int = 0
    there_before: int = 0
    sent_at_least: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How it ended. `drained_s` is how long the queue took to be empty, None if it was not within the deadline."""

    account: Account
    drained_s: float | None


def account_of(evidence: Evidence, seen: QueueSeen | None) -> Account:
    """The account, from what is known of the messages and a look at the queue."""
    common: dict[str, Any] = {
        "sent": evidence.sent,
        "unknown": evidence.unknown,
        "duplicates": evidence.duplicates,
        "there_before": evidence.there_before,
        "sent_at_least": evidence.sent_at_least,
    }
    if seen is None:
        return Account(
            **common,
            processed=evidence.processed or 0,
            dead_lettered=0,
            left=0,
            basis=evidence.basis.value,
            not_seen="the queue could not be looked at",
        )
    dead, left = seen.dead_lettered or 0, seen.depth.total
    if seen.dead_lettered is None and (evidence.processed is None or evidence.processed + left < evidence.sent):
        # What is missing may be there; by subtraction it would even count as processed.
        common["not_seen"] = "the DLQ could not be looked at"
    if evidence.processed is None:
        return Account.by_subtraction(**common, dead_lettered=dead, left=left)
    return Account(
        **common,
        processed=evidence.processed,
        dead_lettered=dead,
        left=left,
        written_twice=evidence.written_twice,
        basis=evidence.basis.value,
    )


def settle(
    look: Callable[[], tuple[Evidence, QueueSeen | None]],
    *,
    within_s: float,
    at_aws: bool = False,
    hurry: threading.Event | None = None,
    on_look: Callable[[Account], object] = lambda _account: None,
    every_s: float = 1.0,
    now_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Settled:
    """Look until the queue is drained and the account balances, or nothing changes any more, or the time is up.

    `hurry`, once set, ends it with the next look.
    """
    began_s = changed_s = now_s()
    empty_looks, drained_s, found, last = 0, None, -1, None
    while True:
        evidence, seen = look()
        at_s = now_s()
        if seen is not None or last is None:
            last = account_of(evidence, seen)
            on_look(last)
        if seen is not None:
            empty_looks = 0 if seen.depth.total else empty_looks + 1
            drained_s = None if not empty_looks else at_s - began_s if drained_s is None else drained_s
        if last.found != found:
            found, changed_s = last.found, at_s
        needed = _EMPTY_LOOKS_AT_AWS if at_aws and evidence.processed is None else _EMPTY_LOOKS
        is_drained = empty_looks >= needed
        still_s = _STILL_IN_VAIN_S if evidence.sent_at_least else _STILL_S
        more_may_come = last.problem is not None and evidence.processed is not None and at_s - changed_s < still_s
        if (is_drained and not more_may_come) or at_s - began_s >= within_s or (hurry is not None and hurry.is_set()):
            return Settled(account=last, drained_s=drained_s if is_drained else None)
        sleep(every_s)
