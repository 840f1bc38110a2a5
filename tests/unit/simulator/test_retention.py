"""S13 and S11: how long a queue keeps a message."""

import gc
import random

import pytest

from redrive.simulator import Queue, QueueConfig, SqsError
from redrive.simulator.messages import Message

DAY_S = 86_400
FOREVER_MS = 10**12


def queue_of(*bodies, **config):
    """A queue that keeps messages for a minute, with these, sent at 0; body ``g1`` is of message group ``g``."""
    queue = Queue(QueueConfig(**{"retention_s": 60, "visibility_timeout_s": 10} | config), rng=random.Random(1))
    for body in bodies:
        send(queue, 0, body)
    return queue


def send(queue, at_ms, body):
    fifo = {"group": body[0], "deduplication_id": body} if queue.is_fifo else {}
    return queue.send(at_ms, body, **fifo)


def bodies(received):
    return [delivery.message.body for delivery in received.delivered]


def expired(queue):
    return [message.body for message in queue.take_expired()]


@pytest.mark.parametrize("retention_s", [59, 1_209_601])
def test_S13_retention_is_60_to_1209600_seconds(retention_s):
    with pytest.raises(SqsError) as raised:
        QueueConfig(retention_s=retention_s)
    assert raised.value.code == "InvalidAttributeValue"


def test_S13_retention_is_4_days_unless_set():
    queue = Queue(QueueConfig(), rng=random.Random(1))
    queue.send(0, "a")
    assert bodies(queue.receive(4 * DAY_S * 1000 - 1)) == ["a"]
    assert QueueConfig(retention_s=1_209_600).retention_s == 14 * DAY_S


@pytest.mark.parametrize("fifo", [False, True])
def test_S13_message_is_gone_at_the_end_of_its_retention_though_nobody_received_it(fifo):
    queue = queue_of("a", fifo=fifo)
    assert queue.next_expiry_ms() == 60_000
    assert bodies(queue.receive(60_000)) == []
    assert (len(queue), expired(queue)) == (0, ["a"])
    assert queue.next_expiry_ms() is None


@pytest.mark.parametrize("fifo", [False, True])
def test_S13_message_is_there_until_the_last_millisecond(fifo):
    queue = queue_of("a", fifo=fifo)
    assert bodies(queue.receive(59_999)) == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
def test_S13_message_is_gone_though_it_is_in_flight(fifo):
    queue = queue_of("a", fifo=fifo, visibility_timeout_s=300)
    (delivery,) = queue.receive(50_000).delivered
    assert bodies(queue.receive(60_000)) == []
    assert (len(queue), queue.in_flight, expired(queue)) == (0, 0, ["a"])
    queue.delete(60_000, delivery.receipt_handle)
    with pytest.raises(SqsError, match="Message does not exist"):
        queue.change_visibility(60_000, delivery.receipt_handle, 0)
    assert bodies(queue.receive(350_000)) == []


@pytest.mark.parametrize("fifo", [False, True])
def test_S13_message_is_gone_though_it_was_received_before(fifo):
    queue = queue_of("a", fifo=fifo)
    for at_ms in (0, 10_000, 20_000, 30_000, 40_000, 50_000):
        assert bodies(queue.receive(at_ms)) == ["a"]
    assert bodies(queue.receive(60_000)) == []
    assert expired(queue) == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
def test_S13_message_is_gone_though_its_delay_is_not_over(fifo):
    queue = queue_of("a", fifo=fifo, delay_s=900)
    assert bodies(queue.receive(900_000)) == []
    assert expired(queue) == ["a"]


def test_S13_retention_counts_from_each_messages_own_time():
    queue = queue_of("a")
    send(queue, 1_000, "b")
    queue.receive(60_000, visibility_timeout_s=0)
    assert expired(queue) == ["a"]
    assert bodies(queue.receive(60_999)) == ["b"]
    queue.receive(61_000)
    assert expired(queue) == ["b"]


def test_S13_every_operation_notices_what_has_expired_first():
    def after(operation):
        queue = queue_of("a", "b")
        handle = queue.receive(0, most=1).delivered[0].receipt_handle
        operation(queue, handle)
        return sorted(expired(queue))

    assert after(lambda queue, _: queue.send(60_000, "c")) == ["a", "b"]
    assert after(lambda queue, _: queue.receive(60_000)) == ["a", "b"]
    assert after(lambda queue, handle: queue.delete(60_000, handle)) == ["a", "b"]
    assert after(lambda queue, _: queue.purge(60_000)) == ["a", "b"]
    assert after(lambda queue, _: queue.notice(60_000)) == ["a", "b"]
    assert after(lambda queue, _: queue.notice(59_999)) == []


def test_S13_expired_messages_are_told_once():
    queue = queue_of("a")
    queue.notice(60_000)
    assert expired(queue) == ["a"]
    assert expired(queue) == []


def test_S13_deleted_message_does_not_expire():
    queue = queue_of("a", "b")
    queue.delete(0, queue.receive(0).delivered[0].receipt_handle)
    queue.notice(60_000)
    assert expired(queue) == ["b"]


