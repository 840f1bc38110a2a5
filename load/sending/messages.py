"""The messages that are sent."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from ..settings import SendSettings
from .correlation import ATTRIBUTE_NAME
from .message_bytes import MESSAGE_BYTES_MAX

__all__ = ["POISON_MARK", "Kind", "Message", "MessageMaker", "batches_of", "is_poison", "read_bodies"]

POISON_MARK: Final = '{"poison": '
"""How every poison body begins. It never becomes JSON."""

_ATTRIBUTE_TYPE: Final = "String"
# Of which a duplicate repeats one, for each message group.
_ACCEPTED_KEPT: Final = 100


class Kind(StrEnum):
    """What is special about a message."""

    NORMAL = "normal"
    POISON = "poison"
    DUPLICATE = "duplicate"
    OVERSIZE = "oversize"


class Message(NamedTuple):
    """A message to send. `original` is what a duplicate of it repeats: its key, or its body where that is the user's.

    `size_bytes` is as SQS counts it, with the attribute (S01). `group` is None on a standard queue.
    """

    kind: Kind
    original: str
    body: str
    mark: str
    size_bytes: int
    group: str | None

    @property
    def is_oversize(self) -> bool:
        """Whether SQS must refuse it."""
        return self.size_bytes > MESSAGE_BYTES_MAX

    @property
    def deduplication_id(self) -> str:
        """Its own, though it be a duplicate: with the original's, a FIFO queue would swallow it (S19)."""
        return self.mark.rpartition(".")[0]

    def entry(self, entry_id: str) -> dict[str, Any]:
        """As `send_message_batch` takes it."""
        attribute = {"DataType": _ATTRIBUTE_TYPE, "StringValue": self.mark}
        entry = {"Id": entry_id, "MessageBody": self.body, "MessageAttributes": {ATTRIBUTE_NAME: attribute}}
        if self.group is not None:
            entry |= {"MessageGroupId": self.group, "MessageDeduplicationId": self.deduplication_id}
        return entry


def is_poison(body: str) -> bool:
    """Whether a body is one of those that no consumer can read."""
    return body.startswith(POISON_MARK)


def batches_of(messages: Sequence[Message]) -> list[Sequence[Message]]:
    """Cut them so that no batch is larger than SQS takes (S02), in their order; one that is too large is alone."""
    if sum(message.size_bytes for message in messages) <= MESSAGE_BYTES_MAX:
        return [messages]
    batches: list[list[Message]] = []
    room_bytes = 0
    for message in messages:
        if message.size_bytes > room_bytes:
            batches.append([])
            room_bytes = MESSAGE_BYTES_MAX
        batches[-1].append(message)
        room_bytes -= message.size_bytes
    return list(batches)


def read_bodies(path: Path) -> list[str]:
    """The lines of a file, but for those that are empty (S01). Raises ValueError if there are none."""
    try:
        bodies = [line for line in path.read_text(encoding="utf-8").split("\n") if line]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--body-file cannot be read: {error}") from error
    if not bodies:
        raise ValueError(f"--body-file has no line: {path}")
    return bodies


class MessageMaker:
    """Makes the messages of one sender, which is a process, in one run.

    A body is a JSON object with a unique `id`, and `sent_at_ms` by the sender's clock, padded to the size that was
    asked for; or a line of the user's. What is special is spread evenly: with a rate of 0.01 it is every hundredth.
    A duplicate repeats the key of a message that the queue accepted, and is in that one's message group: so every
    accepted message has a key of its own but for the accepted duplicates.
    """

    def __init__(
        self,
        settings: SendSettings,
        *,
        run: str,
        sender: str,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.run = run
        self.sender = sender
        self._now_ms = now_ms
        self._message_bytes = settings.message_bytes
        rates = {
            Kind.OVERSIZE: settings.oversize_rate,
            Kind.POISON: settings.poison_rate,
            Kind.DUPLICATE: settings.duplicate_rate,
        }
        self._rates = [(kind, rate) for kind, rate in rates.items() if rate]
        self._made = 0
        self._done = dict.fromkeys(Kind, 0)
        self._accepted: dict[str | None, deque[str]] | None = {} if settings.duplicate_rate else None
        self._bodies = itertools.cycle(read_bodies(settings.body_file)) if settings.body_file else None
        # Two of them: what is repeated depends on answers, and must not change the sizes.
        self._sizes = Random(f"{settings.seed}-{sender}-sizes")
        self._repeats = Random(f"{settings.seed}-{sender}-repeats")

    def batch(self, size: int, *, due_at_ms: int | None = None, groups: Sequence[str] = ()) -> list[Message]:
        """The next messages, due at this time or now, in turn of these message groups (S20) or of none."""
        now_ms = self._now_ms()
        due = str(now_ms if due_at_ms is None else due_at_ms)
        if not groups:
            return [self._message(now_ms, due, None) for _ in range(size)]
        return [self._message(now_ms, due, groups[position % len(groups)]) for position in range(size)]

    def accepted(self, messages: Sequence[Message]) -> None:
        """Learn what the queue has: this is what may be repeated."""
        if self._accepted is None:
            return
        for message in messages:
            if message.kind is Kind.NORMAL:
                kept = self._accepted.setdefault(message.group, deque(maxlen=_ACCEPTED_KEPT))
                kept.append(message.original)

    def _message(self, now_ms: int, due: str, group: str | None) -> Message:
        mark = f"{self.run}.{self.sender}.{self._made}.{due}"
        original = f"{self.run}-{self.sender}-{self._made}"
        self._made += 1
        kind = self._kind(group) if self._rates else Kind.NORMAL
        own_bytes = len(ATTRIBUTE_NAME) + len(_ATTRIBUTE_TYPE) + len(mark)
        if kind is Kind.DUPLICATE:
            assert self._accepted is not None
            original = self._repeats.choice(self._accepted[group])
        if self._bodies is not None and kind in {Kind.NORMAL, Kind.DUPLICATE}:
            body = original = original if kind is Kind.DUPLICATE else next(self._bodies)
            return Message(kind, original, body, mark, own_bytes + len(body.encode()), group)
        size_bytes = 0
        if kind is Kind.OVERSIZE:
            size_bytes = MESSAGE_BYTES_MAX + 1
        elif self._message_bytes is not None:
            size_bytes = self._message_bytes.draw(self._sizes)
        body = _body(kind, original, now_ms, size_bytes - own_bytes)
        return Message(kind, original, body, mark, own_bytes + len(body), group)

    def _kind(self, group: str | None) -> Kind:
        """What is owed by now. What cannot be paid yet, as nothing to repeat is there, is paid later."""
        for kind, rate in self._rates:
            if int(self._made * rate) > self._done[kind]:
                if kind is Kind.DUPLICATE and not (self._accepted and self._accepted.get(group)):
                    continue
                self._done[kind] += 1
                return kind
        return Kind.NORMAL


def _body(kind: Kind, key: str, now_ms: int, size_bytes: int) -> str:
    """Of this size, if it can be as small. It is ASCII: a character is a byte."""
    if kind is Kind.POISON:
        return f'{POISON_MARK}"{key}'.ljust(size_bytes, "x")
    body = f'{{"id": "{key}", "sent_at_ms": {now_ms}'
    padding = '", "padding": "'  # with its quotes, and the brace at the end
    room_bytes = size_bytes - len(body) - len(padding) - 1
    if room_bytes >= 0:
        return f'{body}, "padding": "{"x" * room_bytes}"}}'
    return f"{body}}}"
