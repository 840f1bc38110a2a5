"""Judging a history: each invariant gives a verdict, and one that crashes gives ``unknown``."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from .history import History
from .invariants import INVARIANTS, CannotTell, Invariant, Violation

__all__ = ["Judgement", "Verdict", "judge"]


class Verdict(StrEnum):
    """``unknown`` never counts as passed; ``skipped`` is for what could not be asked at all."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one invariant says of one history. ``reason`` is set where the verdict is unknown."""

    invariant: str
    verdict: Verdict
    violations: tuple[Violation, ...] = ()
    reason: str | None = None


def judge(history: History, names: Iterable[str]) -> tuple[Judgement, ...]:
    """Hold the named invariants against a history, in the order given."""
    return tuple(_judge(history, INVARIANTS[name]) for name in names)


def _judge(history: History, invariant: Invariant) -> Judgement:
    violations: list[Violation] = []
    reason = None if history.finished else "the run was cut off before all had happened"
    try:
        for violation in invariant.check(history):
            violations.append(violation)  # noqa: PERF402 - what was found before it cannot tell is found all the same
    except CannotTell as cannot:
        reason = str(cannot)
    except Exception as error:  # noqa: BLE001 - a checker that crashes has not passed, and says so
        reason = f"the check itself failed: {type(error).__name__}: {error}"
        return Judgement(invariant=invariant.name, verdict=Verdict.UNKNOWN, reason=reason)
    if violations:
        return Judgement(invariant=invariant.name, verdict=Verdict.VIOLATED, violations=tuple(violations))
    return Judgement(
        invariant=invariant.name, verdict=Verdict.HOLDS if reason is None else Verdict.UNKNOWN, reason=reason
    )
