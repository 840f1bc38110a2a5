"""A queue against a naive model of it: a list, searched from end to end, and no cleverness."""

import hashlib
import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from redrive.simulator import Queue, QueueConfig, SqsError
from redrive.simulator.queue_config import DeduplicationScope

MINUTE_MS = 60_000
FIVE_MINUTES_MS = 300_000
TWELVE_HOURS_MS = 43_200_000
TIMEOUTS_S = st.sampled_from([0, 1, 10, 30])
STEPS_MS = st.sampled_from([1, 999, 1_000, 9_999, 10_000, 30_000, MINUTE_MS, FIVE_MINUTES_MS - 1, FIVE_MINUTES_MS])
CONFIGS = st.builds(
    QueueConfig,
    visibility_timeout_s=TIMEOUTS_S,
    delay_s=st.sampled_from([0, 0, 1, 10]),
    max_receive_count=st.sampled_from([None, 1, 2, 3]),
    retention_s=st.sampled_from([60, 90, 600, 345_600]),
    in_flight_limit=st.sampled_from([1, 2, 4, 120_000]),
    content_based_deduplication=st.booleans(),
    deduplication_scope=st.sampled_from(DeduplicationScope),
)


@dataclass
class Naive:
    """A message as the model knows it; ``flying`` is out of date until something happens to the queue."""

    message_id: str
    body: str
    group: str | None
    sent_ms: int
    visible_ms: int
    flying: bool = False
    count: int = 0
    first_ms: int | None = None
    received_ms: int | None = None


