"""Business keys of one run among those of all others, where the world cannot be emptied between two runs.

A consumer is asked for bodies of keys that begin with :data:`PLANNED`. For each run that beginning is replaced by one
of its own in all that is sent, and put back in all that is seen, so that histories of several runs can be compared.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from hypothesis.strategies import SearchStrategy

from redrive.fixtures.event_builder import md5_of_body

from ..consumer import Aws, Body, Consumer, Effect
from ..errors import TargetError
from ..plan import Kind, Plan, PlannedMessage
from .effect_looks import Found, key_and_body

__all__ = ["PLANNED", "RunNames", "with_planned_keys"]

_DIGITS: Final = 12
PLANNED: Final = f"redrive-{'0' * _DIGITS}-"

_SCANS_MOST: Final = 10


def with_planned_keys(consumer: Consumer) -> Consumer:
    """The consumer whose bodies are for keys with the beginning that each run replaces."""
    poison = consumer.poison
    return replace(consumer, valid=_planned(consumer.valid), poison=None if poison is None else _planned(poison))


def _planned(make: Callable[[str], Body]) -> Callable[[str], str | SearchStrategy[str]]:
    return lambda key: make(f"{PLANNED}{key}")


@dataclass(slots=True, kw_only=True)
class RunNames:
    """The names of one run. ``before`` are the effects that were there as it began."""

    beginning: str = field(default_factory=lambda: f"redrive-{uuid.uuid4().hex[:_DIGITS]}-")
    before: Counter[Found] = field(default_factory=Counter)
    _md5: dict[str, str] = field(default_factory=dict)

    def sent(self, plan: Plan, *, looks_at_effects: bool) -> tuple[PlannedMessage, ...]:
        """The messages as they are sent. Raises :class:`TargetError` if a run's effects could not be told apart."""
        return tuple(self._sent(message, looks_at_effects=looks_at_effects) for message in plan.messages)

    def _sent(self, message: PlannedMessage, *, looks_at_effects: bool) -> PlannedMessage:
        if looks_at_effects and message.kind is Kind.VALID and PLANNED not in message.body:
            raise TargetError(
                "a good body does not have its business key in it as it is, so what one run does could not be told "
                "from what others did: leave out effects, or use bodies that have it"
            )
        body = message.body.replace(PLANNED, self.beginning)
        self._md5[md5_of_body(body)] = md5_of_body(message.body)
        return replace(
            message,
            body=body,
            group=None if message.group is None else self.beginning + message.group,
            # A deduplication id holds for five minutes, whatever became of the message (S19).
            deduplication_id=None if message.deduplication_id is None else self.beginning + message.deduplication_id,
        )

    def planned_md5(self, md5_of_sent: str) -> str:
        """The MD5 of the body in the plan for that of a body as it was sent; any other as it is."""
        return self._md5.get(md5_of_sent, md5_of_sent)

    def look(self, effects: Callable[[Aws], Iterable[str | Effect]]) -> Callable[[Aws], list[Effect]]:
        """``effects`` without those of other runs, with the names of the plan.

        A table is read page by page while it is written, so a later effect may show before an earlier one. Of two
        readings that are alike, what the first has happened before all that the second does not have: a look is such a
        pair, or what the last such pair had where there is none after some readings.
        """
        last: list[Counter[Found]] = [Counter()]

        def mine(aws: Aws) -> list[Effect]:
            found = self._read(effects, aws)
            for _ in range(_SCANS_MOST):
                again = self._read(effects, aws)
                if again == found:
                    last[0] = found
                    break
                found = again
            return [Effect(key=key, body=body) for key, body in last[0].elements()]

        return mine

    def remember(self, effects: Callable[[Aws], Iterable[str | Effect]], aws: Aws) -> None:
        """Take note of what there is before the run begins."""
        self.before = Counter(map(key_and_body, effects(aws)))

    def _read(self, effects: Callable[[Aws], Iterable[str | Effect]], aws: Aws) -> Counter[Found]:
        new = Counter(map(key_and_body, effects(aws))) - self.before
        return Counter({self._planned(pair): count for pair, count in new.items() if not self._is_of_another_run(pair)})

    def _planned(self, pair: Found) -> Found:
        key, body = pair
        return key.replace(self.beginning, ""), None if body is None else body.replace(self.beginning, PLANNED)

    def _is_of_another_run(self, pair: Found) -> bool:
        key, _ = pair
        return key.startswith("redrive-") and len(key) > len(PLANNED) and not key.startswith(self.beginning)
