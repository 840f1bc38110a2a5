"""The messages that a queue holds, and what time does to them: they surface, and they expire."""

import random
from typing import Final

from .lines import FifoLine, StandardLine
from .messages import Message
from .timetable import Timetable

__all__ = ["MessageStore"]

_SECOND_MS: Final = 1_000


class MessageStore:
    """Messages by ordinal. Each is waiting, in flight or deleted (:class:`~.messages.Message`).

    ``shuffle`` makes the order of a standard queue a random one. Nothing costs more than O(log n), shuffling aside.
    """

    def __init__(self, *, fifo: bool, retention_s: int, shuffle: random.Random | None) -> None:
        self.in_flight = 0
        self._fifo = fifo
        self._retention_ms = retention_s * _SECOND_MS
        self._shuffle = shuffle
        self._messages: dict[int, Message] = {}
        self.line = self._new_line()
        self._hidden = Timetable(self._is_hidden_until)
        self._kept = Timetable(self._is_kept)
        self._expired: list[Message] = []

    def __len__(self) -> int:
        return len(self._messages)

    def messages(self) -> tuple[Message, ...]:
        """The messages that are not deleted, in send order."""
        return tuple(self._messages.values())

    def get(self, ordinal: int) -> Message | None:
        """The message with this ordinal, unless it is deleted."""
        return self._messages.get(ordinal)

    def next_surfacing_ms(self) -> int | None:
        """When a hidden message becomes visible next, if any does."""
        return self._hidden.next_ms()

    def next_expiry_ms(self) -> int | None:
        """When the retention of a message ends next, if there is one (S13)."""
        return self._kept.next_ms()

    def add(self, now_ms: int, message: Message) -> None:
        """A new message, hidden as long as ``visible_at_ms`` says."""
        ordinal = message.ordinal
        self._messages[ordinal] = message
        self._kept.add(message.sent_ms + self._retention_ms, ordinal)
        self.line.add(message)
        if message.visible_at_ms > now_ms:
            self._hidden.add(message.visible_at_ms, ordinal)
        else:
            self.line.surfaced(message)

    def take(self, message: Message, until_ms: int) -> None:
        """A message that the line handed out is in flight until then (S05)."""
        if not message.in_flight:
            message.in_flight = True
            self.in_flight += 1
        self.hide(message, until_ms)

    def hide(self, message: Message, until_ms: int) -> None:
        """Nobody receives the message before then; whether it is in flight stays as it is."""
        message.visible_at_ms = until_ms
        self._hidden.add(until_ms, message.ordinal)

    def remove(self, message: Message, *, for_good: bool) -> None:
        """Delete a message; ``for_good`` says that not even a duplicate of it may come back."""
        del self._messages[message.ordinal]
        message.deleted = True
        message.gone = for_good
        if self._land(message):
            self.line.left(message)
        else:
            self.line.removed(message)

    def peek(self, now_ms: int) -> Message | None:
        """The message that the line would hand out next; it stays in the line."""
        for message in self.line.candidates(now_ms):
            self.line.put_back(message)
            return message
        return None

    def take_out(self, message: Message) -> None:
        """A message that the line handed out, and that was not received, leaves for good."""
        del self._messages[message.ordinal]
        message.deleted = message.gone = True
        self._land(message)
        self.line.left(message)

    def bring_back(self, now_ms: int, message: Message) -> bool:
        """A message is delivered once more, deleted or not (S17). False if it left the queue for good."""
        self.expire(now_ms)
        expiry_ms = message.sent_ms + self._retention_ms
        if message.gone or expiry_ms <= now_ms:
            return False
        if message.deleted:
            message.deleted = False
            self._messages[message.ordinal] = message
            self._kept.add(expiry_ms, message.ordinal)
        return True

    def show(self, now_ms: int, message: Message) -> None:
        """A message of a standard queue is visible at once, and no longer in flight."""
        self._land(message)
        message.visible_at_ms = now_ms
        self.line.surfaced(message)

    def expire(self, now_ms: int) -> None:
        """A message is gone when its retention ends, received or not, in flight or waiting (S13)."""
        while (ordinal := self._kept.pop_due(now_ms)) is not None:
            message = self._messages[ordinal]
            self.remove(message, for_good=True)
            self._expired.append(message)

    def take_expired(self) -> tuple[Message, ...]:
        """The messages that expired since this was asked last."""
        if not self._expired:
            return ()
        expired, self._expired = tuple(self._expired), []
        return expired

    def surface(self, now_ms: int) -> None:
        """What is hidden becomes visible when its time has come; what was in flight is no longer (S05)."""
        while (ordinal := self._hidden.pop_due(now_ms)) is not None:
            message = self._messages[ordinal]
            if self._land(message):
                self.line.returned(message)
            self.line.surfaced(message)

    def clear(self) -> None:
        """Everything is gone."""
        for message in self._messages.values():
            message.deleted = message.gone = True
            message.in_flight = False
        self._messages.clear()
        self._hidden.clear()
        self._kept.clear()
        self.in_flight = 0
        self.line = self._new_line()

    def hold_back(self, message: Message, behind: int) -> None:
        """Let up to ``behind`` others go first when the message's turn comes next; standard queues only (S17)."""
        if isinstance(self.line, StandardLine) and not message.deleted:
            self.line.hold_back(message, behind)

    def _land(self, message: Message) -> bool:
        """The message is no longer in flight; whether it was."""
        if not message.in_flight:
            return False
        message.in_flight = False
        self.in_flight -= 1
        return True

    def _is_hidden_until(self, at_ms: int, ordinal: int) -> bool:
        message = self._messages.get(ordinal)
        return message is not None and message.visible_at_ms == at_ms

    def _is_kept(self, at_ms: int, ordinal: int) -> bool:
        message = self._messages.get(ordinal)
        return message is not None and message.sent_ms + self._retention_ms == at_ms

    def _new_line(self) -> FifoLine | StandardLine:
        return FifoLine() if self._fifo else StandardLine(self._shuffle)
