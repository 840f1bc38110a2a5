"""A probe: one question about one rule, what AWS answers, and how to put it to any endpoint."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from .endpoint import Endpoint

__all__ = ["Answer", "CannotAsk", "Fact", "Facts", "Otherwise", "Probe", "Word", "fact", "probe", "probes_in"]


class Word(StrEnum):
    """What a probe, or all probes of a rule, came to."""

    AS_AWS = "as AWS"
    DIFFERS = "differs"
    NOT_ASKED = "cannot be asked"


class CannotAsk(Exception):
    """The endpoint has no way to put the question to it; the message, one line, says why."""


class Otherwise(Exception):
    """The endpoint did what AWS would not, so that there is nothing more to ask; the message says in one line what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that was looked at: ``what``, and in words what was ``seen`` and what ``aws`` does."""

    what: str
    seen: str
    aws: str

    @property
    def differs(self) -> bool:
        """Whether AWS does something else."""
        return self.seen != self.aws

    def __str__(self) -> str:
        return f"{self.what}: {self.seen} (AWS: {self.aws})"


Facts = Iterable[Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a probe found. ``how`` says for each difference what was seen, or why the question could not be put."""

    word: Word
    how: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """``id`` is the rule's id, a hyphen and a word; ``aws`` is what AWS does, in one line.

    ``takes_s`` is about how long it takes where time is real.
    """

    id: str
    aws: str
    ask: Callable[[Endpoint], Facts]
    takes_s: int

    @property
    def rule_id(self) -> str:
        """The rule that this asks about."""
        return self.id.partition("-")[0]

    def answer(self, endpoint: Endpoint) -> Answer:
        """Put the question. An endpoint that refuses or lacks what AWS would not is one that differs.

        One that does not answer at all raises ``BotoCoreError``.
        """
        facts: list[Fact] = []
        otherwise = []
        try:
            # One after the other: what was seen before the endpoint did otherwise was seen.
            for each in self.ask(endpoint):
                facts.append(each)  # noqa: PERF402
        except CannotAsk as reason:
            return Answer(word=Word.NOT_ASKED, how=(str(reason),))
        except Otherwise as what:
            otherwise = [str(what)]
        except ClientError as error:
            otherwise = [f"{error.operation_name}, which AWS accepts here: {error.response['Error']['Code']}"]
        except KeyError as error:
            otherwise = [f"an answer has no {error.args[0]}"]
        differences = [str(one) for one in facts if one.differs] + otherwise
        if not facts and not differences:
            raise AssertionError(f"{self.id} has looked at nothing")
        return Answer(word=Word.DIFFERS if differences else Word.AS_AWS, how=tuple(differences))


def probe(probe_id: str, *, aws: str, takes_s: int = 3) -> Callable[[Callable[[Endpoint], Facts]], Probe]:
    """Make a probe of a function that yields facts."""
    return lambda ask: Probe(id=probe_id, aws=aws, ask=ask, takes_s=takes_s)


def probes_in(names: Mapping[str, Any]) -> tuple[Probe, ...]:
    """The probes among a module's names, in the order in which they stand there."""
    return tuple(each for each in names.values() if isinstance(each, Probe))


def fact(what: str, seen: object, aws: object) -> Fact:
    """A fact of two values, each put into words."""
    return Fact(what=what, seen=_in_words(seen), aws=_in_words(aws))


def _in_words(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(_in_words, value)) or "nothing"
        case dict():
            return ", ".join(f"{name} {_in_words(each)}" for name, each in value.items()) or "nothing"
        case _:
            return str(value)
