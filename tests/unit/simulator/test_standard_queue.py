"""S14, S16, S17, S21 and S22: delay, number, order, repetition and digests on standard queues."""

import random

import pytest

from redrive.fixtures.event_builder import MessageAttribute, md5_of_body, md5_of_message_attributes
from redrive.simulator import Queue, QueueConfig, SqsError


def queue_of(*bodies, seed=1, shuffled=False, **config):
    queue = Queue(QueueConfig(**config), rng=random.Random(seed), shuffled=shuffled)
    for body in bodies:
        queue.send(0, body)
    return queue


def bodies(received):
    return [delivery.message.body for delivery in received.delivered]


def all_bodies(queue):
    """What one receive after the other hands out, until nothing is left."""
    received = []
    while more := bodies(queue.receive(0)):
        received += more
    return received


def test_S14_message_with_a_delay_is_hidden_until_it_is_over():
    queue = queue_of()
    queue.send(1_000, "a", delay_s=5)
    assert bodies(queue.receive(5_999)) == []
    assert bodies(queue.receive(6_000)) == ["a"]


def test_S14_delay_of_the_message_goes_before_that_of_the_queue():
    queue = queue_of(delay_s=60)
    queue.send(0, "queue's")
    queue.send(0, "own", delay_s=0)
    assert bodies(queue.receive(0)) == ["own"]
    assert "queue's" in bodies(queue.receive(60_000))


@pytest.mark.parametrize("delay_s", [-1, 901])
def test_S14_delay_is_0_to_900_seconds(delay_s):
    with pytest.raises(SqsError) as raised:
        queue_of().send(0, "a", delay_s=delay_s)
    assert raised.value.code == "InvalidParameterValue"
    with pytest.raises(SqsError) as raised:
        QueueConfig(delay_s=delay_s)
    assert raised.value.code == "InvalidAttributeValue"


def test_S14_fifo_message_has_no_delay_of_its_own():
    queue = queue_of(fifo=True)
    with pytest.raises(SqsError) as raised:
        queue.send(0, "a", group="g", deduplication_id="a", delay_s=1)
    assert raised.value.code == "InvalidParameterValue"
    assert len(queue) == 0


def test_S14_fifo_queue_delays_all_its_messages():
    queue = queue_of(fifo=True, delay_s=60)
    queue.send(0, "a", group="g", deduplication_id="a")
    queue.send(1_000, "b", group="g", deduplication_id="b")
    assert bodies(queue.receive(59_999)) == []
    assert bodies(queue.receive(60_000)) == ["a"]


@pytest.mark.parametrize("most", [0, 11])
def test_S16_a_receive_asks_for_1_to_10_messages(most):
    with pytest.raises(SqsError) as raised:
        queue_of("a").receive(0, most=most)
    assert raised.value.code == "InvalidParameterValue"


@pytest.mark.parametrize("fifo", [False, True])
def test_S16_a_receive_returns_no_more_than_asked_for(fifo):
    queue = Queue(QueueConfig(fifo=fifo), rng=random.Random(1))
    for number in range(25):
        queue.send(0, str(number), group=str(number % 3), deduplication_id=str(number) if fifo else None)
    assert len(queue.receive(0, most=2).delivered) == 2
    assert len(queue.receive(0).delivered) <= 10


def test_S16_a_receive_returns_fewer_where_fewer_are_visible():
    assert bodies(queue_of("a", "b").receive(0, most=10)) == ["a", "b"]


def test_S16_a_receive_at_times_returns_fewer_than_are_there_but_never_none():
    letters = "abcdefgh"
    numbers = [len(queue_of(*letters, seed=seed, shuffled=True).receive(0, most=5).delivered) for seed in range(200)]
    assert set(numbers) == {1, 2, 3, 4, 5}
    assert numbers.count(5) > 100
    assert sorted(all_bodies(queue_of(*letters, seed=0, shuffled=True))) == list(letters)


def test_S16_a_receive_that_is_not_shuffled_returns_what_is_there():
    assert all(len(queue_of(*"abcdefgh", seed=seed).receive(0, most=5).delivered) == 5 for seed in range(50))


def test_S17_message_may_be_delivered_twice_at_the_same_time():
    queue = queue_of("a", visibility_timeout_s=30)
    (first,) = queue.receive(0).delivered
    queue.deliver_again(1_000, first.message)
    (second,) = queue.receive(1_000).delivered
    assert (second.message.message_id, second.receive_count) == (first.message.message_id, 2)


