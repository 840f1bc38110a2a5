"""What a verification came to, as values and as the JSON that ``--json`` writes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .judgement import Verdict

__all__ = ["Finding", "Report", "ScenarioResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A broken invariant, with the shortest history that breaks it and the command that replays it."""

    invariant: str
    message: str
    business_keys: tuple[str, ...]
    timeline: tuple[str, ...]
    replay: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """One scenario's verdict. ``reason`` is set unless it is ``holds`` or ``violated``. ``seconds`` are real ones."""

    name: str
    verdict: Verdict
    reason: str | None = None
    examples: int = 0
    deliveries: int = 0
    seconds: float = 0.0
    violations: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All results of one command. ``faults`` are the rates at which faults were added, by name."""

    version: str
    target: str
    environment: str
    runtime: str
    seed: int
    scenarios: Sequence[ScenarioResult]
    faults: Mapping[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether nothing is violated or unknown, and something holds."""
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
            "environment": self.environment,
            "runtime": self.runtime,
            "seed": self.seed,
            **({"faults": dict(self.faults)} if self.faults else {}),
            "scenarios": [asdict(result) for result in self.scenarios],
            "totals": self.totals(),
        }
