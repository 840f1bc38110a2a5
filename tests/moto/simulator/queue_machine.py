"""The simulator's queues and another environment's, asked the same things in the same order.

Where the rules leave the queue free, both are asked until nothing is left, and the answers compared as sets: which of
the visible messages a receive takes, and from which message group. Message ids and receipt handles are each side's own
and compared by what they stand for. Operations keep a little away from the moment at which something ends, because no
rule says to the millisecond when that is.
"""

import sys

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from .queue_comparison import FIVE_MINUTES_MS, MINUTE_MS, TWELVE_HOURS_MS, Comparison
from .queue_requests import ODD_MESSAGES, ODD_RECEIVES, Long, batches, changed, messages

HELD_MAX = 10
QUEUES = st.sampled_from(["queue", "queue", "queue", "dead"])
MOSTLY_THE_QUEUE = st.sampled_from([*["queue"] * 7, "dead"])
TIMEOUTS_S = [0, 1, 10, 30]
STEPS_MS = [1, 990, 1_000, 9_990, 30_000, MINUTE_MS, FIVE_MINUTES_MS - 10, FIVE_MINUTES_MS, TWELVE_HOURS_MS]


class QueueMachine(Comparison):
    """What both kinds of queue have in common."""

    @initialize(
        visibility_s=st.sampled_from(TIMEOUTS_S),
        delay_s=st.sampled_from([0, 0, 1, 10]),
        redrive_after=st.sampled_from([None, 1, 2, 3]),
        retention_s=st.sampled_from([60, 90, 345_600]),
        content_based=st.booleans(),
        by_group=st.booleans(),
        data=st.data(),
    )
    def begin(self, visibility_s, delay_s, redrive_after, retention_s, content_based, by_group, data):
        attributes = {"VisibilityTimeout": str(visibility_s), "DelaySeconds": str(delay_s)}
        if self.fifo:
            attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": str(content_based).lower()}
            if by_group and not self.explained("S19-scope"):
                attributes |= {"DeduplicationScope": "messageGroup"}
        self.create(attributes, redrive_after, retention_s)
        self.send_batch(data, "queue", 2)

    # Sending

    @rule(data=st.data(), queue=MOSTLY_THE_QUEUE)
    def send(self, data, queue):
        message = data.draw(messages(self.fifo))
        self.sends(queue, self.of_queue(queue, message))

    def send_odd(self, data, queue):
        unusual = data.draw(self.odd(ODD_MESSAGES))
        message = changed(data.draw(messages(self.fifo)), unusual.change)
        self.sends(queue, self.of_queue(queue, message))

    @rule(data=st.data(), queue=MOSTLY_THE_QUEUE, count=st.integers(1, 3))
    def send_batch(self, data, queue, count):
        batch = [self.of_queue(queue, data.draw(messages(self.fifo))) for _ in range(count)]
        self.sends_batch(queue, batch)

    def send_odd_batch(self, data, queue):
        unusual = data.draw(self.odd(ODD_MESSAGES))
        batch = [data.draw(messages(self.fifo)) for _ in range(3)]
        place = data.draw(st.integers(0, 2))
        batch[place] = changed(batch[place], unusual.change)
        fails_alone = not self.fifo and unusual.change == {"DelaySeconds": 901}
        if fails_alone or not self.explained("S02-entries"):
            self.sends_batch(queue, [self.of_queue(queue, message) for message in batch])

    def odd(self, among):
        """What is odd on such a queue, and not known to be treated otherwise."""
        asked = [one for one in among if one.fifo in {None, self.fifo} and not self.explained(one.doubt)]
        return st.sampled_from(asked)

    def of_queue(self, queue, message):
        """The dead-letter queue has deduplication ids of its own: nobody knows what a moved message does to them."""
        if queue == "queue" or not self.fifo:
            return message
        given, body = message.get("MessageDeduplicationId"), message["MessageBody"]
        # As long as before, where length matters.
        unlike = {"MessageBody": Long(f"d{body[1:]}") if len(body) > 100 else body and f"dead {body}"}
        return message | unlike | ({"MessageDeduplicationId": f"dead-{given}"} if given else {})

    def sends(self, queue, message):
        if not self.has_room(1) or self.is_forgotten(queue, message):
            return
        ours, theirs = self.both("send_message", queue, **message)
        if not self.refused(ours, theirs):
            self.compare_sent(queue, message, ours, theirs)

    def sends_batch(self, queue, batch):
        if not self.has_room(len(batch)) or any(self.is_forgotten(queue, message) for message in batch):
            return
        entries = {f"e{number}": message for number, message in enumerate(batch)}
        requested = [{"Id": entry_id, **message} for entry_id, message in entries.items()]
        ours, theirs = self.both("send_message_batch", queue, Entries=requested)
        if self.refused(ours, theirs):
            return
        for entry_id, (one, other) in self.entries(ours, theirs).items():
            self.compare_sent(queue, entries[entry_id], one, other)
            self.traced.add(one["MessageId"])

    def has_room(self, count):
        """So few that one receive can take all that is visible."""
        return len(self.held("queue")) + len(self.held("dead")) + count <= HELD_MAX

    def is_forgotten(self, queue, message):
        """Whether the first message with this deduplication id is no longer in the queue."""
        if not self.fifo or "MessageGroupId" not in message:
            return False
        first = self.firsts.get(self.key_of(queue, message))
        is_recent = first is not None and self.now_ms() - first.at_ms < FIVE_MINUTES_MS
        gone = is_recent and first.message_id not in {m.message_id for m in self.held(queue)}
        return gone and self.explained("S19-deleted")

    # Receiving

    @rule(
        queue=QUEUES,
        most=st.sampled_from([1, 1, 2, 3, 10]),
        timeout_s=st.sampled_from([None, *TIMEOUTS_S]),
        attempt_id=st.sampled_from([None, None, "x", "y"]),
    )
    def receive(self, queue, most, timeout_s, attempt_id):
        self.passes(0)
        request = {} if timeout_s is None else {"VisibilityTimeout": timeout_s}
        hidden_s = self.visibility_s if timeout_s is None else timeout_s
        most, repeated = self.way_to_receive(queue, most, hidden_s)
        if repeated and not hidden_s:
            request = {"VisibilityTimeout": 10}
        if attempt_id is not None and self.fifo and not repeated:
            if (queue, attempt_id) in self.attempts and self.explained("S24-ignored"):
                return
            self.attempts.add((queue, attempt_id))
            request["ReceiveRequestAttemptId"] = attempt_id
        self.receives(queue, repeated, MaxNumberOfMessages=most, **request)

    @rule(queue=QUEUES)
    def receive_what_comes_back(self, queue):
        """Until the redrive policy has it, if need be (S10)."""
        self.passes(0)
        hidden = [m.visible_at_ms for m in self.held(queue) if m.visible_at_ms > self.now_ms()]
        if hidden and min(hidden) <= self.now_ms() + self.at.longest_ms:
            self.passes(min(hidden) - self.now_ms())
        most, repeated = self.way_to_receive(queue, HELD_MAX, 1)
        self.receives(queue, repeated, MaxNumberOfMessages=most, VisibilityTimeout=1)

    def way_to_receive(self, queue, most, hidden_s):
        """How many to ask for, and whether to ask until nothing comes: what comes then is the same for all queues."""
        receivable = self.receivable(queue)
        if not self.fifo:
            free = len(receivable) > most
            return (most, hidden_s > 0) if free and hidden_s else (HELD_MAX if free else most, False)
        groups = {message.group for message in receivable}
        returned = {message.group for message in self.returned(queue)}
        if not hidden_s and self.explained("S18-order"):
            most = 1
        if len(groups) > 1 and len(receivable) > most:
            # One of each group, in any order of the groups.
            return 1, True
        if returned and len(groups | returned) > 1 and self.explained("S18-few"):
            return 1, True
        return most, False

    def receives(self, queue, repeated, **request):
        deliveries, dead = ([], []), len(self.held("dead"))
        most = 10 if "ReceiveRequestAttemptId" in request else request["MaxNumberOfMessages"]  # S24: as the first time
        for _ in range(2 * HELD_MAX):
            answers = self.both(
                "receive_message", queue, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"], **request
            )
            assert not self.refused(*answers)
            for received, answer in zip(deliveries, answers, strict=True):
                assert len(answer.get("Messages", ())) <= most
                received.extend(answer.get("Messages", ()))
            if not repeated or not any(answers):
                break
        if len(self.held("dead")) != dead:
            self.to_count.add("dead")
        self.compare_delivered(queue, *deliveries)

    def receive_odd(self, data, queue):
        unusual = data.draw(self.odd(ODD_RECEIVES))
        assert self.refused(*self.both("receive_message", queue, **unusual.change))

    # Receipts

    @precondition(lambda self: self.receipts)
    @rule(data=st.data())
    def delete(self, data):
        receipt = self.draw_receipt(data)
        if self.does_not_expire(receipt):
            return
        doubts, held = self.doubts_of_deletion(receipt), self.message_of(receipt)
        ours, theirs = self.both("delete_message", receipt.queue, ReceiptHandle=receipt)
        if not self.refused(ours, theirs, *doubts) and held is not None:
            self.deleted.add((receipt.queue, receipt.message_id))

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), count=st.integers(1, 3))
    def delete_batch(self, data, count):
        queue = self.draw_receipt(data).queue
        receipts = [receipt for receipt in self.receipts if receipt.queue == queue]
        chosen = dict(
            enumerate(data.draw(st.lists(st.sampled_from(receipts), min_size=1, max_size=count, unique=True)))
        )
        if any(self.does_not_expire(receipt) for receipt in chosen.values()):
            return
        self.passes(0)
        doubts = {f"e{number}": self.doubts_of_deletion(receipt) for number, receipt in chosen.items()}
        entries = [{"Id": f"e{number}", "ReceiptHandle": receipt} for number, receipt in chosen.items()]
        held = {receipt.message_id for receipt in chosen.values() if self.message_of(receipt) is not None}
        answers = self.both("delete_message_batch", queue, Entries=[*entries, unknown("e9")])
        done = self.entries(*answers, doubts)
        deleted = {receipt.message_id for number, receipt in chosen.items() if f"e{number}" in done}
        self.deleted |= {(queue, message_id) for message_id in held & deleted}

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), timeout_s=st.sampled_from([*TIMEOUTS_S, 43_000, 43_200, 43_201]))
    def change_visibility(self, data, timeout_s):
        receipt = self.draw_receipt(data)
        self.passes(0)
        if self.changes_otherwise(receipt, timeout_s):
            return
        ours, theirs = self.both(
            "change_message_visibility", receipt.queue, ReceiptHandle=receipt, VisibilityTimeout=timeout_s
        )
        self.refused(ours, theirs, *self.doubts_of_change(receipt))

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), timeouts_s=st.lists(st.sampled_from([1, 10, 43_200, 43_201]), min_size=1, max_size=3))
    def change_visibility_batch(self, data, timeouts_s):
        queue = self.draw_receipt(data).queue
        receipts = [receipt for receipt in self.receipts if receipt.queue == queue]
        self.passes(0)
        entries, doubts = [unknown("e9") | {"VisibilityTimeout": 1}], {}
        for number, timeout_s in enumerate(timeouts_s):
            receipt = data.draw(st.sampled_from(receipts))
            if self.changes_otherwise(receipt, timeout_s):
                return
            if self.is_too_long(receipt, timeout_s) and self.explained("S06-batch"):
                return
            doubts[f"e{number}"] = self.doubts_of_change(receipt)
            entries.append({"Id": f"e{number}", "ReceiptHandle": receipt, "VisibilityTimeout": timeout_s})
        self.entries(*self.both("change_message_visibility_batch", queue, Entries=entries), doubts)

    def foreign_receipt(self, data, queue):
        if not self.receipts:
            return
        method = data.draw(st.sampled_from(["delete_message", "change_message_visibility"]))
        receipt = self.draw_receipt(data)
        other = "dead" if receipt.queue == "queue" else "queue"
        has_been_there = {m.message_id for m in self.held(other)} | {
            one for where, one in self.deleted if where == other
        }
        if receipt.message_id in has_been_there and self.explained("S08-foreign"):
            return
        timeout = {} if method == "delete_message" else {"VisibilityTimeout": 1}
        assert self.refused(*self.both(method, other, ReceiptHandle=receipt, **timeout))

    def unknown_receipt(self, data, queue):
        method = data.draw(st.sampled_from(["delete_message", "change_message_visibility"]))
        timeout = {} if method == "delete_message" else {"VisibilityTimeout": 1}
        assert self.refused(*self.both(method, queue, ReceiptHandle="unknown", **timeout))

    def draw_receipt(self, data):
        """Any one, or the latest of a message: those do more."""
        among = list(self.latest.values()) if data.draw(st.integers(0, 3)) else self.receipts
        return data.draw(st.sampled_from(among))

    def is_gone(self, receipt):
        """Whether the message left the queue without being deleted."""
        return self.message_of(receipt) is None and not self.was_deleted(receipt)

    def does_not_expire(self, receipt):
        self.passes(0)
        expired = self.fifo and self.message_of(receipt) is not None and not self.is_current(receipt)
        return expired and self.explained("S08-expired")

    def doubts_of_deletion(self, receipt):
        return ("S09-gone",) if self.is_gone(receipt) else ()

    def doubts_of_change(self, receipt):
        return ("S06-gone",) if self.message_of(receipt) is None else ()

    def is_too_long(self, receipt, timeout_s):
        message = self.message_of(receipt)
        until_ms = self.now_ms() + timeout_s * 1000
        return message is not None and timeout_s <= 43_200 and until_ms > message.received_ms + TWELVE_HOURS_MS

    def changes_otherwise(self, receipt, timeout_s):
        """Whether the environment is known to do something else with this change."""
        message = self.message_of(receipt)
        if message is None or timeout_s > 43_200:
            return False
        if not self.is_current(receipt):
            return self.explained("S06-receipt")
        since_sent_ms = self.now_ms() + timeout_s * 1000 - self.sent_there_ms(receipt.queue, message)
        if self.is_too_long(receipt, timeout_s) != (since_sent_ms > TWELVE_HOURS_MS):
            return self.explained("S06-limit")
        shown = self.fifo and not timeout_s
        return (
            shown and message.group in {m.group for m in self.returned(receipt.queue)} and self.explained("S18-order")
        )

    # The rest

    @rule(
        data=st.data(),
        queue=QUEUES,
        what=st.sampled_from(
            [
                "send_odd",
                "send_odd",
                "send_odd_batch",
                "receive_odd",
                "foreign_receipt",
                "unknown_receipt",
                "refused_batch",
                "purge",
            ]
        ),
    )
    def do_what_is_rare(self, data, queue, what):
        getattr(self, what)(data, queue)

    def refused_batch(self, data, queue):
        given = {"MessageGroupId": "g", "MessageDeduplicationId": "1"} if self.fifo else {}
        asked = [
            (method, one)
            for method, one in batches({"MessageBody": "a", **given})
            # A refusal with another code changes nothing either.
            if one.fifo in {None, self.fifo} and (one.doubt == "S02-group" or not self.explained(one.doubt))
        ]
        method, unusual = data.draw(st.sampled_from(asked))
        assert self.refused(*self.both(method, queue, Entries=unusual.change), unusual.doubt)

    def purge(self, data, queue):
        if not self.refused(*self.both("purge_queue", queue)):
            self.purged_ms[queue] = self.now_ms()

    @precondition(lambda self: self.has_policy and not self.explained("S12-absent"))
    @rule()
    def move_back(self):
        """S12: start a redrive of the dead-letter queue and let it end."""
        if self.refused(*self.both("start_message_move_task", "dead")):
            return
        self.passes(1_000)
        ours, theirs = self.both("list_message_move_tasks", "dead")
        for name in ("Status", "ApproximateNumberOfMessagesMoved"):
            assert ours["Results"][0][name] == theirs["Results"][0][name], name

    @rule(step_ms=st.sampled_from(STEPS_MS))
    def time_passes(self, step_ms):
        self.passes(min(step_ms, self.at.longest_ms))

    @rule(early=st.booleans())
    def time_passes_to_the_next_end(self, early):
        """Just before something ends, or just after."""
        later = [end_ms - self.now_ms() for end_ms in self.ends() if end_ms > self.now_ms() + self.at.resolution_ms]
        if later and min(later) < self.at.longest_ms:
            self.passes(min(later) - self.at.resolution_ms if early else min(later))

    @invariant()
    def counts_are_the_same(self):
        if self.begun:
            self.compare_counts()

    def teardown(self):
        """In the end all that can come comes, and nothing else is left."""
        if not self.begun or sys.exc_info()[0] is not None:
            return
        self.passes(min(self.at.longest_ms, TWELVE_HOURS_MS))
        for queue in ("queue", "dead"):
            for _ in range(HELD_MAX):
                self.passes(0)
                most, repeated = self.way_to_receive(queue, HELD_MAX, 30)
                self.receives(queue, repeated, MaxNumberOfMessages=most, VisibilityTimeout=30)
                taken = [m for m in self.held(queue) if self.flies(m)]
                if not taken:
                    break
                entries = [{"Id": m.message_id, "ReceiptHandle": self.latest[queue, m.message_id]} for m in taken]
                answers = self.both("delete_message_batch", queue, Entries=entries)
                assert len(self.entries(*answers)) == len(taken)
            assert not self.held(queue)
        self.compare_counts()


def unknown(entry_id):
    """An entry that fails."""
    return {"Id": entry_id, "ReceiptHandle": "unknown"}


class StandardMachine(QueueMachine):
    fifo = False


class FifoMachine(QueueMachine):
    fifo = True
