"""Sending a batch until every message of it is accounted for: what is sent again, and what never is.

A message is sent again only if the queue surely does not have it: nothing was sent, or the queue refused it for the
time being. Where the answer is lost, or is a fault of the service's own (5xx), it may be in the queue: unknown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn, Protocol

from ..settings import BATCH_SIZE_MAX
from .counts import SendCounts
from .messages import Message

__all__ = [
    "ATTEMPTS_MAX",
    "Answer",
    "Client",
    "NoAnswer",
    "NotSent",
    "Refusal",
    "Refused",
    "SendError",
    "Sender",
    "Sent",
    "answer_of",
    "raise_refusal",
]

ATTEMPTS_MAX: Final = 4
_PAUSE_S: Final = 0.1
_PAUSE_S_MAX: Final = 1.0

_ALL: Final = list(range(BATCH_SIZE_MAX))

_THROTTLED: Final = frozenset(
    {
        "KmsThrottled",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_CREDENTIALS_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})


class SendError(Exception):
    """A batch that got no answer for its entries.

    `NotSent`, `Refused` (the queue has none of it), `NoAnswer` (it may have all of it). `again`: it may be sent again.
    """

    again = False


class NotSent(SendError):
    """Nothing was sent: no connection, no credentials."""

    def __init__(self, message: str, *, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


class Refused(SendError):
    """The queue answered that it took nothing of it."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        # After the first line of what is wrong with a signature, its request is quoted, with the session's token.
        said = message.partition("\n")[0].rstrip()
        super().__init__(f"{code}: {said}" if said else code)
        self.expired = code in _CREDENTIALS_EXPIRED
        self.throttled = code in _THROTTLED or status == 429
        self.again = self.expired or self.throttled


class NoAnswer(SendError):
    """It was sent, at least in part, and what became of it is not known."""


class Refusal(NamedTuple):
    """An entry that the queue listed in `Failed`. `again`: the sender is not to blame, and may send it again."""

    code: str
    message: str
    again: bool = False

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


class Answer(NamedTuple):
    """What the queue answered to a batch, by the places of its entries."""

    accepted: Sequence[int]
    refused: Mapping[int, Refusal]
    length_bytes: int


class Client(Protocol):
    """Sends a batch once. Raises SendError."""

    def send(self, messages: Sequence[Message]) -> Answer: ...


