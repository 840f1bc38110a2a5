"""What a FIFO queue wants of a send beyond a standard queue: message group and deduplication id (S19, S20, S21)."""

import hashlib
from typing import Final

from .errors import SqsError
from .message_limits import check_id
from .messages import Sent
from .queue_config import DeduplicationScope, QueueConfig, not_for_this_type
from .recent import Recent

__all__ = ["NO_DEDUPLICATION_ID", "Deduplication"]

NO_DEDUPLICATION_ID: Final = (
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
)


class Deduplication:
    """The sends of the last five minutes by deduplication id, in the queue or in each message group.

    The five minutes count from the first send; a duplicate does not prolong them. They outlive the message: also
    one that was deleted, or expired or purged (choice).
    """

    def __init__(self, config: QueueConfig) -> None:
        self._fifo = config.fifo
        self._by_group = config.deduplication_scope == DeduplicationScope.MESSAGE_GROUP
        self._content_based = config.content_based_deduplication
        self._sends: Recent[str | tuple[str | None, str], Sent] = Recent()

    def id_of(self, content: bytes, group: str | None, given: str | None) -> str | None:
        """The deduplication id of a message: the one given, or the SHA-256 of the body without attributes.

        None on a standard queue, where a message group is allowed (S21) and a deduplication id is not. Raises
        :class:`SqsError`: ``MissingParameter`` without a message group (S20), ``InvalidParameterValue`` for an id that
        is none, and where there is neither an id nor content-based deduplication.
        """
        if not self._fifo:
            if given is not None:
                raise not_for_this_type("MessageDeduplicationId")
            if group is not None:
                check_id("MessageGroupId", group)
            return None
        if not group:
            raise SqsError("MissingParameter", "The request must contain the parameter MessageGroupId.")
        check_id("MessageGroupId", group)
        if given is not None:
            check_id("MessageDeduplicationId", given)
            return given
        if not self._content_based:
            raise SqsError("InvalidParameterValue", NO_DEDUPLICATION_ID)
        return hashlib.sha256(content).hexdigest()

    def first(self, now_ms: int, group: str | None, deduplication_id: str) -> Sent | None:
        """The send that one with this id is a duplicate of."""
        return self._sends.get(now_ms, self._key(group, deduplication_id))

    def remember(self, now_ms: int, group: str | None, deduplication_id: str, sent: Sent) -> None:
        """A message with this id was enqueued."""
        self._sends.put(now_ms, self._key(group, deduplication_id), sent)

    def _key(self, group: str | None, deduplication_id: str) -> str | tuple[str | None, str]:
        return (group, deduplication_id) if self._by_group else deduplication_id
