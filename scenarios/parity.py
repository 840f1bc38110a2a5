"""Where other environments' queues differ from AWS's, and so from the simulator's: one line each way, by rule.

Data only. ``tests/moto/simulator/`` asks the simulator and the environment the same things: a difference that is not
here fails there, and so does an entry that no longer differs.
"""

from dataclasses import dataclass

__all__ = ["PEERS", "Deviation", "Peer", "peer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One difference. ``id`` is the rule's id, a hyphen and a word; ``aws`` is what the simulator does as well."""

    id: str
    aws: str
    peer: str

    @property
    def rule_id(self) -> str:
        """The rule that the environment does not keep."""
        return self.id.partition("-")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """An environment that was compared: ``distribution`` at ``version``, in the rules ``asked``.

    What is not asked cannot be seen through the API of a queue, or not in reasonable time.
    """

    environment: str
    distribution: str
    version: str
    asked: frozenset[str]
    deviations: tuple[Deviation, ...]

    def of_rule(self, rule_id: str) -> tuple[Deviation, ...]:
        """How this environment differs in one rule."""
        return tuple(deviation for deviation in self.deviations if deviation.rule_id == rule_id)


def peer(environment: str) -> Peer:
    """The environment with this name; raises ``KeyError``."""
    return {one.environment: one for one in PEERS}[environment]


def _asked(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _differs(deviation_id: str, *, aws: str, peer: str) -> Deviation:
    return Deviation(id=deviation_id, aws=aws, peer=peer)


_MOTO = (
    _differs("S01-empty", aws="an empty body is refused", peer="accepts an empty body"),
    _differs("S01-bytes", aws="a message's size is in bytes of UTF-8", peer="counts characters"),
    _differs("S01-attributes", aws="message attributes count toward the size", peer="leaves message attributes out"),
    _differs(
        "S02-entries",
        aws="an entry that is refused fails by itself",
        peer="refuses the whole batch for one entry, unless it is for a delay over 900 s",
    ),
    _differs(
        "S02-ids",
        aws="an entry's id is of ASCII letters, digits, hyphens and underscores",
        peer="accepts letters of any alphabet, and a line feed at the end",
    ),
    _differs("S02-size", aws="a batch's size is in bytes of UTF-8", peer="counts characters"),
    _differs(
        "S02-delete",
        aws="a batch of deletions is 1 to 10 entries of distinct ids, whatever their receipt handles",
        peer="has no limit, does not look at the ids, and refuses a receipt handle given twice",
    ),
    _differs(
        "S02-visibility",
        aws="a batch of visibility changes is 1 to 10 entries of distinct ids",
        peer="accepts any number of entries, none included, and any ids",
    ),
    _differs(
        "S02-group",
        aws="a batch without a message group is InvalidParameterValue on FIFO",
        peer="answers MissingParameter",
    ),
    _differs("S03-characters", aws="a body has allowed characters only", peer="accepts any character"),
    _differs(
        "S04-attributes",
        aws="at most 10 message attributes, with lawful names and values",
        peer="accepts more, reserved names, dots anywhere, names over 256, empty values, numbers that are none",
    ),
    _differs(
        "S04-enqueued",
        aws="a message that is refused is not enqueued",
        peer="refuses an attribute name with a space, and enqueues the message",
    ),
    _differs("S05-negative", aws="a visibility timeout is 0 to 43,200 s", peer="accepts negative ones"),
    _differs("S06-limit", aws="12 hours count from the receive", peer="counts them from the send"),
    _differs(
        "S06-receipt",
        aws="a change acts on the receipt that it names, while the message is in flight",
        peer="acts on the message with any receipt handle that it ever had, in flight or not",
    ),
    _differs(
        "S06-gone",
        aws="for a message that is gone the answer is InvalidParameterValue",
        peer="answers ReceiptHandleIsInvalid",
    ),
    _differs(
        "S06-batch",
        aws="in a batch, a change beyond 12 hours fails by itself",
        peer="refuses the batch, with the entries before it done",
    ),
    _differs("S08-status", aws="ReceiptHandleIsInvalid is HTTP 404", peer="answers HTTP 400"),
    _differs("S08-expired", aws="on FIFO an expired receipt handle does not delete", peer="lets it delete the message"),
    _differs(
        "S08-foreign",
        aws="a receipt handle is of one queue",
        peer="deletes from the dead-letter queue with a receipt handle of the source queue",
    ),
    _differs(
        "S09-gone",
        aws="deleting a message that was moved or purged succeeds",
        peer="answers ReceiptHandleIsInvalid",
    ),
    _differs(
        "S11-fifo", aws="in a FIFO dead-letter queue the enqueue time starts anew", peer="keeps it, as a standard one"
    ),
    _differs("S12-absent", aws="a message move task redrives a dead-letter queue", peer="has no message move tasks"),
    _differs(
        "S13-kept",
        aws="a message is gone when its retention ends",
        peer="keeps and counts it, and delivers nothing that was sent after it in that receive",
    ),
    _differs("S14-negative", aws="a delay is 0 to 900 s", peer="accepts negative ones"),
    _differs("S14-fifo", aws="on FIFO the queue's delay holds, a 0 given or not", peer="lets a 0 override it"),
    _differs(
        "S18-order",
        aws="messages of a group that are visible again come in send order",
        peer="lets the last of them come first",
    ),
    _differs(
        "S18-few",
        aws="a receive takes what it can from each message group",
        peer="stops short in a group when a message of another one has just become visible again",
    ),
    _differs(
        "S18-groups",
        aws="a receive takes as many as it can from one message group before the next",
        peer="takes messages in the order of all groups together",
    ),
    _differs(
        "S19-first", aws="a duplicate is answered with the first message's id", peer="answers with an id of its own"
    ),
    _differs(
        "S19-deleted",
        aws="a deduplication id holds for 5 minutes, whatever becomes of the message",
        peer="forgets it when the message is deleted",
    ),
    _differs("S19-scope", aws="the scope may be the message group", peer="deduplicates over the whole queue"),
    _differs(
        "S19-id", aws="a deduplication id is 1 to 128 letters, digits and punctuation", peer="accepts any text as an id"
    ),
    _differs("S19-standard", aws="a standard queue refuses a deduplication id", peer="accepts one"),
    _differs(
        "S20-sequence",
        aws="every FIFO message has a sequence number, and they grow",
        peer="gives random numbers, and none without a deduplication id of the message's own",
    ),
    _differs("S20-group", aws="a message group is 1 to 128 letters, digits and punctuation", peer="accepts any text"),
    _differs("S21-group", aws="a message group is 1 to 128 letters, digits and punctuation", peer="accepts any text"),
    _differs("S23-source", aws="a dead letter has DeadLetterQueueSourceArn", peer="leaves it out"),
    _differs("S23-trace", aws="a batch send may bring AWSTraceHeader", peer="drops it in batches"),
    _differs(
        "S24-ignored",
        aws="a FIFO receive tried again by its attempt id gets the same messages",
        peer="ignores the attempt id",
    ),
    _differs("S24-standard", aws="a standard queue refuses an attempt id", peer="accepts one"),
)

PEERS: tuple[Peer, ...] = (
    Peer(
        environment="moto",
        distribution="moto",
        version="5.2.5",
        asked=_asked("S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11 S12 S13 S14 S16 S18 S19 S20 S21 S22 S23 S24"),
        deviations=_MOTO,
    ),
)
"""The environments that were compared with the simulator."""