def answer_of(value: Mapping[str, Any], *, length_bytes: int) -> Answer:
    """From the answer's JSON (S02). Raises NoAnswer if it is none."""
    try:
        accepted = [int(entry["Id"]) for entry in value.get("Successful") or ()]
        refused = {int(entry["Id"]): _refusal_of(entry) for entry in value.get("Failed") or ()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NoAnswer(f"what was answered is not SQS's: {json.dumps(value)[:200]}") from error
    return Answer(accepted, refused, length_bytes)


def _refusal_of(entry: Mapping[str, Any]) -> Refusal:
    code = str(entry.get("Code", "unknown"))
    again = entry.get("SenderFault") is False or code in _THROTTLED
    return Refusal(code, str(entry.get("Message") or ""), again)


def raise_refusal(status: int, code: str, message: str) -> NoReturn:
    """Raise what an error of the service means, by its status and code.

    A 5xx leaves open whether the messages are in the queue, unless its code says that it was throttled.
    """
    refused = Refused(code, message, status=status)
    if 400 <= status < 500 or refused.throttled:
        raise refused
    raise NoAnswer(f"{status} {refused}")


@dataclass(slots=True)
class Sent:
    """What became of a batch. `error` is why its last attempt as a whole failed; `length_bytes` are of the answers."""

    accepted_bytes: int = 0
    accepted: int = 0
    length_bytes: int = 0
    error: SendError | None = None
    refusals: list[Refusal] | None = None


class Sender:
    """Sends batches and counts every message exactly once, whatever happens, when its fate is settled.

    `counts` gives what to count in, `accepted` is told what the queue has, `again` of each attempt that is not the
    last one. `pause` sleeps for so many seconds; they are drawn, lest all users come back at once.
    """

    def __init__(
        self,
        client: Client,
        *,
        counts: Callable[[], SendCounts],
        accepted: Callable[[Sequence[Message]], object],
        again: Callable[[], object],
        pause: Callable[[float], object],
        random: Callable[[], float],
    ) -> None:
        self._client = client
        self._counts = counts
        self._accepted = accepted
        self._again = again
        self._pause = pause
        self._random = random

    def send(self, messages: Sequence[Message]) -> Sent:
        """Send a batch. An exception from outside, which ends the user, leaves nothing uncounted."""
        counts, sent = self._counts(), Sent()
        pending: Sequence[Message] = messages
        under_way = False
        try:
            for attempt in range(1, ATTEMPTS_MAX + 1):
                under_way = True
                try:
                    answer = self._client.send(pending)
                except NoAnswer as error:
                    sent.error = error
                    counts.add_unknown(pending)
                    pending = ()
                except SendError as error:
                    under_way = False
                    sent.error = error
                    if not error.again or attempt == ATTEMPTS_MAX:
                        _add_failed(counts, pending, error)
                        pending = ()
                else:
                    sent.error = None
                    # Nothing waits between here and the end of the block: all of it is counted, or none.
                    pending = self._settle(counts, pending, answer, sent, last=attempt == ATTEMPTS_MAX)
                    under_way = False
                if not pending:
                    return sent
                self._again()
                self._pause(min(_PAUSE_S * 2 ** (attempt - 1), _PAUSE_S_MAX) * self._random())
        except BaseException:
            if under_way:
                counts.add_unknown(pending)
            else:
                counts.add_unsent(pending)
            raise
        raise AssertionError("the last attempt leaves nothing pending")

    def _settle(
        self, counts: SendCounts, pending: Sequence[Message], answer: Answer, sent: Sent, *, last: bool
    ) -> Sequence[Message]:
        """Count what the answer settles, and return what is to be sent again."""
        sent.length_bytes += answer.length_bytes
        if answer.accepted == _ALL[: len(pending)] and not answer.refused:
            taken: Sequence[Message] = pending
            missing: list[Message] = []
        else:
            accepted = set(answer.accepted)
            taken = [message for place, message in enumerate(pending) if place in accepted]
            missing = [
                message
                for place, message in enumerate(pending)
                if place not in accepted and place not in answer.refused
            ]
        counts.add_accepted(taken)
        sent.accepted += len(taken)
        sent.accepted_bytes += sum(message.size_bytes for message in taken)
        self._accepted(taken)
        if not answer.refused and not missing:
            return ()
        counts.add_unknown(missing)
        return _refused(counts, pending, answer, sent, last=last)


def _refused(
    counts: SendCounts, pending: Sequence[Message], answer: Answer, sent: Sent, *, last: bool
) -> list[Message]:
    """Count what stays refused, and return what is to be sent again.

    On a FIFO queue a message is not sent behind a later one of its group that may be in the queue: that would turn
    their order round.
    """
    again: list[Message] = []
    overtaken: set[str] = set()
    for place in reversed(range(len(pending))):
        message, refusal = pending[place], answer.refused.get(place)
        if refusal is None or place in answer.accepted:
            if message.group is not None:
                overtaken.add(message.group)
        elif refusal.again and not last and message.group not in overtaken:
            again.append(message)
        else:
            if refusal.again:
                counts.add_unsent([message])
            else:
                counts.add_refused([message])
            sent.refusals = [*(sent.refusals or ()), refusal]
    again.reverse()
    return again


def _add_failed(counts: SendCounts, messages: Sequence[Message], error: SendError) -> None:
    if isinstance(error, Refused) and not error.again:
        counts.add_refused(messages)
    else:
        counts.add_unsent(messages)