def test_S17_message_may_be_delivered_again_after_it_was_deleted():
    queue = queue_of("a")
    (first,) = queue.receive(0).delivered
    queue.delete(0, first.receipt_handle)
    queue.deliver_again(3_600_000, first.message)
    (second,) = queue.receive(3_600_000).delivered
    queue.delete(3_600_000, second.receipt_handle)
    assert bodies(queue.receive(9_999_999)) == []
    assert len(queue) == 0


def test_S17_these_very_messages_may_be_delivered_again_before_others():
    queue = queue_of("a", "b", "c")
    taken = queue.receive(0, most=2).delivered
    again = queue.receive_again(0, [delivery.message for delivery in taken])
    assert [(d.message.body, d.receive_count) for d in again.delivered] == [("a", 2), ("b", 2)]
    assert bodies(queue.receive(0)) == ["c"]


@pytest.mark.parametrize("visibility_timeout_s", [0, 30])
def test_S17_duplicate_of_one_message_does_not_come_twice_in_one_receive(visibility_timeout_s):
    queue = queue_of("a")
    (first,) = queue.receive(0).delivered
    queue.deliver_again(0, first.message)
    queue.deliver_again(0, first.message)
    assert bodies(queue.receive(0, visibility_timeout_s=visibility_timeout_s)) == ["a"]


def test_S17_message_in_the_dead_letter_queue_does_not_come_again_in_its_source_queue():
    dead_letters = queue_of()
    queue = Queue(
        QueueConfig(max_receive_count=1, visibility_timeout_s=10), rng=random.Random(1), dead_letters=dead_letters
    )
    queue.send(0, "a")
    (delivery,) = queue.receive(0).delivered
    queue.receive(10_000)
    assert queue.deliver_again(20_000, delivery.message) is False
    assert queue.receive_again(20_000, [delivery.message]).delivered == ()
    assert queue.receive(20_000) == ((), ())
    assert (len(queue), len(dead_letters)) == (0, 1)


def test_S17_fifo_queue_delivers_nothing_twice():
    queue = Queue(QueueConfig(fifo=True), rng=random.Random(1))
    queue.send(0, "a", group="g", deduplication_id="a")
    (delivery,) = queue.receive(0).delivered
    with pytest.raises(ValueError, match="S17"):
        queue.deliver_again(0, delivery.message)
    with pytest.raises(ValueError, match="S17"):
        queue.receive_again(0, [delivery.message])


def test_S17_best_effort_order_is_any_order_and_the_seed_decides_it():
    letters = "abcdefgh"
    orders = {seed: all_bodies(queue_of(*letters, seed=seed, shuffled=True)) for seed in range(20)}
    assert all(sorted(order) == list(letters) for order in orders.values())
    assert len({tuple(order) for order in orders.values()}) > 10
    assert all_bodies(queue_of(*letters, seed=3, shuffled=True)) == orders[3]


def test_S21_message_group_on_a_standard_queue_blocks_nothing():
    queue = queue_of()
    queue.send(0, "a", group="tenant")
    queue.send(0, "b", group="tenant")
    assert bodies(queue.receive(0, most=1)) == ["a"]
    assert bodies(queue.receive(0, most=1)) == ["b"]


def test_S21_message_group_on_a_standard_queue_keeps_no_order():
    def order(seed):
        queue = queue_of(seed=seed, shuffled=True)
        for body in "abcd":
            queue.send(0, body, group="tenant")
        return all_bodies(queue)

    assert any(order(seed) != list("abcd") for seed in range(20))


def test_S21_message_group_on_a_standard_queue_is_a_system_attribute():
    queue = queue_of()
    sent = queue.send(0, "a", group="tenant")
    (delivery,) = queue.receive(0).delivered
    assert delivery.message.system_attributes(1)["MessageGroupId"] == "tenant"
    assert sent.sequence_number is None


@pytest.mark.parametrize("group", ["", "two words", "g" * 129, "ä"])
def test_S21_message_group_on_a_standard_queue_has_the_same_limits(group):
    queue = queue_of()
    with pytest.raises(SqsError) as raised:
        queue.send(0, "a", group=group)
    assert raised.value.code == "InvalidParameterValue"
    assert len(queue) == 0


def test_S22_send_answers_with_the_digests_of_the_exact_bytes():
    attributes = {"version": MessageAttribute.string("ü")}
    queue = queue_of()
    sent = queue.send(0, " ä\r\n", message_attributes=attributes)
    assert sent.md5_of_body == md5_of_body(" ä\r\n") == queue.messages()[0].md5_of_body
    assert sent.md5_of_message_attributes == md5_of_message_attributes(attributes)


def test_S22_without_message_attributes_there_is_no_digest_of_them():
    assert queue_of().send(0, "a").md5_of_message_attributes is None
