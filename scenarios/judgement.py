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
    try:
        violations = tuple(invariant.check(history))
    except CannotTell as cannot:
        return Judgement(invariant=invariant.name, verdict=Verdict.UNKNOWN, reason=str(cannot))
    except Exception as error:  # noqa: BLE001 - a checker that crashes has not passed, and says so
        reason = f"the check itself failed: {type(error).__name__}: {error}"
        return Judgement(invariant=invariant.name, verdict=Verdict.UNKNOWN, reason=reason)
    verdict = Verdict.VIOLATED if violations else Verdict.HOLDS
    return Judgement(invariant=invariant.name, verdict=verdict, violations=violations)
