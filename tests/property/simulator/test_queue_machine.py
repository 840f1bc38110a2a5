"""A queue against a naive model of it: a list, searched from end to end, and no cleverness."""

import hashlib
import random
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from redrive.simulator import Queue, QueueConfig, SqsError

FIVE_MINUTES_MS = 300_000
TWELVE_HOURS_MS = 43_200_000
TIMEOUTS_S = st.sampled_from([0, 1, 10, 30])


@dataclass
class Naive:
    """A message as the model knows it."""

    message_id: str
    body: str
    group: str | None
    visible_ms: int
    count: int = 0
    first_ms: int | None = None
    received_ms: int | None = None

    def is_in_flight(self, now_ms):
        return self.count > 0 and self.visible_ms > now_ms


class QueueMachine(RuleBasedStateMachine):
    """What both kinds of queue have in common."""

    fifo: bool

    @initialize(
        timeout_s=TIMEOUTS_S,
        delay_s=st.sampled_from([0, 0, 1, 10]),
        limit=st.sampled_from([None, 1, 2, 3]),
        content_based=st.booleans(),
        shuffled=st.booleans(),
    )
    def begin(self, timeout_s, delay_s, limit, content_based, shuffled):
        self.config = QueueConfig(
            fifo=self.fifo,
            visibility_timeout_s=timeout_s,
            delay_s=delay_s,
            max_receive_count=limit,
            content_based_deduplication=content_based,
        )
        rng = random.Random(1)
        self.dead_letters = Queue(QueueConfig(fifo=self.fifo), rng=rng)
        self.queue = Queue(
            self.config, rng=rng, dead_letters=self.dead_letters if limit else None, shuffled=shuffled and not self.fifo
        )
        self.now_ms = 0
        self.waiting = []
        self.dead = []
        self.handles = []
        self.sends = []
        self.sent = 0

    @rule(step_ms=st.sampled_from([1, 999, 1_000, 9_999, 10_000, 30_000, FIVE_MINUTES_MS - 1, FIVE_MINUTES_MS]))
    def time_passes(self, step_ms):
        self.now_ms += step_ms

    @rule(early_ms=st.sampled_from([0, 1]))
    def time_passes_to_the_next_change(self, early_ms):
        later = [message.visible_ms for message in self.waiting if message.visible_ms > self.now_ms]
        if later:
            self.now_ms = max(self.now_ms, min(later) - early_ms)

    def enqueued(self, sent, body, group, delay_s):
        self.sent += 1
        visible_ms = self.now_ms + (self.config.delay_s if delay_s is None else delay_s) * 1000
        self.waiting.append(Naive(sent.message_id, body, group, visible_ms))

    @rule(most=st.sampled_from([1, 2, 3, 10]), timeout_s=st.none() | TIMEOUTS_S)
    def receive(self, most, timeout_s):
        received = self.queue.receive(self.now_ms, most=most, visibility_timeout_s=timeout_s)
        delivered = [self.find(delivery.message.message_id) for delivery in received.delivered]
        dead = [self.find(message.message_id) for message in received.dead_lettered]
        assert len(delivered) <= most
        self.check_choice(delivered, dead, most)

        for message in dead:
            assert message.count == self.config.max_receive_count
            self.waiting.remove(message)
            self.dead.append(message.message_id)
        hide_s = self.config.visibility_timeout_s if timeout_s is None else timeout_s
        for delivery, message in zip(received.delivered, delivered, strict=True):
            self.taken(delivery, message, hide_s)

    def taken(self, delivery, message, hide_s):
        message.count += 1
        message.received_ms = self.now_ms
        message.first_ms = self.now_ms if message.first_ms is None else message.first_ms
        message.visible_ms = self.now_ms + hide_s * 1000
        assert delivery.receive_count == message.count
        assert delivery.message.body == message.body
        assert delivery.message.first_received_ms == message.first_ms
        assert delivery.receipt_handle not in [handle for handle, _, _ in self.handles]
        self.handles.append((delivery.receipt_handle, message, message.count))

    def find(self, message_id):
        (message,) = [message for message in self.waiting if message.message_id == message_id]
        return message

    def is_over_the_limit(self, message):
        return self.config.max_receive_count is not None and message.count >= self.config.max_receive_count

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def delete(self, data):
        handle, message, count = data.draw(st.sampled_from(self.handles))
        if message not in self.waiting:
            self.queue.delete(self.now_ms, handle)
        elif self.fifo and not (message.is_in_flight(self.now_ms) and message.count == count):
            with pytest.raises(SqsError):
                self.queue.delete(self.now_ms, handle)
        else:
            self.queue.delete(self.now_ms, handle)
            self.waiting.remove(message)

    @precondition(lambda self: self.handles)
    @rule(data=st.data(), timeout_s=TIMEOUTS_S | st.just(43_200))
    def change_visibility(self, data, timeout_s):
        handle, message, count = data.draw(st.sampled_from(self.handles))
        until_ms = self.now_ms + timeout_s * 1000
        allowed = (
            message in self.waiting
            and message.is_in_flight(self.now_ms)
            and until_ms <= message.received_ms + TWELVE_HOURS_MS
            and not (self.fifo and message.count != count)
        )
        if allowed:
            self.queue.change_visibility(self.now_ms, handle, timeout_s)
            message.visible_ms = until_ms
        else:
            with pytest.raises(SqsError):
                self.queue.change_visibility(self.now_ms, handle, timeout_s)

    @invariant()
    def no_message_is_lost_or_invented(self):
        held = sorted(message.message_id for message in self.queue.messages())
        assert held == sorted(message.message_id for message in self.waiting)
        assert len(self.queue) == len(self.waiting)

    @invariant()
    def dead_letter_queue_holds_what_was_moved(self):
        assert [message.message_id for message in self.dead_letters.messages()] == self.dead
        assert all(m.received_before == self.config.max_receive_count for m in self.dead_letters.messages())

    @invariant()
    def nobody_sleeps_through_a_change(self):
        later = [message.visible_ms for message in self.waiting if message.visible_ms > self.now_ms]
        if later:
            assert self.queue.next_change_ms() <= min(later)

    def teardown(self):
        """Given time and deletions, everything comes out: nothing is stuck."""
        if not hasattr(self, "queue"):
            return
        self.now_ms += TWELVE_HOURS_MS
        for _ in range(2 * len(self.waiting) + 1):
            received = self.queue.receive(self.now_ms, visibility_timeout_s=60)
            for delivery in received.delivered:
                self.queue.delete(self.now_ms, delivery.receipt_handle)
        assert len(self.queue) == 0


