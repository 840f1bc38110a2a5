"""The messages that are sent."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

from .settings import SendSettings

__all__ = ["POISON_MARK", "MessageMaker", "is_poison"]

POISON_MARK: Final = '{"poison": '
"""How every poison body begins. It never becomes JSON."""


def is_poison(body: str) -> bool:
    """Whether a body is one of those that no consumer can read."""
    return body.startswith(POISON_MARK)


class MessageMaker:
    """Makes batches as `send_message_batch` takes them: `[{"Id", "MessageBody", …}, …]`.

    A body is a JSON object with a unique `id`, and `sent_at_ms` by the sender's clock. Poison is spread evenly: with
    a rate of 0.01 it is every hundredth message. On a FIFO queue all messages are of one message group, `group`.
    """

    def __init__(
        self,
        settings: SendSettings,
        *,
        group: str,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._settings = settings
        self._group = group
        self._new_id = new_id
        self._now_ms = now_ms
        self._made = 0

    def batch(self) -> list[dict[str, Any]]:
        """The entries of the next batch, `Id` being the position."""
        return [self._entry(position) for position in range(self._settings.batch_size)]

    def _entry(self, position: int) -> dict[str, Any]:
        message_id = self._new_id()
        entry: dict[str, Any] = {"Id": str(position), "MessageBody": self._body(message_id)}
        if self._settings.fifo:
            entry |= {"MessageGroupId": self._group, "MessageDeduplicationId": message_id}
        return entry

    def _body(self, message_id: str) -> str:
        self._made += 1
        rate = self._settings.poison_rate
        if int(self._made * rate) > int((self._made - 1) * rate):
            return f'{POISON_MARK}"{message_id}'
        return json.dumps({"id": message_id, "sent_at_ms": self._now_ms()})
