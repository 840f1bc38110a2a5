"""What a queue remembers for five minutes."""

from collections import deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

__all__ = ["FIVE_MINUTES_MS", "Recent"]

FIVE_MINUTES_MS: Final = 5 * 60 * 1000

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Recent(Generic[_K, _V]):
    """Values by key, each for five minutes from when it was put; putting a key anew begins five minutes anew."""

    def __init__(self) -> None:
        self._values: dict[_K, _V] = {}
        self._until: deque[tuple[int, _K, _V]] = deque()

    def get(self, now_ms: int, key: _K) -> _V | None:
        """What was put for this key less than five minutes ago."""
        while self._until and self._until[0][0] <= now_ms:
            _, old, value = self._until.popleft()
            # Unless it was put anew meanwhile.
            if self._values.get(old) is value:
                del self._values[old]
        return self._values.get(key)

    def put(self, now_ms: int, key: _K, value: _V) -> None:
        """Remember from now on."""
        self._values[key] = value
        self._until.append((now_ms + FIVE_MINUTES_MS, key, value))