class QueueMachine(RuleBasedStateMachine):
    """What both kinds of queue have in common."""

    fifo: bool

    @initialize(config=CONFIGS, shuffled=st.booleans())
    def begin(self, config, shuffled):
        self.config = replace(config, fifo=self.fifo)
        rng = random.Random(1)
        self.shuffled = shuffled and not self.fifo
        self.dead_letters = Queue(QueueConfig(name="dead", fifo=self.fifo), rng=rng)
        self.queue = Queue(self.config, rng=rng, dead_letters=self.dead_letters, shuffled=self.shuffled)
        self.now_ms = 0
        self.purged_ms = None
        self.waiting = []
        self.dead = []
        self.gone = set()
        self.expired = []
        self.handles, self.sends = [], []
        self.attempts, self.received = {}, {}

    @rule(step_ms=STEPS_MS)
    def time_passes(self, step_ms):
        self.now_ms += step_ms

    @rule(early_ms=st.sampled_from([0, 1]))
    def time_passes_to_the_next_change(self, early_ms):
        times = [time for m in self.waiting for time in (m.visible_ms, self.expiry_ms(m)) if time > self.now_ms]
        if times:
            self.now_ms = max(self.now_ms, min(times) - early_ms)

    def expiry_ms(self, message):
        return message.sent_ms + self.config.retention_s * 1000

    def notice(self):
        """What an operation finds to have happened since the last one."""
        for message in [message for message in self.waiting if self.expiry_ms(message) <= self.now_ms]:
            self.leaves(message)
            self.expired.append(message.message_id)
        for message in self.waiting:
            message.flying = message.flying and message.visible_ms > self.now_ms

    def leaves(self, message):
        self.waiting.remove(message)
        self.gone.add(message.message_id)

    def enqueued(self, sent, body, group, delay_s):
        visible_ms = self.now_ms + (self.config.delay_s if delay_s is None else delay_s) * 1000
        self.waiting.append(Naive(sent.message_id, body, group, self.now_ms, visible_ms))

    @rule(most=st.sampled_from([1, 2, 3, 10]), timeout_s=st.none() | TIMEOUTS_S, long_polling=st.booleans())
    def receive(self, most, timeout_s, long_polling):
        self.receives(most, timeout_s, long_polling)

    def receives(self, most, timeout_s, long_polling=False, **attempt):
        self.notice()
        room = self.config.in_flight_limit - sum(message.flying for message in self.waiting)
        options = {"most": most, "visibility_timeout_s": timeout_s, "long_polling": long_polling, **attempt}
        if room <= 0 and not self.fifo and not long_polling:
            with pytest.raises(SqsError, match="OverLimit"):
                self.queue.receive(self.now_ms, **options)
            return ()
        received = self.queue.receive(self.now_ms, **options)
        delivered = [self.find(delivery.message.message_id) for delivery in received.delivered]
        dead = [self.find(message.message_id) for message in received.dead_lettered]
        assert len(delivered) <= max(0, min(most, room))
        if room > 0:
            self.check_choice(delivered, dead, min(most, room))
        for message in dead:
            self.dead_lettered(message)
        hide_s = self.config.visibility_timeout_s if timeout_s is None else timeout_s
        for delivery, message in zip(received.delivered, delivered, strict=True):
            self.taken(delivery, message, hide_s)
        assert self.queue.in_flight == sum(message.flying for message in self.waiting)
        return received.delivered

    def dead_lettered(self, message):
        assert message.count == self.config.max_receive_count
        self.leaves(message)
        self.dead.append(message.message_id)

    def taken(self, delivery, message, hide_s):
        message.count += 1
        message.flying = True
        message.received_ms = self.now_ms
        message.first_ms = self.now_ms if message.first_ms is None else message.first_ms
        message.visible_ms = self.now_ms + hide_s * 1000
        assert delivery.receive_count == message.count
        assert delivery.message.body == message.body
        assert delivery.message.first_received_ms == message.first_ms
        assert delivery.receipt_handle not in [handle for handle, _, _ in self.handles]
        self.handles.append((delivery.receipt_handle, message, message.count))
        self.received[message.message_id] = delivery.message

    def find(self, message_id):
        (message,) = [message for message in self.waiting if message.message_id == message_id]
        return message

    def real(self, message):
        (found,) = [real for real in self.queue.messages() if real.message_id == message.message_id]
        return found

    def is_over_the_limit(self, message):
        return self.config.max_receive_count is not None and message.count >= self.config.max_receive_count

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def delete(self, data):
        handle, message, count = data.draw(st.sampled_from(self.handles))
        self.notice()
        if message not in self.waiting:
            self.queue.delete(self.now_ms, handle)
        elif self.fifo and not (message.flying and message.count == count):
            with pytest.raises(SqsError):
                self.queue.delete(self.now_ms, handle)
        else:
            self.queue.delete(self.now_ms, handle)
            self.waiting.remove(message)

    @precondition(lambda self: self.handles)
    @rule(data=st.data(), timeout_s=TIMEOUTS_S | st.just(43_200))
    def change_visibility(self, data, timeout_s):
        handle, message, count = data.draw(st.sampled_from(self.handles))
        self.notice()
        until_ms = self.now_ms + timeout_s * 1000
        is_over = not (message.flying and message.count == count)
        is_short_enough = until_ms <= message.received_ms + TWELVE_HOURS_MS
        if message not in self.waiting or (self.fifo if is_over else not is_short_enough):
            with pytest.raises(SqsError):
                self.queue.change_visibility(self.now_ms, handle, timeout_s)
            return
        self.queue.change_visibility(self.now_ms, handle, timeout_s)
        if not is_over:
            message.visible_ms, message.flying = until_ms, timeout_s > 0

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), by_ms=st.sampled_from([1, 5_000, MINUTE_MS]))
    def postpone(self, data, by_ms):
        message = data.draw(st.sampled_from(self.waiting))
        real = self.real(message)
        self.notice()
        assert self.queue.postpone(self.now_ms, real, by_ms) == (message in self.waiting)
        message.visible_ms = max(self.now_ms, message.visible_ms) + by_ms

    @rule()
    def move_the_next_one_away(self):
        self.notice()
        real = self.queue.next_visible(self.now_ms)
        may_be_moved = self.may_be_first()
        assert (real is None) == (may_be_moved == [])
        if real is not None:
            message = self.find(real.message_id)
            assert message in may_be_moved
            self.queue.take_away(real)
            self.leaves(message)

    @rule()
    def purge(self):
        if self.purged_ms is not None and self.now_ms < self.purged_ms + MINUTE_MS:
            with pytest.raises(SqsError, match="PurgeQueueInProgress"):
                self.queue.purge(self.now_ms)
            return
        self.notice()
        self.queue.purge(self.now_ms)
        self.purged_ms = self.now_ms
        for message in list(self.waiting):
            self.leaves(message)

    @invariant()
    def no_message_is_lost_or_invented_and_each_that_expired_is_told_once(self):
        held = sorted(message.message_id for message in self.queue.messages())
        assert held == sorted(message.message_id for message in self.waiting)
        assert len(self.queue) == len(self.waiting)

        assert sorted(message.message_id for message in self.queue.take_expired()) == sorted(self.expired)
        self.expired.clear()

    @invariant()
    def dead_letter_queue_holds_what_was_moved(self):
        assert [message.message_id for message in self.dead_letters.messages()] == self.dead
        assert all(m.received_before == self.config.max_receive_count for m in self.dead_letters.messages())

    @invariant()
    def nobody_sleeps_through_a_change(self):
        later = [message.visible_ms for message in self.waiting if message.visible_ms > self.now_ms]
        if later:
            assert self.queue.next_change_ms() <= min(later)
            if self.fifo:
                assert self.queue.next_change_ms() <= min(self.expiry_ms(message) for message in self.waiting)
        if self.waiting:
            assert self.queue.next_expiry_ms() == min(self.expiry_ms(message) for message in self.waiting)

    def teardown(self):
        """Given time and deletions, everything comes out or expires: nothing is stuck."""
        if not hasattr(self, "queue"):
            return
        self.now_ms += TWELVE_HOURS_MS
        for _ in range(2 * len(self.waiting) + 1):
            received = self.queue.receive(self.now_ms, visibility_timeout_s=60, long_polling=True)
            for delivery in received.delivered:
                self.queue.delete(self.now_ms, delivery.receipt_handle)
        assert (len(self.queue), self.queue.in_flight) == (0, 0)


