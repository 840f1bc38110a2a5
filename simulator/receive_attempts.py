"""Receives from a FIFO queue that may be retried with the same attempt id (S24)."""

from dataclasses import dataclass

from .messages import Received
from .recent import Recent

__all__ = ["ReceiveAttempts"]


@dataclass(slots=True)
class _Attempt:
    delivered: tuple[Received, ...]
    visible_at_ms: int


class ReceiveAttempts:
    """The receives of the last five minutes by ``ReceiveRequestAttemptId``.

    The five minutes count from the receive, not from a retry of it (choice).
    """

    def __init__(self) -> None:
        self._attempts: Recent[str, _Attempt] = Recent()

    def recall(self, now_ms: int, attempt_id: str) -> tuple[Received, ...]:
        """What the attempt was handed, if none of its messages was changed since; otherwise nothing.

        Changed is a message that was deleted or expired, that is visible again, or whose visibility timeout was set.
        """
        attempt = self._attempts.get(now_ms, attempt_id)
        if attempt is None or any(_changed(delivery, attempt.visible_at_ms) for delivery in attempt.delivered):
            return ()
        return attempt.delivered

    def remember(self, now_ms: int, attempt_id: str, delivered: tuple[Received, ...], visible_at_ms: int) -> None:
        """The attempt was handed these messages, hidden until then."""
        self._attempts.put(now_ms, attempt_id, _Attempt(delivered, visible_at_ms))

    def hidden_anew(self, now_ms: int, attempt_id: str, visible_at_ms: int) -> None:
        """The attempt was retried, and its messages are hidden until then."""
        attempt = self._attempts.get(now_ms, attempt_id)
        if attempt is not None:
            attempt.visible_at_ms = visible_at_ms


def _changed(delivery: Received, visible_at_ms: int) -> bool:
    message, _, receive_count = delivery
    return (
        not message.in_flight
        or message.received_before + message.receive_count != receive_count
        or message.visible_at_ms != visible_at_ms
    )
