"""Purging a queue (S13 gives what else makes a message go; S09 what its receipt handle is then worth)."""

import random

import pytest

from redrive.simulator import Queue, QueueConfig, SqsError


def queue_of(*bodies, **config):
    queue = Queue(QueueConfig(**config), rng=random.Random(1))
    for body in bodies:
        fifo = {"group": "g", "deduplication_id": body} if queue.is_fifo else {}
        queue.send(0, body, **fifo)
    return queue


@pytest.mark.parametrize("fifo", [False, True])
def test_purge_deletes_what_waits_and_what_is_in_flight_at_once(fifo):
    queue = queue_of("a", "b", "c", fifo=fifo)
    queue.receive(0, most=2)
    queue.purge(1_000)
    assert (len(queue), queue.in_flight, queue.messages()) == (0, 0, ())
    assert queue.receive(60_000) == ((), ())
    assert queue.next_change_ms() is None


@pytest.mark.parametrize("fifo", [False, True])
def test_S09_receipt_handle_of_a_purged_message_still_deletes(fifo):
    queue = queue_of("a", fifo=fifo)
    (delivery,) = queue.receive(0).delivered
    queue.purge(0)
    queue.delete(0, delivery.receipt_handle)
    assert len(queue) == 0


@pytest.mark.parametrize("fifo", [False, True])
def test_purged_queue_goes_on_with_what_is_sent_next(fifo):
    queue = queue_of("a", fifo=fifo)
    queue.receive(0)
    queue.purge(0)
    queue.send(0, "b", **({"group": "g", "deduplication_id": "b"} if fifo else {}))
    (delivery,) = queue.receive(0).delivered
    assert (delivery.message.body, delivery.receive_count) == ("b", 1)


def test_purge_is_refused_within_60_seconds_of_the_last_one():
    queue = queue_of("a")
    queue.purge(1_000)
    queue.send(1_000, "b")
    with pytest.raises(SqsError) as raised:
        queue.purge(60_999)
    assert (raised.value.code, raised.value.http_status) == ("PurgeQueueInProgress", 403)
    assert len(queue) == 1
    queue.purge(61_000)
    assert len(queue) == 0


def test_S17_purged_message_does_not_come_again():
    queue = queue_of("a")
    (delivery,) = queue.receive(0).delivered
    queue.purge(0)
    assert queue.deliver_again(0, delivery.message) is False
    assert queue.receive_again(0, [delivery.message]) == ((), ())


def test_S19_purge_does_not_forget_deduplication_ids():
    queue = queue_of("a", fifo=True)
    queue.purge(0)
    assert queue.send(1_000, "a", group="g", deduplication_id="a").enqueued is False
