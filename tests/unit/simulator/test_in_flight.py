"""S15: how many messages may be in flight."""

import random

import pytest

from redrive.simulator import Queue, QueueConfig, SqsError


def queue_of(number, *, limit=3, **config):
    """A queue with messages ``0``, ``1``, …, each of a message group of its own."""
    queue = Queue(QueueConfig(in_flight_limit=limit, visibility_timeout_s=10, **config), rng=random.Random(1))
    for body in map(str, range(number)):
        fifo = {"group": body, "deduplication_id": body} if queue.is_fifo else {}
        queue.send(0, body, **fifo)
    return queue


def bodies(received):
    return [delivery.message.body for delivery in received.delivered]


def test_S15_limit_is_120000_unless_set():
    assert QueueConfig().in_flight_limit == 120_000


@pytest.mark.parametrize("fifo", [False, True])
def test_S15_receive_takes_what_is_left_up_to_the_limit(fifo):
    queue = queue_of(9, fifo=fifo)
    assert len(queue.receive(0, most=2).delivered) == 2
    assert bodies(queue.receive(0)) == ["2"]
    assert queue.in_flight == 3


def test_S15_standard_queue_at_the_limit_raises_over_limit_on_short_polling():
    queue = queue_of(9)
    queue.receive(0)
    with pytest.raises(SqsError) as raised:
        queue.receive(0)
    assert (raised.value.code, raised.value.http_status) == ("OverLimit", 403)
    assert queue.in_flight == 3


def test_S15_standard_queue_at_the_limit_raises_over_limit_though_nothing_is_visible():
    queue = queue_of(3)
    queue.receive(0)
    with pytest.raises(SqsError):
        queue.receive(0)


def test_S15_standard_queue_at_the_limit_returns_nothing_on_long_polling():
    queue = queue_of(9)
    queue.receive(0)
    assert queue.receive(0, long_polling=True) == ((), ())


@pytest.mark.parametrize("long_polling", [False, True])
def test_S15_fifo_queue_at_the_limit_returns_nothing(long_polling):
    queue = queue_of(9, fifo=True)
    queue.receive(0)
    assert queue.receive(0, long_polling=long_polling) == ((), ())


@pytest.mark.parametrize("fifo", [False, True])
def test_S15_deletion_makes_room(fifo):
    queue = queue_of(9, fifo=fifo)
    first, *_ = queue.receive(0).delivered
    queue.delete(0, first.receipt_handle)
    queue.delete(0, first.receipt_handle)
    assert bodies(queue.receive(0)) == ["3"]


@pytest.mark.parametrize("fifo", [False, True])
def test_S15_end_of_the_visibility_timeout_makes_room(fifo):
    queue = queue_of(9, fifo=fifo)
    first, *_ = queue.receive(0).delivered
    queue.change_visibility(0, first.receipt_handle, 5)
    assert len(queue.receive(5_000).delivered) == 1
    assert len(queue.receive(10_000).delivered) == 2


@pytest.mark.parametrize("fifo", [False, True])
def test_S15_delayed_message_is_not_in_flight(fifo):
    queue = queue_of(9, fifo=fifo, delay_s=60)
    assert (queue.receive(0).delivered, queue.in_flight) == ((), 0)


def test_S15_duplicate_of_a_message_in_flight_does_not_count_twice():
    queue = queue_of(2)
    deliveries = queue.receive(0).delivered
    queue.receive_again(0, [delivery.message for delivery in deliveries])
    assert queue.in_flight == 2
    queue.deliver_again(0, deliveries[0].message)
    assert queue.in_flight == 1
    for delivery in deliveries:
        queue.delete(0, delivery.receipt_handle)
    assert queue.in_flight == 0


def test_S15_message_that_expires_in_flight_makes_room():
    queue = queue_of(2, limit=1, retention_s=60)
    queue.receive(55_000)
    queue.send(56_000, "later")
    assert bodies(queue.receive(60_000)) == ["later"]
    assert [message.body for message in queue.take_expired()] == ["0", "1"]


def test_S15_message_that_is_dead_lettered_takes_no_room():
    rng = random.Random(1)
    config = QueueConfig(in_flight_limit=1, visibility_timeout_s=10, max_receive_count=1)
    queue = Queue(config, rng=rng, dead_letters=Queue(QueueConfig(), rng=rng))
    queue.send(0, "poison")
    queue.receive(0)
    queue.send(0, "next", delay_s=11)
    received = queue.receive(11_000)
    assert ([m.body for m in received.dead_lettered], bodies(received)) == (["poison"], ["next"])
    assert queue.in_flight == 1