def test_S13_message_group_goes_on_behind_a_message_that_expired_in_flight():
    queue = queue_of("g1", fifo=True, visibility_timeout_s=300)
    queue.receive(0)
    send(queue, 1_000, "g2")
    assert bodies(queue.receive(59_999)) == []
    assert queue.next_change_ms() == 60_000
    assert bodies(queue.receive(60_000)) == ["g2"]


def test_S13_message_group_goes_on_behind_a_message_that_expired_hidden():
    queue = queue_of("g1", fifo=True)
    (first,) = queue.messages()
    queue.postpone(0, first, 300_000)
    send(queue, 1_000, "g2")
    assert bodies(queue.receive(59_999)) == []
    assert bodies(queue.receive(60_000)) == ["g2"]


def test_S13_message_group_goes_on_behind_messages_that_expired_waiting():
    queue = queue_of("g1", "g2", "h1", fifo=True)
    send(queue, 1_000, "g3")
    assert bodies(queue.receive(60_000)) == ["g3"]
    assert expired(queue) == ["g1", "g2", "h1"]


def test_S13_message_group_still_waits_for_another_message_in_flight():
    queue = queue_of("g1", fifo=True, visibility_timeout_s=300)
    send(queue, 1_000, "g2")
    send(queue, 1_000, "g3")
    assert bodies(queue.receive(1_000, most=2)) == ["g1", "g2"]
    assert bodies(queue.receive(60_999)) == []
    assert bodies(queue.receive(61_000)) == []
    assert expired(queue) == ["g1", "g2", "g3"]


def test_S17_expired_message_does_not_come_again():
    queue = queue_of("a", "b")
    deleted, flying = queue.receive(0).delivered
    queue.delete(0, deleted.receipt_handle)
    for delivery in (deleted, flying):
        assert queue.deliver_again(60_000, delivery.message) is False
        assert queue.receive_again(60_000, [delivery.message]) == ((), ())
    assert len(queue) == 0


def test_S13_message_that_comes_again_after_its_deletion_expires_like_any_other():
    queue = queue_of("a")
    (delivery,) = queue.receive(0).delivered
    queue.delete(0, delivery.receipt_handle)
    assert queue.next_expiry_ms() is None
    queue.deliver_again(30_000, delivery.message)
    assert queue.next_expiry_ms() == 60_000
    assert bodies(queue.receive(59_000)) == ["a"]
    assert bodies(queue.receive(FOREVER_MS)) == []
    assert expired(queue) == ["a"]


def dead_lettered(*, fifo, source_s, dead_s, at_ms):
    """The dead-letter queue of a queue whose one message, sent at 0, was moved there at ``at_ms``."""
    rng = random.Random(1)
    dead_letters = Queue(QueueConfig(name="dead", fifo=fifo, retention_s=dead_s), rng=rng)
    config = QueueConfig(fifo=fifo, retention_s=source_s, visibility_timeout_s=0, max_receive_count=1)
    queue = Queue(config, rng=rng, dead_letters=dead_letters)
    send(queue, 0, "a")
    queue.receive(at_ms)
    queue.receive(at_ms)
    assert len(dead_letters) == 1
    return dead_letters


def test_S11_retention_goes_on_from_the_original_time_in_a_standard_dead_letter_queue():
    dead_letters = dead_lettered(fifo=False, source_s=DAY_S, dead_s=2 * DAY_S, at_ms=DAY_S * 1000 - 1)
    assert dead_letters.next_expiry_ms() == 2 * DAY_S * 1000
    assert bodies(dead_letters.receive(2 * DAY_S * 1000 - 1, visibility_timeout_s=0)) == ["a"]
    assert bodies(dead_letters.receive(2 * DAY_S * 1000)) == []
    assert expired(dead_letters) == ["a"]


def test_S11_message_older_than_the_retention_of_its_standard_dead_letter_queue_is_gone_at_once():
    dead_letters = dead_lettered(fifo=False, source_s=2 * DAY_S, dead_s=DAY_S, at_ms=2 * DAY_S * 1000 - 1)
    assert bodies(dead_letters.receive(2 * DAY_S * 1000 - 1)) == []
    assert expired(dead_letters) == ["a"]


def test_S11_retention_starts_anew_in_a_fifo_dead_letter_queue():
    dead_letters = dead_lettered(fifo=True, source_s=DAY_S, dead_s=DAY_S, at_ms=DAY_S * 1000 - 1)
    assert bodies(dead_letters.receive(2 * DAY_S * 1000 - 2, visibility_timeout_s=0)) == ["a"]
    assert bodies(dead_letters.receive(2 * DAY_S * 1000 - 1)) == []


def living_messages():
    gc.collect()
    return sum(isinstance(thing, Message) for thing in gc.get_objects())


@pytest.mark.parametrize("fifo", [False, True])
def test_S13_message_that_is_deleted_or_expired_is_not_kept_alive(fifo):
    before = living_messages()
    queue = queue_of(*(f"{number % 7}-{number}" for number in range(200)), fifo=fifo, visibility_timeout_s=43_200)
    for number in range(100):
        (delivery,) = queue.receive(number, most=1).delivered
        queue.delete(number, delivery.receipt_handle)
    del delivery
    assert living_messages() - before == 100
    queue.notice(60_000)
    queue.take_expired()
    assert living_messages() - before == 0