class StandardQueueMachine(QueueMachine):
    fifo = False

    @rule(body=st.sampled_from("abc"), group=st.sampled_from([None, "g"]), delay_s=st.sampled_from([None, 0, 1, 10]))
    def send(self, body, group, delay_s):
        sent = self.queue.send(self.now_ms, body, group=group, delay_s=delay_s)
        assert sent.enqueued
        self.enqueued(sent, body, group, delay_s)

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def deliver_again(self, data):
        _, message, _ = data.draw(st.sampled_from(self.handles))
        happened = self.queue.deliver_again(self.now_ms, self.real(message))
        assert happened == (message.message_id not in self.dead)
        if happened:
            message.visible_ms = self.now_ms
            self.comes_back(message)

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def receive_again(self, data):
        _, message, _ = data.draw(st.sampled_from(self.handles))
        received = self.queue.receive_again(self.now_ms, [self.real(message)])
        if message.message_id in self.dead:
            assert received == ((), ())
            return
        self.comes_back(message)
        if self.is_over_the_limit(message):
            assert [moved.message_id for moved in received.dead_lettered] == [message.message_id]
            self.waiting.remove(message)
            self.dead.append(message.message_id)
        else:
            (delivery,) = received.delivered
            self.taken(delivery, message, self.config.visibility_timeout_s)

    def real(self, message):
        return self.real_messages[message.message_id]

    @initialize()
    def remember_real_messages(self):
        self.real_messages = {}

    def taken(self, delivery, message, hide_s):
        super().taken(delivery, message, hide_s)
        self.real_messages[message.message_id] = delivery.message

    def comes_back(self, message):
        if message not in self.waiting:
            self.waiting.append(message)

    def check_choice(self, delivered, dead, most):
        visible = [message for message in self.waiting if message.visible_ms <= self.now_ms]
        may_come = [message for message in visible if not self.is_over_the_limit(message)]
        assert all(message in may_come for message in delivered)
        assert len(delivered) == min(most, len(may_come))
        assert all(message in visible and self.is_over_the_limit(message) for message in dead)
        if len(delivered) < most:
            assert len(delivered) + len(dead) == len(visible)


class FifoQueueMachine(QueueMachine):
    fifo = True

    @rule(body=st.sampled_from("abcdef"), group=st.sampled_from("ggh"), given=st.none() | st.sampled_from("123456"))
    def send(self, body, group, given):
        if given is None and not self.config.content_based_deduplication:
            with pytest.raises(SqsError):
                self.queue.send(self.now_ms, body, group=group)
            return
        deduplication_id = hashlib.sha256(body.encode()).hexdigest() if given is None else given
        recent = [first for at_ms, used, first in self.sends if used == deduplication_id and self.is_recent(at_ms)]
        sent = self.queue.send(self.now_ms, body, group=group, deduplication_id=given)
        if recent:
            assert sent == recent[0]._replace(enqueued=False)
        else:
            assert sent.enqueued
            assert all(sent.sequence_number > first.sequence_number for _, _, first in self.sends)
            self.sends.append((self.now_ms, deduplication_id, sent))
            self.enqueued(sent, body, group, None)

    def is_recent(self, at_ms):
        return self.now_ms - at_ms < FIVE_MINUTES_MS

    def check_choice(self, delivered, dead, most):
        order = list(dict.fromkeys(message.group for message in delivered))
        assert [m.group for m in delivered] == sorted((m.group for m in delivered), key=order.index), "group by group"
        for group in sorted({message.group for message in self.waiting}):
            walk = self.may_come(group)
            taken = [message for message in walk if message in delivered or message in dead]
            assert [message for message in delivered if message.group == group] == [m for m in walk if m in delivered]
            assert taken == walk[: len(taken)], "no message of a group is passed over"
            assert all((message in dead) == self.is_over_the_limit(message) for message in taken)
            is_last = order and group == order[-1]
            if len(delivered) < most or (taken and not is_last):
                assert taken == walk, "as many as it can from one group first"
        allowed = [message for group in "gh" for message in self.may_come(group)]
        assert all(message in allowed for message in [*delivered, *dead])

    def may_come(self, group):
        """The messages of the group that a receive may take, in send order."""
        members = [message for message in self.waiting if message.group == group]
        if any(message.is_in_flight(self.now_ms) for message in members):
            return []
        walk = []
        for message in members:
            if message.visible_ms > self.now_ms:
                break
            walk.append(message)
        return walk


MANY_STEPS = settings(max_examples=120, stateful_step_count=40, deadline=None, report_multiple_bugs=False)

TestStandardQueue = StandardQueueMachine.TestCase
TestStandardQueue.settings = MANY_STEPS
TestFifoQueue = FifoQueueMachine.TestCase
TestFifoQueue.settings = MANY_STEPS
