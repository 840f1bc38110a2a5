"""S17 and S16, as faults ask for them: a message that becomes visible later, or lets others go first."""

import random

import pytest

from redrive.simulator import Queue, QueueConfig


def queue_of(*bodies, **config):
    """A queue that hides messages for 10 seconds, with these, sent at 0; body ``g1`` is of message group ``g``."""
    queue = Queue(QueueConfig(**{"visibility_timeout_s": 10} | config), rng=random.Random(1))
    for body in bodies:
        fifo = {"group": body[0], "deduplication_id": body} if queue.is_fifo else {}
        queue.send(0, body, **fifo)
    return queue


def bodies(received):
    return [delivery.message.body for delivery in received.delivered]


@pytest.mark.parametrize("fifo", [False, True])
def test_postponed_message_that_waits_is_hidden_that_long_from_now(fifo):
    queue = queue_of("a", "b", fifo=fifo)
    first, _ = queue.messages()
    assert queue.postpone(1_000, first, 5_000) is True
    assert bodies(queue.receive(5_999)) == ["b"]
    assert queue.next_change_ms() == 6_000
    assert bodies(queue.receive(6_000)) == ["a"]
    assert queue.in_flight == 2


@pytest.mark.parametrize("fifo", [False, True])
def test_postponed_message_that_is_delayed_becomes_visible_that_much_later(fifo):
    queue = queue_of("a", fifo=fifo, delay_s=60)
    queue.postpone(1_000, queue.messages()[0], 5_000)
    assert bodies(queue.receive(64_999)) == []
    assert bodies(queue.receive(65_000)) == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
def test_postponed_message_that_is_in_flight_becomes_visible_that_much_later(fifo):
    queue = queue_of("a", fifo=fifo)
    (delivery,) = queue.receive(0).delivered
    queue.postpone(1_000, delivery.message, 5_000)
    assert bodies(queue.receive(14_999)) == []
    assert queue.in_flight == 1
    assert bodies(queue.receive(15_000)) == ["a"]


def test_receipt_handle_of_a_postponed_message_holds_until_it_is_visible():
    queue = queue_of("a", fifo=True)
    (delivery,) = queue.receive(0).delivered
    queue.postpone(1_000, delivery.message, 5_000)
    queue.delete(14_999, delivery.receipt_handle)
    assert len(queue) == 0


@pytest.mark.parametrize("fifo", [False, True])
def test_postponed_message_whose_visibility_timeout_has_ended_is_not_in_flight(fifo):
    queue = queue_of("a", fifo=fifo)
    queue.receive(0)
    queue.postpone(10_000, queue.messages()[0], 5_000)
    assert queue.in_flight == 0
    assert bodies(queue.receive(14_999)) == []
    assert bodies(queue.receive(15_000)) == ["a"]


def test_message_may_be_postponed_more_than_once():
    queue = queue_of("a")
    (message,) = queue.messages()
    queue.postpone(0, message, 5_000)
    queue.postpone(0, message, 5_000)
    assert bodies(queue.receive(9_999)) == []
    assert bodies(queue.receive(10_000)) == ["a"]


def test_S18_message_group_waits_behind_a_postponed_message_and_others_go_on():
    queue = queue_of("g1", "g2", "h1", fifo=True)
    queue.postpone(0, queue.messages()[0], 5_000)
    assert bodies(queue.receive(4_999)) == ["h1"]
    assert bodies(queue.receive(5_000)) == ["g1", "g2"]


def test_S18_messages_before_a_postponed_one_of_their_group_go_on():
    queue = queue_of("g1", "g2", "g3", fifo=True)
    queue.postpone(0, queue.messages()[1], 5_000)
    (first,) = queue.receive(0).delivered
    assert first.message.body == "g1"
    queue.delete(0, first.receipt_handle)
    assert bodies(queue.receive(4_999)) == []
    assert bodies(queue.receive(5_000)) == ["g2", "g3"]


@pytest.mark.parametrize("fifo", [False, True])
def test_message_that_is_deleted_cannot_be_postponed(fifo):
    queue = queue_of("a", fifo=fifo)
    (delivery,) = queue.receive(0).delivered
    queue.delete(0, delivery.receipt_handle)
    assert queue.postpone(0, delivery.message, 5_000) is False
    assert queue.next_change_ms() is None


@pytest.mark.parametrize(("behind", "order"), [(0, "abcd"), (1, "bacd"), (2, "bcad"), (3, "bcda"), (99, "bcda")])
@pytest.mark.parametrize("most", [1, 2, 10])
def test_S17_message_that_is_held_back_lets_that_many_go_first(behind, order, most):
    queue = queue_of(*"abcd")
    queue.hold_back(queue.messages()[0], behind)
    received = []
    while more := bodies(queue.receive(0, most=most)):
        received += more
    assert received == list(order)


def test_S17_message_that_is_held_back_comes_at_once_where_no_other_is_visible():
    queue = queue_of("a")
    queue.send(0, "late", delay_s=60)
    queue.hold_back(queue.messages()[0], 5)
    assert bodies(queue.receive(0)) == ["a"]


def test_S17_message_is_held_back_once():
    queue = queue_of("a", "b", "c")
    queue.hold_back(queue.messages()[0], 1)
    assert bodies(queue.receive(0)) == ["b", "a", "c"]
    assert sorted(bodies(queue.receive(10_000))) == ["a", "b", "c"]
    queue = queue_of("a", "b", visibility_timeout_s=0)
    queue.hold_back(queue.messages()[0], 1)
    assert bodies(queue.receive(0, most=1)) == ["b"]
    assert bodies(queue.receive(0, most=1)) == ["a"]


def test_S17_message_that_is_hidden_is_held_back_once_it_is_visible():
    queue = queue_of("a", "b")
    deliveries = queue.receive(0).delivered
    queue.hold_back(deliveries[0].message, 1)
    assert bodies(queue.receive(10_000)) == ["b", "a"]


def test_S17_message_that_is_held_back_and_deleted_is_gone():
    queue = queue_of("a", "b")
    deliveries = queue.receive(0).delivered
    queue.hold_back(deliveries[0].message, 1)
    queue.delete(0, deliveries[0].receipt_handle)
    assert bodies(queue.receive(10_000)) == ["b"]


def test_S17_fifo_queue_holds_nothing_back():
    queue = queue_of("g1", fifo=True)
    with pytest.raises(ValueError, match="S17"):
        queue.hold_back(queue.messages()[0], 1)


def test_newest_message_is_the_one_that_was_enqueued_last():
    queue = queue_of("a", "b")
    assert queue.newest().body == "b"
    queue.purge(0)
    with pytest.raises(LookupError):
        queue.newest()
