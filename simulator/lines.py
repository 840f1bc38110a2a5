"""The order in which a queue hands out what is visible: one class for standard queues, one for FIFO queues.

A *line* holds the messages that wait, whether already visible or not. The queue asks it for candidates and tells it
what became of them. Neither class knows about receive counts, retention or dead-letter queues.
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Protocol

from .messages import Message

__all__ = ["FifoLine", "Line", "StandardLine"]


class Line(Protocol):
    """What a queue needs of an order of delivery."""

    def add(self, message: Message) -> None:
        """A new message. It may not be visible yet."""

    def returned(self, message: Message) -> None:
        """A message that was taken is back."""

    def surfaced(self, message: Message) -> None:
        """The time of ``visible_at_ms`` has come for a message that was added earlier."""

    def candidates(self, now_ms: int) -> Iterator[Message]:
        """Messages that one receive may take, in order; each one yielded has left the line."""

    def put_back(self, message: Message) -> None:
        """A message that was just yielded is not taken after all."""

    def left(self, message: Message) -> None:
        """A message that was taken is deleted or moved away: it does not come back."""

    def removed(self, message: Message) -> None:
        """A message that was not taken is deleted all the same."""


class StandardLine:
    """Any visible message may come next (S17): the oldest one, or one that ``shuffle`` picks."""

    def __init__(self, shuffle: random.Random | None = None) -> None:
        self._visible: deque[Message] = deque()
        self._shuffle = shuffle
        self._held_back: dict[int, int] = {}

    def hold_back(self, message: Message, behind: int) -> None:
        """Let up to ``behind`` others go first when the message's turn comes next."""
        self._held_back[message.ordinal] = behind

    def add(self, message: Message) -> None:
        """Nothing to do: a message counts from the moment it surfaces."""

    def returned(self, message: Message) -> None:
        """Nothing to do either."""

    def surfaced(self, message: Message) -> None:
        self._visible.append(message)

    def candidates(self, now_ms: int) -> Iterator[Message]:
        while self._visible:
            if self._shuffle is not None:
                # Costs O(n): shuffled queues are for small histories.
                self._visible.rotate(self._shuffle.randrange(len(self._visible)))
            message = self._visible.popleft()
            # Deleted by an old receipt, or hidden anew, since it surfaced.
            if message.deleted or message.in_flight or message.visible_at_ms > now_ms:
                continue
            if self._held_back and message.ordinal in self._held_back:
                self._visible.insert(self._held_back.pop(message.ordinal), message)
                continue
            yield message

    def put_back(self, message: Message) -> None:
        self._visible.appendleft(message)

    def left(self, message: Message) -> None:
        if self._held_back:
            self._held_back.pop(message.ordinal, None)

    def removed(self, message: Message) -> None:
        self.left(message)
        # Where nobody receives, as from a dead-letter queue, what is gone would be kept alive here.
        while self._visible and self._visible[0].deleted:
            self._visible.popleft()


@dataclass(slots=True, eq=False)
class _Group:
    waiting: list[tuple[int, Message]] = field(default_factory=list)
    in_flight: int = 0
    queued: bool = False


class FifoLine:
    """Order within a message group, and nothing from a group that has a message in flight (S18)."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._ready: deque[str] = deque()

    def add(self, message: Message) -> None:
        group = self._groups.setdefault(_name(message), _Group())
        heappush(group.waiting, (message.ordinal, message))

    def returned(self, message: Message) -> None:
        self.add(message)
        self._groups[_name(message)].in_flight -= 1

    def surfaced(self, message: Message) -> None:
        self._queue(_name(message))

    def candidates(self, now_ms: int) -> Iterator[Message]:
        # A receive takes as many as it can from one group before it turns to the next.
        for _ in range(len(self._ready)):
            group = self._groups.get(self._ready.popleft())
            if group is None:
                continue
            group.queued = False
            blocked = group.in_flight > 0
            while not blocked and group.waiting and group.waiting[0][1].visible_at_ms <= now_ms:
                group.in_flight += 1
                yield heappop(group.waiting)[1]

    def put_back(self, message: Message) -> None:
        self.returned(message)
        self._queue(_name(message))

    def left(self, message: Message) -> None:
        self._groups[_name(message)].in_flight -= 1
        self._go_on(_name(message))

    def removed(self, message: Message) -> None:
        waiting = self._groups[_name(message)].waiting
        # A group is sent in order and its messages are kept equally long: what goes is in front.
        while waiting and waiting[0][1].deleted:
            heappop(waiting)
        self._go_on(_name(message))

    def _go_on(self, name: str) -> None:
        group = self._groups[name]
        if group.in_flight == 0 and not group.waiting:
            del self._groups[name]
        else:
            self._queue(name)

    def _queue(self, name: str) -> None:
        group = self._groups.get(name)
        if group is not None and group.in_flight == 0 and group.waiting and not group.queued:
            group.queued = True
            self._ready.append(name)


def _name(message: Message) -> str:
    if message.group is None:
        raise ValueError("a message of a FIFO queue has a message group")
    return message.group
