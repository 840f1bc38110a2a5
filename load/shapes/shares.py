"""Who sends which slot: the master deals slots to the processes that can send now, and each slot to one of them only.

Slots are dealt a little ahead of time. So a process that joins gets its share from the next ones on, and of a process
that dies only those are lost that it had been dealt and had not taken.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .schedule import Schedule

__all__ = ["Dealer", "Hand", "KeepingUp", "Progress"]

AHEAD_MAX: Final = 2_000
"""How many slots a process may have been dealt and not taken yet."""


class Dealer:
    """Deals the slots of a schedule in turn: with k processes each gets every k-th."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._next = 0
        self._turn = 0
        self.dealt: dict[str, int] = {}
        self.ended = False

    @property
    def total(self) -> int:
        """All slots that were dealt."""
        return self._next

    def deal(self, until_s: float, processes: Sequence[str], taken: Mapping[str, int]) -> dict[str, list[float | None]]:
        """Deal what is due before `until_s`: for each process when its slots are due, None where they have no time.

        `taken` are the slots that each process is done with. One that has too many left is passed over.
        """
        room = {name: AHEAD_MAX - self.dealt.get(name, 0) + taken.get(name, 0) for name in processes}
        open_to = [name for name in processes if room[name] > 0]
        hands: dict[str, list[float | None]] = {}
        while open_to and not self.ended:
            due_s = self._schedule.due_s(self._next)
            if due_s is None:
                self.ended = True
                break
            if due_s >= until_s:
                break
            self._turn %= len(open_to)
            name = open_to[self._turn]
            hands.setdefault(name, []).append(due_s if self._schedule.paced else None)
            self.dealt[name] = self.dealt.get(name, 0) + 1
            self._next += 1
            room[name] -= 1
            if room[name]:
                self._turn += 1
            else:
                open_to.pop(self._turn)
        return hands


class Hand:
    """The slots that a process was dealt and has not taken yet. Times are seconds from the start of the schedule."""

    def __init__(self) -> None:
        self._dues_s: deque[float | None] = deque()
        self.taken = 0
        self.dropped = 0
        self.last = False

    def add(self, dues_s: Sequence[float | None], *, last: bool = False, drop: bool = False) -> None:
        """Take slots in. `last`: there will be no more. `drop`: those from before shall not be sent any more."""
        if drop:
            self.dropped += len(self._dues_s)
            self._dues_s.clear()
        self._dues_s.extend(dues_s)
        self.last = last

    @property
    def ended(self) -> bool:
        """There is nothing left to send, and will not be."""
        return self.last and not self._dues_s

    def wait_s(self, now_s: float) -> float | None:
        """How long until the next slot is due, 0 if it is; None while none is known."""
        if not self._dues_s:
            return None
        return max(0.0, (self._dues_s[0] or 0.0) - now_s)

    def take(self) -> float | None:
        """The next slot's due time; None if it has none of its own. Raises IndexError if there is no slot."""
        due_s = self._dues_s.popleft()
        self.taken += 1
        return due_s

    def behind_s(self, now_s: float) -> float:
        """For how long the next slot has been due; 0 if it is not yet."""
        due_s = self._dues_s[0] if self._dues_s else None
        return 0.0 if due_s is None else max(0.0, now_s - due_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a process says of its slots. `done`: it has none left and gets no more."""

    taken: int = 0
    dropped: int = 0
    behind_s: float = 0.0
    done: bool = False


class KeepingUp:
    """Watches whether the users hold the rate, and says once how many would."""

    BEHIND_S: Final = 2.0
    WATCH_S: Final = 5.0
    ROOM: Final = 1.2

    def __init__(self) -> None:
        self._since: tuple[float, int, int] | None = None
        self._said = False

    def look(self, at_s: float, *, due: int, taken: int, behind_s: float, users: int) -> str | None:
        """A warning, the first time that the users have been behind for a while. `due` and `taken` count messages."""
        if self._said or behind_s < self.BEHIND_S:
            self._since = None
            return None
        if self._since is None:
            self._since = (at_s, due, taken)
        began_s, due_then, taken_then = self._since
        lasted_s = at_s - began_s
        if lasted_s < self.WATCH_S or taken <= taken_then:
            return None
        wanted, managed = (due - due_then) / lasted_s, (taken - taken_then) / lasted_s
        if wanted <= managed:
            return None  # they are catching up
        self._said = True
        enough = math.ceil(users * wanted / managed * self.ROOM)
        return (
            f"{users} users send {managed:.0f} of {wanted:.0f} messages/s and are {behind_s:.0f} s behind: about "
            f"{enough} users (-u {enough}) would do, in more processes (--processes) if the CPU is the limit"
        )
