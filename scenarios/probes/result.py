"""What was measured, by rule and environment, and what to make of the probes of one rule together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redrive.simulator.rules import RULES, Rule

from .catalogue import PROBES, UNASKED
from .measuring import Measured
from .probe import Answer, Probe, Word

__all__ = ["AS_CHOSEN", "Cell", "Parity", "chosen_rules", "probes_of"]

AS_CHOSEN = "as chosen"
"""Where AWS documents nothing: the environment does what the simulator does."""


def probes_of(rule_id: str) -> tuple[Probe, ...]:
    """The probes of one rule; none for one that cannot be asked."""
    return tuple(probe for probe in PROBES if probe.rule_id == rule_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What an environment makes of a rule: ``differing`` of the ``asked`` probes that it had an answer to."""

    word: Word
    differing: int
    asked: int
    choice: bool = False

    def __str__(self) -> str:
        if self.word is Word.DIFFERS:
            return f"differs {self.differing}/{self.asked}"
        return AS_CHOSEN if self.choice and self.word is Word.AS_AWS else str(self.word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """The rules that were asked about, in order, of these environments. ``date`` is when, as YYYY-MM-DD."""

    redrive: str
    date: str
    rules: tuple[Rule, ...]
    environments: tuple[Measured, ...]

    def cell(self, rule: Rule, measured: Measured) -> Cell:
        """What an environment makes of a rule."""
        words = [answer.word for _, answer in self.answers(rule, measured)]
        differing = words.count(Word.DIFFERS)
        asked = len(words) - words.count(Word.NOT_ASKED)
        word = Word.DIFFERS if differing else Word.AS_AWS if asked else Word.NOT_ASKED
        return Cell(word=word, differing=differing, asked=asked, choice=rule.choice)

    def answers(self, rule: Rule, measured: Measured) -> list[tuple[Probe, Answer]]:
        """What an environment answered to the probes of a rule."""
        return [(probe, measured.answers[probe.id]) for probe in probes_of(rule.id)]

    def counts(self, measured: Measured) -> dict[Word, int]:
        """How many rules an environment keeps, keeps otherwise, and cannot be asked about."""
        words = [self.cell(rule, measured).word for rule in self.rules]
        return {word: words.count(word) for word in Word}

    def differences(self, measured: Measured) -> list[tuple[Probe, Answer]]:
        """The probes that differ there, in the order of their rules."""
        return [each for each in self._all(measured) if each[1].word is Word.DIFFERS]

    def not_asked(self, measured: Measured) -> dict[str, list[str]]:
        """What could not be asked there: rules and probes by the reason why."""
        reasons: dict[str, list[str]] = {}
        for probe, answer in self._all(measured):
            if answer.word is Word.NOT_ASKED:
                reasons.setdefault(answer.how[0], []).append(probe.id)
        return reasons

    def unasked(self) -> dict[str, list[str]]:
        """The rules that nobody can be asked about, by the reason why."""
        reasons: dict[str, list[str]] = {}
        for rule in self.rules:
            if rule.id in UNASKED:
                reasons.setdefault(UNASKED[rule.id], []).append(rule.id)
        return reasons

    def _all(self, measured: Measured) -> list[tuple[Probe, Answer]]:
        return [each for rule in self.rules for each in self.answers(rule, measured)]

    def as_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "redrive": self.redrive,
            "date": self.date,
            "environments": [self._environment_as_json(measured) for measured in self.environments],
            "rules": [
                {"id": rule.id, "title": rule.title, "choice": rule.choice, "why_not_asked": UNASKED.get(rule.id)}
                for rule in self.rules
            ],
        }

    def _environment_as_json(self, measured: Measured) -> dict[str, Any]:
        return {
            "name": measured.environment,
            "version": measured.version,
            "mapping": measured.mapping,
            "seconds": round(measured.seconds, 2),
            "totals": {str(word): number for word, number in self.counts(measured).items()},
            "rules": {rule.id: str(self.cell(rule, measured).word) for rule in self.rules},
            "probes": [
                {"id": probe.id, "aws": probe.aws, "answer": str(answer.word), "how": list(answer.how)}
                for probe, answer in self._all(measured)
            ],
        }


def chosen_rules(ids: Sequence[str]) -> tuple[Rule, ...]:
    """The rules with these ids, in order; all of them for none. Unknown ones are left to the caller."""
    return tuple(rule for rule in RULES if not ids or rule.id in ids)
