"""S24: retrying a receive with the same ``ReceiveRequestAttemptId``."""

import random

import pytest

from redrive.simulator import Queue, QueueConfig, SqsError

FIVE_MINUTES_MS = 300_000


def fifo_queue(*bodies, **config):
    """A FIFO queue that hides messages for 10 seconds. Body ``g1`` is of message group ``g``."""
    queue = Queue(QueueConfig(fifo=True, **{"visibility_timeout_s": 10} | config), rng=random.Random(1))
    for body in bodies:
        queue.send(0, body, group=body[0], deduplication_id=body)
    return queue


def bodies(received):
    return [delivery.message.body for delivery in received.delivered]


def test_S24_retry_gets_the_same_messages_with_the_same_receipt_handles():
    queue = fifo_queue("g1", "g2", "h1", "i1")
    first = queue.receive(0, most=3, attempt_id="try")
    assert bodies(first) == ["g1", "g2", "h1"]
    assert queue.receive(1_000, most=3, attempt_id="try") == first
    assert queue.receive(2_000, attempt_id="try") == first, "however many it asks for"
    queue.delete(2_000, first.delivered[0].receipt_handle)
    assert bodies(queue.receive(2_000)) == ["i1"]


def test_S24_retry_does_not_raise_the_receive_count():
    queue = fifo_queue("g1")
    queue.receive(0, attempt_id="try")
    (delivery,) = queue.receive(1_000, attempt_id="try").delivered
    assert (delivery.receive_count, delivery.message.receive_count) == (1, 1)
    assert queue.in_flight == 1


def test_S24_retry_hides_the_messages_anew():
    queue = fifo_queue("g1")
    queue.receive(0, attempt_id="try")
    queue.receive(9_999, attempt_id="try")
    assert bodies(queue.receive(19_998)) == []
    assert bodies(queue.receive(19_999)) == ["g1"]


def test_S24_retry_may_be_retried():
    queue = fifo_queue("g1")
    first = queue.receive(0, attempt_id="try")
    for at_ms in range(9_000, 90_000, 9_000):
        assert queue.receive(at_ms, attempt_id="try") == first


def test_S24_another_attempt_is_a_receive_of_its_own():
    queue = fifo_queue("g1", "h1")
    assert bodies(queue.receive(0, most=1, attempt_id="one")) == ["g1"]
    assert bodies(queue.receive(0, attempt_id="two")) == ["h1"]
    assert bodies(queue.receive(0)) == []
    assert bodies(queue.receive(0, attempt_id="one")) == ["g1"]


def test_S24_attempt_is_forgotten_after_5_minutes_however_often_it_was_retried():
    queue = fifo_queue("g1", visibility_timeout_s=200)
    first = queue.receive(0, attempt_id="try")
    assert queue.receive(150_000, attempt_id="try") == first
    assert queue.receive(FIVE_MINUTES_MS - 1, attempt_id="try") == first
    assert bodies(queue.receive(FIVE_MINUTES_MS, attempt_id="try")) == []


def test_S24_message_that_was_deleted_makes_the_retry_a_receive_of_its_own():
    queue = fifo_queue("g1", "g2", "h1")
    first, _ = queue.receive(0, most=2, attempt_id="try").delivered
    queue.delete(0, first.receipt_handle)
    assert bodies(queue.receive(1_000, attempt_id="try")) == ["h1"]
    assert bodies(queue.receive(2_000, attempt_id="try")) == ["h1"], "which can be retried in its turn"


def test_S24_receive_of_its_own_begins_5_minutes_of_its_own():
    queue = fifo_queue("g1", "h1", visibility_timeout_s=200)
    (first,) = queue.receive(0, most=1, attempt_id="try").delivered
    queue.delete(0, first.receipt_handle)
    second = queue.receive(200_000, attempt_id="try")
    assert bodies(second) == ["h1"]
    assert queue.receive(FIVE_MINUTES_MS, attempt_id="try") == second
    assert queue.receive(499_999, attempt_id="try") == second
    assert bodies(queue.receive(500_000, attempt_id="try")) == []


def test_S24_visibility_that_was_changed_makes_the_retry_a_receive_of_its_own():
    queue = fifo_queue("g1", "h1")
    (first,) = queue.receive(0, most=1, attempt_id="try").delivered
    queue.change_visibility(1_000, first.receipt_handle, 60)
    assert bodies(queue.receive(1_000, attempt_id="try")) == ["h1"]


def test_S24_message_that_is_visible_again_makes_the_retry_a_receive_of_its_own():
    queue = fifo_queue("g1")
    (first,) = queue.receive(0, attempt_id="try").delivered
    (again,) = queue.receive(10_000, attempt_id="try").delivered
    assert again.receive_count == 2
    assert again.receipt_handle != first.receipt_handle


def test_S24_message_that_expired_makes_the_retry_a_receive_of_its_own():
    queue = fifo_queue("g1", retention_s=60, visibility_timeout_s=100)
    queue.receive(0, attempt_id="try")
    assert queue.receive(60_000, attempt_id="try") == ((), ())


def test_S24_attempt_that_got_nothing_is_a_receive_like_any_other():
    queue = fifo_queue()
    assert bodies(queue.receive(0, attempt_id="try")) == []
    queue.send(1_000, "g1", group="g", deduplication_id="g1")
    assert bodies(queue.receive(1_000, attempt_id="try")) == ["g1"]


def test_S24_retry_of_a_receive_that_filled_the_limit_of_messages_in_flight():
    queue = fifo_queue("g1", "h1", in_flight_limit=1)
    first = queue.receive(0, attempt_id="try")
    assert queue.receive(0, attempt_id="other") == ((), ())
    assert queue.receive(0, attempt_id="try") == first


def test_S24_standard_queue_has_no_receive_attempts():
    queue = Queue(QueueConfig(), rng=random.Random(1))
    queue.send(0, "a")
    with pytest.raises(SqsError) as raised:
        queue.receive(0, attempt_id="try")
    assert raised.value.code == "InvalidParameterValue"
    assert bodies(queue.receive(0)) == ["a"]


@pytest.mark.parametrize("attempt_id", ["", "two words", "a" * 129])
def test_S24_attempt_id_is_1_to_128_letters_digits_and_punctuation(attempt_id):
    queue = fifo_queue("g1")
    with pytest.raises(SqsError) as raised:
        queue.receive(0, attempt_id=attempt_id)
    assert raised.value.code == "InvalidParameterValue"
    assert bodies(queue.receive(0)) == ["g1"]
