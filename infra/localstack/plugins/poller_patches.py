"""What is mended in LocalStack's poller of queues, for the versions whose poller has been read.

- bodies: each arrives byte for byte as it was sent (E22); LocalStack writes JSON anew, and fails at long numbers;
- attributes: each has its two empty lists (E21);
- groups: one that fails leaves the other message groups of its poll alone, and one that takes long does not keep them
  until their visibility timeout is over;
- size: an event is 6 MB at most (E02);
- deletions: those that a recorder wants lost are lost, once (E11).
"""

from __future__ import annotations

import functools
import logging
import threading
from typing import Any, Final

from localstack.constants import VERSION
from localstack.services.lambda_.event_source_mapping.event_processor import PartialBatchFailureError
from localstack.services.lambda_.event_source_mapping.pollers import sqs_poller
from localstack.services.lambda_.event_source_mapping.pollers.poller import parse_batch_item_failures

from .batches import batches_by_size, for_filters, with_lists
from .recorder import LOST_DELETIONS
from .versions import PATCHES, patches_for

__all__ = ["apply"]

LOG = logging.getLogger(__name__)

_GROUP_ALONE_S: Final = 0.5
"""How long a message group is waited for before the next one of its poll is begun beside it."""

_poll_events: Final = sqs_poller.SqsPoller.poll_events
_delete_messages: Final = sqs_poller.SqsPoller.delete_messages


@functools.cache
def apply() -> None:
    """Mend the poller, and say so in the log. A second call does nothing."""
    if not patches_for(VERSION):
        LOG.warning("LocalStack %s is not known: its poller of queues stays as it is, without %s", VERSION, _names())
        return
    sqs_poller.SqsPoller.poll_events = _poll_and_wait
    sqs_poller.SqsPoller.handle_messages = _handle_messages
    sqs_poller.SqsPoller.delete_messages = _delete_unless_lost
    LOG.info("LocalStack %s: patches of its poller of queues: %s", VERSION, _names())


def _names() -> str:
    return ", ".join(PATCHES)


def _poll_and_wait(poller: Any) -> None:
    """One poll, with all of its groups; the next one is not begun before."""
    poller.redrive_groups = []
    try:
        _poll_events(poller)
    finally:
        for group in poller.redrive_groups:
            group.join()


def _handle_messages(poller: Any, messages: Any) -> None:
    """The messages of one poll, or of one message group in it."""
    if not poller.is_fifo_queue:
        _filter_and_invoke(poller, messages)
        return
    group = threading.Thread(target=_filter_and_invoke, args=(poller, messages), name="message-group", daemon=True)
    poller.redrive_groups.append(group)
    group.start()
    group.join(_GROUP_ALONE_S)


def _filter_and_invoke(poller: Any, messages: Any) -> None:
    """Delete what the filters do not let through, and invoke the function for the others. Raises nothing."""
    records = [with_lists(record) for record in sqs_poller.transform_into_events(messages)]
    try:
        passed = {record["messageId"] for record in poller.filter_events([for_filters(record) for record in records])}
        poller.delete_messages(messages, {record["messageId"] for record in records} - passed)
        kept = [record for record in records if record["messageId"] in passed]
        source = {
            "eventSourceARN": poller.source_arn,
            "eventSource": poller.event_source(),
            "awsRegion": poller.aws_region,
        }
        for batch in batches_by_size(kept, source):
            _invoke(poller, messages, batch)
    except Exception as error:  # noqa: BLE001 - the next group of the poll is not to blame; LocalStack logs these too
        LOG.warning("Messages of %s come again after their visibility timeout: %s", poller.source_arn, _short(error))


def _invoke(poller: Any, messages: Any, batch: list[dict[str, Any]]) -> None:
    """One invocation, and the deletion of what it dealt with (E10). A batch that fails is left to its timeout."""
    message_ids = {record["messageId"] for record in batch}
    failed: set[str] = set()
    try:
        poller.processor.process_events_batch(poller.add_source_metadata(batch))
    except PartialBatchFailureError as error:
        try:
            failed = set(parse_batch_item_failures(error.partial_failure_payload, message_ids))
        except (KeyError, TypeError, ValueError) as unreadable:
            LOG.warning("A batch of %s failed: %s", poller.source_arn, _short(unreadable))
            return
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the batch is not done; the next one may be
        LOG.warning("A batch of %s failed: %s", poller.source_arn, _short(error))
        return
    poller.delete_messages(messages, message_ids - failed)


def _delete_unless_lost(poller: Any, messages: Any, message_ids_to_delete: set[str]) -> None:
    lost = LOST_DELETIONS.take(message_ids_to_delete)
    if lost:
        LOG.info("The deletion of %s from %s is lost, as its recorder wants", sorted(lost), poller.source_arn)
    _delete_messages(poller, messages, message_ids_to_delete - lost)


def _short(error: BaseException) -> str:
    # LocalStack's errors repeat the whole event.
    return f"{type(error).__name__}: {error}"[:300]
