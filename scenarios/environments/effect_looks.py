"""Looking at a consumer's effects again and again: what is new since the last look, and what is gone."""

from collections import Counter
from collections.abc import Callable

from ..consumer import Aws, Consumer, Effect
from ..history import EffectGone, EffectSeen

__all__ = ["EffectLooks", "Found", "key_and_body"]

Found = tuple[str, str | None]
"""A business key, and the body that its effect came from if known."""


class EffectLooks:
    """The looks of one run. What the consumer's ``effects`` raises comes through."""

    def __init__(self, consumer: Consumer, aws: Aws, record: Callable[[EffectSeen | EffectGone], object]) -> None:
        self._consumer = consumer
        self._aws = aws
        self._record = record
        self._known: Counter[Found] = Counter()
        self._looks = 0

    def look(self, invocation: int, now_ms: Callable[[], int]) -> None:
        """Look, and record each difference; the time is when the look was over."""
        if self._consumer.effects is None:
            return
        effects = [key_and_body(found) for found in self._consumer.effects(self._aws)]
        self._looks += 1
        at_ms = now_ms()
        known, self._known = self._known, Counter(effects)
        for key, body in effects:
            if known[key, body] > 0:
                known[key, body] -= 1
            else:
                self._record(EffectSeen(at_ms, invocation, self._looks, key, body))
        for key, body in known.elements():
            self._record(EffectGone(at_ms, invocation, self._looks, key, body))


def key_and_body(found: str | Effect) -> Found:
    """What one of a consumer's ``effects`` says."""
    return (found, None) if isinstance(found, str) else (found.key, found.body)
