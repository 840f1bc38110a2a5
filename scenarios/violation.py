"""What an invariant is, and what it says of a history that breaks it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .consumer import Claim
from .history import Fate, History
from .plan import Kind

__all__ = ["CannotTell", "Invariant", "Violation", "about", "name_of", "short"]


class CannotTell(Exception):
    """The history does not reach the point that the invariant judges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What breaks an invariant, in a sentence, and the business keys it is about."""

    message: str
    business_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A named promise, and the claim without which it is not held against a consumer."""

    name: str
    summary: str
    check: Callable[[History], Iterator[Violation]]
    claim: Claim | None = None


def about(fate: Fate, what: str) -> Violation:
    """The violation that a message is, with its name before ``what``."""
    return Violation(message=f"{name_of(fate)} {what}", business_keys=(fate.message.key,))


def name_of(fate: Fate) -> str:
    """How a message is named in sentences, with a comma behind it."""
    kind = " (poison)" if fate.message.kind is Kind.POISON else ""
    return f"message {fate.number + 1}, {fate.message.key!r}{kind},"


def short(text: str | None, most: int = 120) -> str:
    """A text in quotes, cut where it is long."""
    if text is None:
        return "nothing"
    return repr(text if len(text) <= most else text[: most - 1] + "…")
