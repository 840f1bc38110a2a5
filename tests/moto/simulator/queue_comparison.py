"""Both sides and what stands for what on them: asking, comparing, and keeping them in step."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NamedTuple

from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine

from redrive.scenarios.parity import Peer
from redrive.scenarios.probes.queues import COUNTS, Refused, ask, by_entry
from redrive.scenarios.probes.simulated_sqs import SimulatedSqs

from .queue_requests import MESSAGE_BYTES_MAX

FIVE_MINUTES_MS = 300_000
MINUTE_MS = 60_000
ROUNDS_MOST = 10
TWELVE_HOURS_MS = 43_200_000


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An SQS endpoint. ``begin`` empties it; ``passes`` lets milliseconds pass there, up to ``longest_ms`` at once.

    ``resolution_ms`` is how near to the end of a timeout its answers say nothing.
    """

    peer: Peer
    client: Any
    begin: Callable[[], None]
    now_ms: Callable[[], int]
    passes: Callable[[int], None]
    resolution_ms: int
    longest_ms: int = TWELVE_HOURS_MS


@dataclass(frozen=True, kw_only=True, eq=False)
class Receipt:
    """One delivery: the receipt handles of both sides, ours first."""

    queue: str
    message_id: str
    handles: tuple[str, str]


class First(NamedTuple):
    """The first send with a deduplication id."""

    at_ms: int
    message_id: str


