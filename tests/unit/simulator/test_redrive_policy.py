"""S10 and S11: what is moved to the dead-letter queue, and when."""

import random

import pytest

from redrive.simulator import Queue, QueueConfig, SqsError


def queues(*, fifo=False, max_receive_count=3):
    """A queue that hides messages for 10 seconds, and its dead-letter queue."""
    rng = random.Random(1)
    dead_letters = Queue(QueueConfig(name="dead", fifo=fifo), rng=rng)
    config = QueueConfig(fifo=fifo, visibility_timeout_s=10, max_receive_count=max_receive_count)
    return Queue(config, rng=rng, dead_letters=dead_letters), dead_letters


def send(queue, body="a"):
    fifo = {"group": "g", "deduplication_id": body} if queue.is_fifo else {}
    return queue.send(0, body, **fifo)


def receive_times(queue, times):
    for turn in range(times):
        assert len(queue.receive(turn * 10_000).delivered) == 1
    return times * 10_000


@pytest.mark.parametrize("max_receive_count", [1, 2, 5])
@pytest.mark.parametrize("fifo", [False, True])
def test_S10_moved_when_the_receive_count_would_exceed_max_receive_count(fifo, max_receive_count):
    queue, dead_letters = queues(fifo=fifo, max_receive_count=max_receive_count)
    send(queue)
    next_ms = receive_times(queue, max_receive_count)
    assert len(dead_letters) == 0

    received = queue.receive(next_ms)

    assert received.delivered == ()
    assert [message.receive_count for message in received.dead_lettered] == [max_receive_count]
    assert len(queue) == 0
    assert len(dead_letters) == 1


def test_S10_not_moved_before_the_next_receive():
    queue, dead_letters = queues(max_receive_count=1)
    queue.send(0, "a")
    (delivery,) = queue.receive(0).delivered
    # Visible again, and nobody has looked: a late deletion still counts.
    queue.delete(60_000, delivery.receipt_handle)
    queue.receive(60_000)
    assert len(dead_letters) == 0


def test_S10_message_id_and_body_stay():
    queue, dead_letters = queues(max_receive_count=1)
    sent = queue.send(0, "a")
    queue.receive(0)
    queue.receive(10_000)
    (message,) = dead_letters.messages()
    assert (message.message_id, message.body) == (sent.message_id, "a")


def test_S10_moved_messages_do_not_count_toward_the_number_asked_for():
    queue, _ = queues(max_receive_count=1)
    queue.send(0, "old")
    queue.receive(0)
    queue.send(0, "new", delay_s=11)
    received = queue.receive(11_000, most=1)
    assert [delivery.message.body for delivery in received.delivered] == ["new"]
    assert [message.body for message in received.dead_lettered] == ["old"]


def test_S10_message_group_goes_on_behind_a_moved_message():
    queue, _ = queues(fifo=True, max_receive_count=1)
    queue.send(0, "first", group="g", deduplication_id="1")
    queue.receive(0)
    queue.send(0, "second", group="g", deduplication_id="2")
    received = queue.receive(10_000)
    assert [delivery.message.body for delivery in received.delivered] == ["second"]
    assert queue.receive(10_000).delivered == ()


def test_S18_message_group_is_blocked_by_a_message_that_came_behind_a_moved_one():
    queue, _ = queues(fifo=True, max_receive_count=1)
    queue.send(0, "first", group="g", deduplication_id="1")
    queue.receive(0)
    for body in ("second", "third"):
        queue.send(0, body, group="g", deduplication_id=body)
    received = queue.receive(10_000, most=1)
    assert [message.body for message in received.dead_lettered] == ["first"]
    assert [delivery.message.body for delivery in received.delivered] == ["second"]
    assert queue.receive(10_000).delivered == ()


def test_S10_without_a_redrive_policy_a_message_comes_for_ever():
    queue = Queue(QueueConfig(visibility_timeout_s=10), rng=random.Random(1))
    queue.send(0, "a")
    receive_times(queue, 1_100)
    assert len(queue) == 1


def test_S10_dead_letter_queue_counts_deliveries_of_its_own_for_its_own_redrive_policy():
    rng = random.Random(1)
    last = Queue(QueueConfig(name="last"), rng=rng)
    middle = Queue(QueueConfig(name="middle", max_receive_count=1), rng=rng, dead_letters=last)
    first = Queue(QueueConfig(name="first", visibility_timeout_s=10, max_receive_count=2), rng=rng, dead_letters=middle)
    first.send(0, "a")
    first.receive(receive_times(first, 2))
    assert len(middle.receive(20_000).delivered) == 1
    assert len(last) == 0


@pytest.mark.parametrize("max_receive_count", [0, 1_001])
def test_S10_max_receive_count_is_1_to_1000(max_receive_count):
    with pytest.raises(SqsError) as raised:
        QueueConfig(max_receive_count=max_receive_count)
    assert raised.value.code == "InvalidAttributeValue"
    assert QueueConfig(max_receive_count=1_000).max_receive_count == 1_000


def test_S10_redrive_policy_names_a_dead_letter_queue():
    with pytest.raises(SqsError) as raised:
        Queue(QueueConfig(max_receive_count=3), rng=random.Random(1))
    assert raised.value.code == "InvalidParameterValue"


@pytest.mark.parametrize("fifo", [False, True])
def test_S11_dead_letter_queue_is_of_the_type_of_its_source(fifo):
    rng = random.Random(1)
    dead_letters = Queue(QueueConfig(fifo=not fifo), rng=rng)
    with pytest.raises(SqsError) as raised:
        Queue(QueueConfig(fifo=fifo, max_receive_count=3), rng=rng, dead_letters=dead_letters)
    assert raised.value.code == "InvalidParameterValue"


@pytest.mark.parametrize(("fifo", "sent_ms"), [(False, 0), (True, 10_000)])
def test_S11_enqueue_time_stays_in_a_standard_queue_and_starts_anew_in_a_fifo_queue(fifo, sent_ms):
    queue, dead_letters = queues(fifo=fifo, max_receive_count=1)
    send(queue)
    queue.receive(0)
    queue.receive(10_000)
    (message,) = dead_letters.messages()
    assert message.sent_ms == sent_ms


def test_S11_fifo_dead_letter_queue_keeps_message_groups_in_order():
    queue, dead_letters = queues(fifo=True, max_receive_count=1)
    for body in "abc":
        queue.send(0, body, group="g", deduplication_id=body)
    queue.receive(0)
    queue.receive(10_000)
    received = dead_letters.receive(10_000)
    assert [(d.message.group, d.message.body) for d in received.delivered] == [("g", "a"), ("g", "b"), ("g", "c")]
