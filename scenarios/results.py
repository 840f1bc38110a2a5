"""What a verification came to, as values and as the JSON that ``--json`` writes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from .judgement import Verdict
from .plan import Plan
from .plan_json import plan_as_json

__all__ = ["Finding", "Report", "ScenarioResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A broken invariant, with the shortest history that breaks it and the command that replays it.

    ``plan`` is what that history was a run of.
    """

    invariant: str
    message: str
    business_keys: tuple[str, ...]
    timeline: tuple[str, ...]
    replay: str
    plan: Plan | None = None

    def as_json(self) -> dict[str, Any]:
        """The finding with its plan, from which it can be run again."""
        return {
            "invariant": self.invariant,
            "message": self.message,
            "business_keys": list(self.business_keys),
            "timeline": list(self.timeline),
            "replay": self.replay,
            "plan": None if self.plan is None else plan_as_json(self.plan),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """One scenario's verdict. ``reason`` is set unless it is ``holds`` or ``violated``. ``seconds`` are real ones.

    ``points`` is how many faults at how many AWS calls were tried one by one, for the scenarios that do so. ``notes``
    are what was seen and is held against nobody.
    """

    name: str
    verdict: Verdict
    reason: str | None = None
    examples: int = 0
    points: int = 0
    deliveries: int = 0
    seconds: float = 0.0
    violations: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The result with its findings."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        findings = [finding.as_json() for finding in self.violations]
        return {**values, "violations": findings, "notes": list(self.notes)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All results of one command.

    ``options`` are the words that shaped the target, ``faults`` the rates at which faults were added, by name, and
    ``not_run`` the scenarios that an interruption kept from a verdict.
    """

    version: str
    target: str
    environment: str
    runtime: str
    seed: int
    scenarios: Sequence[ScenarioResult]
    faults: Mapping[str, float] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    not_run: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything was run, nothing is violated or unknown, and something holds."""
        if self.not_run:
            return False
        verdicts = {result.verdict for result in self.scenarios}
        return Verdict.HOLDS in verdicts and not verdicts & {Verdict.VIOLATED, Verdict.UNKNOWN}

    def totals(self) -> dict[str, Any]:
        """Counts by verdict, deliveries and seconds of all scenarios together."""
        counts = Counter(result.verdict for result in self.scenarios)
        return {
            **{str(verdict): counts[verdict] for verdict in Verdict},
            "deliveries": sum(result.deliveries for result in self.scenarios),
            "seconds": round(sum(result.seconds for result in self.scenarios), 3),
        }

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` writes; the same seed gives the same, but for ``seconds``."""
        return {
            "redrive": self.version,
            "target": self.target,
            **({"options": list(self.options)} if self.options else {}),
            "environment": self.environment,
            "runtime": self.runtime,
            "seed": self.seed,
            **({"faults": dict(self.faults)} if self.faults else {}),
            **({"not_run": list(self.not_run)} if self.not_run else {}),
            "scenarios": [result.as_json() for result in self.scenarios],
            "totals": self.totals(),
        }