class StandardQueueMachine(QueueMachine):
    fifo = False

    @rule(body=st.sampled_from("abc"), group=st.sampled_from([None, "g"]), delay_s=st.sampled_from([None, 0, 1, 10]))
    def send(self, body, group, delay_s):
        self.notice()
        sent = self.queue.send(self.now_ms, body, group=group, delay_s=delay_s)
        assert sent.enqueued
        self.enqueued(sent, body, group, delay_s)

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def deliver_again(self, data):
        _, message, _ = data.draw(st.sampled_from(self.handles))
        self.notice()
        happened = self.queue.deliver_again(self.now_ms, self.received[message.message_id])
        assert happened == self.may_come_again(message)
        if happened:
            self.waiting = [other for other in self.waiting if other is not message] + [message]
            message.visible_ms, message.flying = self.now_ms, False

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def receive_again(self, data):
        _, message, _ = data.draw(st.sampled_from(self.handles))
        self.notice()
        received = self.queue.receive_again(self.now_ms, [self.received[message.message_id]])
        if not self.may_come_again(message):
            assert received == ((), ())
            return
        if message not in self.waiting:
            self.waiting.append(message)
        if self.is_over_the_limit(message):
            assert [moved.message_id for moved in received.dead_lettered] == [message.message_id]
            self.dead_lettered(message)
        else:
            (delivery,) = received.delivered
            self.taken(delivery, message, self.config.visibility_timeout_s)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), behind=st.integers(0, 3))
    def hold_back(self, data, behind):
        self.queue.hold_back(self.real(data.draw(st.sampled_from(self.waiting))), behind)

    def may_come_again(self, message):
        return message.message_id not in self.gone and self.expiry_ms(message) > self.now_ms

    def may_be_first(self):
        return [message for message in self.waiting if message.visible_ms <= self.now_ms]

    def check_choice(self, delivered, dead, most):
        visible = self.may_be_first()
        may_come = [message for message in visible if not self.is_over_the_limit(message)]
        assert all(message in may_come for message in delivered)
        assert all(message in visible and self.is_over_the_limit(message) for message in dead)
        if self.shuffled:
            assert min(1, len(may_come)) <= len(delivered) <= min(most, len(may_come))
        else:
            assert len(delivered) == min(most, len(may_come))
            if len(delivered) < most:
                assert len(delivered) + len(dead) == len(visible)


class FifoQueueMachine(QueueMachine):
    fifo = True

    @rule(body=st.sampled_from("abcdef"), group=st.sampled_from("ggh"), given=st.none() | st.sampled_from("123456"))
    def send(self, body, group, given):
        self.notice()
        if given is None and not self.config.content_based_deduplication:
            with pytest.raises(SqsError):
                self.queue.send(self.now_ms, body, group=group)
            return
        deduplication_id = hashlib.sha256(body.encode()).hexdigest() if given is None else given
        by_group = self.config.deduplication_scope is DeduplicationScope.MESSAGE_GROUP
        key = (group if by_group else None, deduplication_id)
        recent = [first for at_ms, used, first in self.sends if used == key and self.is_recent(at_ms)]
        sent = self.queue.send(self.now_ms, body, group=group, deduplication_id=given)
        if recent:
            assert sent[:3] == (recent[0].message_id, recent[0].sequence_number, False)
        else:
            assert sent.enqueued
            assert all(sent.sequence_number > first.sequence_number for _, _, first in self.sends)
            self.sends.append((self.now_ms, key, sent))
            self.enqueued(sent, body, group, None)

    @rule(most=st.sampled_from([1, 2, 10]), timeout_s=TIMEOUTS_S, attempt_id=st.sampled_from("xy"))
    def attempt(self, most, timeout_s, attempt_id):
        self.notice()
        until_ms = self.now_ms + timeout_s * 1000
        begun = self.attempts.get(attempt_id)
        if begun is None or not self.may_be_retried(*begun):
            delivered = self.receives(most, timeout_s, attempt_id=attempt_id)
            if delivered:
                self.attempts[attempt_id] = (self.now_ms, until_ms, delivered)
            return
        at_ms, _, delivered = begun
        assert self.queue.receive(self.now_ms, most=most, visibility_timeout_s=timeout_s, attempt_id=attempt_id) == (
            delivered,
            (),
        )
        for delivery in delivered:
            self.find(delivery.message.message_id).visible_ms = until_ms
        self.attempts[attempt_id] = (at_ms, until_ms, delivered)

    def may_be_retried(self, at_ms, until_ms, delivered):
        unchanged = [(m.message_id, m.count) for m in self.waiting if m.flying and m.visible_ms == until_ms]
        return self.is_recent(at_ms) and all((d.message.message_id, d.receive_count) in unchanged for d in delivered)

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

    def may_be_first(self):
        return [walk[0] for group in "gh" if (walk := self.may_come(group))]

    def may_come(self, group):
        """The messages of the group that a receive may take, in send order."""
        members = [message for message in self.waiting if message.group == group]
        if any(message.flying for message in members):
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