class Comparison(RuleBasedStateMachine):
    """Queues ``queue`` and ``dead``, its dead-letter queue if there is a redrive policy, on both sides."""

    fifo: bool

    def __init__(self, endpoint):
        super().__init__()
        self.at = endpoint
        self.peer = endpoint.peer
        self.begun = False

    def explained(self, *deviation_ids):
        """Whether the environment is known to differ so. Nothing else asks the table."""
        return any(one.id in deviation_ids for one in self.peer.deviations)

    def create(self, attributes, redrive_after, retention_s):
        note(f"{self.peer.distribution} {version(self.peer.distribution)}, in the table {self.peer.version}")
        self.at.begin()
        self.began_ms = self.now_ms()
        self.ours = SimulatedSqs(self.at.now_ms)
        self.urls, self.arns = {}, {}
        self.ids, self.sequences, self.traced = {}, {}, set()
        self.last = {"queue": (None, None), "dead": (None, None)}
        self.firsts, self.attempts, self.purged_ms = {}, set(), {}
        self.receipts, self.latest, self.deleted = [], {}, set()
        self.to_count, self.begun = {"queue", "dead"}, True
        self.scope = attributes.get("DeduplicationScope", "queue")
        self.content_based = attributes.get("ContentBasedDeduplication") == "true"
        self.visibility_s, self.delay_s = int(attributes["VisibilityTimeout"]), int(attributes["DelaySeconds"])
        self.has_policy = redrive_after is not None
        kept = 1_209_600 if self.explained("S13-kept") else retention_s
        common = {"MessageRetentionPeriod": str(kept), "MaximumMessageSize": str(MESSAGE_BYTES_MAX)}
        self.retention_ms = kept * 1000
        self.create_queue("dead", {**attributes, **common, "DelaySeconds": "0"}, None)
        self.create_queue("queue", {**attributes, **common}, redrive_after)

    def create_queue(self, name, attributes, redrive_after):
        urls, arns = [], []
        for side, client in enumerate((self.ours, self.at.client)):
            given = dict(attributes)
            if redrive_after is not None:
                target = self.arns["dead"][side]
                given["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": redrive_after})
            full_name = f"{name}.fifo" if self.fifo else name
            urls.append(client.create_queue(QueueName=full_name, Attributes=given)["QueueUrl"])
            asked = client.get_queue_attributes(QueueUrl=urls[-1], AttributeNames=["QueueArn"])
            arns.append(asked["Attributes"]["QueueArn"])
        self.urls[name], self.arns[name] = tuple(urls), tuple(arns)

    # What the simulator holds: to know where the rules leave freedom, and where the environment is known to differ.

    def now_ms(self):
        return self.at.now_ms()

    def held(self, queue):
        simulated = self.ours.queues[self.urls[queue][0]]
        simulated.notice(self.now_ms())
        return simulated.messages()

    def flies(self, message):
        return message.in_flight and message.visible_at_ms > self.now_ms()

    def returned(self, queue):
        """Messages that were received and may be received again."""
        return [m for m in self.held(queue) if m.receive_count and m.visible_at_ms <= self.now_ms()]

    def receivable(self, queue):
        """What a receive may take: all that is visible, in FIFO queues of groups without a message in flight."""
        held = self.held(queue)
        blocked = {m.group for m in held if self.flies(m)} if self.fifo else set()
        return [m for m in held if m.visible_at_ms <= self.now_ms() and m.group not in blocked]

    def message_of(self, receipt):
        """The message in the queue that the receipt is from, or None."""
        return next((m for m in self.held(receipt.queue) if m.message_id == receipt.message_id), None)

    def sent_there_ms(self, queue, message):
        """When the environment has it sent; where it keeps a dead letter's first send, the earliest that may be."""
        if self.fifo and queue == "dead" and self.explained("S11-fifo"):
            return self.began_ms - self.at.resolution_ms
        return message.sent_ms

    def is_current(self, receipt):
        message = self.message_of(receipt)
        key = receipt.queue, receipt.message_id
        return message is not None and self.flies(message) and self.latest[key] is receipt

    def was_deleted(self, receipt):
        return (receipt.queue, receipt.message_id) in self.deleted

    # Time

    def ends(self):
        """When something ends."""
        for queue in ("queue", "dead"):
            for message in self.held(queue):
                yield message.visible_at_ms
                yield message.sent_ms + self.retention_ms
        for first in self.firsts.values():
            yield first.at_ms + FIVE_MINUTES_MS
        for purged_ms in self.purged_ms.values():
            yield purged_ms + MINUTE_MS

    def passes(self, step_ms):
        """Let time pass: a little more if something ends just then."""
        until_ms, ends = self.now_ms() + step_ms, sorted(self.ends())
        for end_ms in ends:
            if abs(end_ms - until_ms) < self.at.resolution_ms:
                until_ms = end_ms + self.at.resolution_ms
        if step_ms and self.explained("S13-kept") and any(self.expires(until_ms)):
            return
        if self.fifo and self.explained("S18-order"):
            self.thin_out(until_ms)
        self.to_count |= {queue for queue in ("queue", "dead") if self.changes(queue, until_ms)}
        if until_ms > self.now_ms():
            self.at.passes(until_ms - self.now_ms())

    def changes(self, queue, until_ms):
        """Whether a message of the queue becomes visible by then, or is gone."""
        ends = ((m.visible_at_ms, m.sent_ms + self.retention_ms) for m in self.held(queue))
        return any(self.now_ms() <= end_ms <= until_ms for both in ends for end_ms in both)

    def expires(self, until_ms):
        for queue in ("queue", "dead"):
            yield from (m.sent_ms + self.retention_ms <= until_ms for m in self.held(queue))

    def thin_out(self, until_ms):
        """Delete messages in flight, so that at most one of each group is visible again by then."""
        for queue in ("queue", "dead"):
            back = [m for m in self.held(queue) if m.receive_count and m.visible_at_ms <= until_ms]
            back.sort(key=self.flies)
            for number, message in enumerate(back):
                if self.flies(message) and any(message.group == before.group for before in back[:number]):
                    receipt = self.latest[queue, message.message_id]
                    ours, theirs = self.ask_both("delete_message", queue, ReceiptHandle=receipt)
                    assert ours == theirs == {}
                    self.deleted.add((queue, message.message_id))

    # Asking and comparing

    def both(self, method, queue, **request):
        """What both sides answer, or how they refuse."""
        self.passes(0)
        return self.ask_both(method, queue, **request)

    def ask_both(self, method, queue, **request):
        self.to_count.add(queue)
        answers = []
        for side, client in enumerate((self.ours, self.at.client)):
            where = {"SourceArn": self.arns[queue][side]} if "move" in method else {"QueueUrl": self.urls[queue][side]}
            answers.append(ask(client, method, {**where, **of_side(request, side)}))
        return answers

    def refused(self, ours, theirs, *doubts):
        """Whether one side refused, in which case the other must have done so too, in the same way."""
        if not isinstance(ours, Refused) and not isinstance(theirs, Refused):
            return False
        if ours != theirs:
            same_code = isinstance(ours, Refused) and isinstance(theirs, Refused) and ours.code == theirs.code
            if same_code and ours.code == "ReceiptHandleIsInvalid":
                doubts = (*doubts, "S08-status")
            assert self.explained(*doubts), f"refused otherwise: {ours}, there {theirs}"
        return True

    def entries(self, ours, theirs, doubts=None):
        """The answers to the entries that succeeded, by id, once both sides agree on which failed."""
        mine, others = by_entry(ours), by_entry(theirs)
        assert mine.keys() == others.keys()
        agreed = ((entry_id, mine[entry_id], others[entry_id]) for entry_id in mine)
        return {
            entry_id: (one, other)
            for entry_id, one, other in agreed
            if not self.refused(one, other, *(doubts or {}).get(entry_id, ()))
        }

    def compare_sent(self, queue, message, ours, theirs):
        """S19, S20, S22: ids stand for each other, sequence numbers grow, digests are the same."""
        for digest in ("MD5OfMessageBody", "MD5OfMessageAttributes"):
            assert ours.get(digest) == theirs.get(digest), digest
        mine, other = ours["MessageId"], theirs["MessageId"]
        sequence = ours.get("SequenceNumber"), theirs.get("SequenceNumber")
        if mine in self.ids:
            same = self.ids[mine] == other and self.sequences[mine] == sequence
            assert same or self.explained("S19-first"), f"{mine} is a duplicate, there {other} answers"
            return
        assert other not in self.ids.values(), f"{mine} is new, there it is a duplicate"
        for side in (0, 1):
            self.compare_growth(side, sequence[side], self.last[queue][side])
        self.last[queue] = sequence
        self.ids[mine], self.sequences[mine] = other, sequence
        self.firsts[self.key_of(queue, message)] = First(self.now_ms(), mine)

    def compare_growth(self, side, sequence, before):
        grows = sequence is not None and int(sequence) > int(before or 0) if self.fifo else sequence is None
        assert grows or (side == 1 and self.explained("S20-sequence")), f"sequence number {sequence} after {before}"

    def key_of(self, queue, message):
        """Within what a deduplication id is the same, and the id; a key of its own where there is none."""
        given = message.get("MessageDeduplicationId")
        if not self.fifo:
            return object()
        group = message["MessageGroupId"] if self.scope == "messageGroup" else None
        return queue, group, ("body", message["MessageBody"]) if given is None else ("id", given)

    def compare_delivered(self, queue, ours, theirs):
        """What a receive, or several, handed out; records the receipts."""
        others = {delivery["MessageId"]: delivery for delivery in theirs}
        assert len(others) == len(theirs), "delivered twice"
        pairs = []
        for mine in ours:
            if mine["MessageId"] not in self.ids:
                self.pair_moved(mine, others)
            other = others.pop(self.ids[mine["MessageId"]], None)
            assert other is not None, f"only here: {mine['Body']!r}"
            pairs.append((mine, other))
        assert not others, f"only there: {[delivery['Body'] for delivery in others.values()]}"
        if self.fifo:
            self.compare_order(ours, theirs)
        for mine, other in pairs:
            self.compare_delivery(mine, other)
            handles = mine["ReceiptHandle"], other["ReceiptHandle"]
            receipt = Receipt(queue=queue, message_id=mine["MessageId"], handles=handles)
            self.receipts.append(receipt)
            self.latest[queue, receipt.message_id] = receipt

    def pair_moved(self, mine, others):
        """A message that a move task brought has a new id on both sides (S12): one with the same content is it."""
        for other_id, other in others.items():
            if other_id not in self.ids.values() and content(other) == content(mine):
                self.ids[mine["MessageId"]] = other_id
                numbers = [delivery["Attributes"].get("SequenceNumber") for delivery in (mine, other)]
                self.sequences[mine["MessageId"]] = tuple(numbers)
                return
        raise AssertionError(f"only here: {mine['Body']!r}")

    def compare_order(self, ours, theirs):
        """S18: each group in order, and one group after the other."""
        mine, others = by_group(ours), by_group(theirs)
        expected = {group: [self.ids[one] for one in ids] for group, ids in mine.items()}
        assert others == expected, "order in a message group"
        for deliveries, doubts in ((ours, ()), (theirs, ("S18-groups",))):
            groups = [delivery["Attributes"]["MessageGroupId"] for delivery in deliveries]
            in_turn = groups == sorted(groups, key=groups.index)
            assert in_turn or self.explained(*doubts), f"groups in the order {groups}"

    def compare_delivery(self, mine, other):
        for name in ("Body", "MD5OfBody", "MessageAttributes", "MD5OfMessageAttributes"):
            assert mine.get(name) == other.get(name), name
        ours, theirs = dict(mine["Attributes"]), dict(other["Attributes"])
        assert ours.pop("SenderId")
        assert theirs.pop("SenderId")
        sequence = ours.pop("SequenceNumber", None), theirs.pop("SequenceNumber", None)
        assert sequence == self.sequences[mine["MessageId"]]
        sources = ours.pop("DeadLetterQueueSourceArn", None), theirs.pop("DeadLetterQueueSourceArn", None)
        is_dead = sources[0] is not None
        assert sources == (self.arns["queue"] if is_dead else (None, None)) or self.explained("S23-source"), sources
        for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"):
            apart_ms = abs(int(ours.pop(name)) - int(theirs.pop(name)))
            doubts = ("S11-fifo",) if self.fifo and is_dead and name == "SentTimestamp" else ()
            if self.fifo and name != "SentTimestamp" and apart_ms < ROUNDS_MOST * self.at.resolution_ms:
                # It stopped short in one of several receives, and the next one had it.
                doubts = ("S18-few",)
            assert apart_ms < self.at.resolution_ms or self.explained(*doubts), f"{name}: {apart_ms} ms apart"
        if "AWSTraceHeader" not in theirs and mine["MessageId"] in self.traced and self.explained("S23-trace"):
            ours.pop("AWSTraceHeader", None)
        assert ours == theirs, "system attributes"

    def compare_counts(self):
        self.passes(0)
        for queue in sorted(self.to_count):
            ours, theirs = self.ask_both("get_queue_attributes", queue, AttributeNames=COUNTS)
            assert ours == theirs, f"counts of {queue}: {ours}, there {theirs}"
        self.to_count.clear()


def of_side(request, side):
    """A request in the words of one side: its own receipt handles."""
    if isinstance(request, Receipt):
        return request.handles[side]
    if isinstance(request, dict):
        return {name: of_side(value, side) for name, value in request.items()}
    if isinstance(request, list):
        return [of_side(value, side) for value in request]
    return request


def by_group(deliveries):
    groups = {}
    for delivery in deliveries:
        groups.setdefault(delivery["Attributes"]["MessageGroupId"], []).append(delivery["MessageId"])
    return groups


def content(delivery):
    attributes = delivery["Attributes"]
    return delivery["Body"], delivery.get("MessageAttributes"), attributes.get("MessageGroupId")
