"""S18 to S20: message groups, deduplication and sequence numbers."""

import hashlib
import random

import pytest

from redrive.fixtures.event_builder import MessageAttribute, md5_of_body
from redrive.simulator import Queue, QueueConfig, SqsError
from redrive.simulator.queue_config import DeduplicationScope

FIVE_MINUTES_MS = 300_000


def fifo_queue(*bodies, **config):
    """A FIFO queue that hides messages for 10 seconds. Body ``g1`` is of message group ``g``."""
    queue = Queue(QueueConfig(fifo=True, visibility_timeout_s=10, **config), rng=random.Random(1))
    for body in bodies:
        queue.send(0, body, group=body[0], deduplication_id=body)
    return queue


def bodies(received):
    return [delivery.message.body for delivery in received.delivered]


def test_S18_message_group_comes_in_send_order():
    queue = fifo_queue("g1", "g2", "g3")
    assert bodies(queue.receive(0)) == ["g1", "g2", "g3"]


def test_S18_message_group_with_a_message_in_flight_delivers_nothing_else():
    queue = fifo_queue("g1", "g2")
    assert bodies(queue.receive(0, most=1)) == ["g1"]
    assert bodies(queue.receive(9_999)) == []


def test_S18_message_group_goes_on_once_all_in_flight_are_deleted():
    queue = fifo_queue("g1", "g2", "g3")
    first, second = queue.receive(0, most=2).delivered
    queue.delete(0, first.receipt_handle)
    assert bodies(queue.receive(0)) == []
    queue.delete(0, second.receipt_handle)
    assert bodies(queue.receive(0)) == ["g3"]


def test_S18_message_that_is_visible_again_comes_before_later_ones_of_its_group():
    queue = fifo_queue("g1", "g2")
    queue.receive(0, most=1)
    assert bodies(queue.receive(10_000)) == ["g1", "g2"]


def test_S18_message_group_waits_for_the_last_message_in_flight_to_be_visible_again():
    queue = fifo_queue("g1", "g2", "g3")
    _, second = queue.receive(0, most=2).delivered
    queue.change_visibility(0, second.receipt_handle, 60)
    assert bodies(queue.receive(10_000)) == []
    assert bodies(queue.receive(59_999)) == []
    assert bodies(queue.receive(60_000)) == ["g1", "g2", "g3"]


def test_S18_message_group_in_flight_does_not_hold_up_other_groups():
    queue = fifo_queue("g1", "g2", "h1", "h2")
    assert bodies(queue.receive(0, most=1)) == ["g1"]
    assert bodies(queue.receive(0, most=1)) == ["h1"]
    assert bodies(queue.receive(0)) == []


def test_S18_receive_takes_as_many_as_it_can_from_one_group_first():
    queue = fifo_queue("g1", "h1", "g2", "h2", "g3", "h3")
    assert bodies(queue.receive(0, most=4)) == ["g1", "g2", "g3", "h1"]


def test_S18_message_sent_to_a_group_in_flight_waits():
    queue = fifo_queue("g1")
    (delivery,) = queue.receive(0).delivered
    queue.send(0, "g2", group="g", deduplication_id="g2")
    assert bodies(queue.receive(0)) == []
    queue.delete(0, delivery.receipt_handle)
    assert bodies(queue.receive(0)) == ["g2"]


def test_S19_same_deduplication_id_within_5_minutes_enqueues_nothing():
    queue = fifo_queue()
    queue.send(0, "a", group="g", deduplication_id="one")
    again = queue.send(FIVE_MINUTES_MS - 1, "b", group="g", deduplication_id="one")
    assert again.enqueued is False
    assert [message.body for message in queue.messages()] == ["a"]


def test_S19_same_deduplication_id_after_5_minutes_is_a_new_message():
    queue = fifo_queue()
    first = queue.send(0, "a", group="g", deduplication_id="one")
    again = queue.send(FIVE_MINUTES_MS, "b", group="g", deduplication_id="one")
    assert again.enqueued is True
    assert again.message_id != first.message_id
    assert len(queue) == 2


def test_S19_duplicate_answers_with_the_first_message_id_and_sequence_number():
    queue = fifo_queue()
    first = queue.send(0, "a", group="g", deduplication_id="one")
    again = queue.send(1_000, "b", group="g", deduplication_id="one")
    assert again[:2] == first[:2]


def test_S19_deduplication_outlives_the_first_message():
    queue = fifo_queue("g1")
    queue.delete(0, queue.receive(0).delivered[0].receipt_handle)
    assert queue.send(1_000, "g1", group="g", deduplication_id="g1").enqueued is False
    assert len(queue) == 0


def test_S19_duplicate_does_not_prolong_the_5_minutes():
    queue = fifo_queue()
    queue.send(0, "a", group="g", deduplication_id="one")
    queue.send(FIVE_MINUTES_MS - 1, "a", group="g", deduplication_id="one")
    assert queue.send(FIVE_MINUTES_MS, "a", group="g", deduplication_id="one").enqueued is True


def test_S19_new_message_begins_5_minutes_of_its_own():
    queue = fifo_queue()
    queue.send(0, "a", group="g", deduplication_id="one")
    queue.send(FIVE_MINUTES_MS, "a", group="g", deduplication_id="one")
    assert queue.send(2 * FIVE_MINUTES_MS - 1, "a", group="g", deduplication_id="one").enqueued is False
    assert queue.send(2 * FIVE_MINUTES_MS, "a", group="g", deduplication_id="one").enqueued is True


def test_S19_scope_is_the_queue_whatever_the_message_group():
    queue = fifo_queue()
    queue.send(0, "a", group="g", deduplication_id="one")
    assert queue.send(0, "b", group="h", deduplication_id="one").enqueued is False
    assert fifo_queue().send(0, "a", group="g", deduplication_id="one").enqueued is True


def test_S19_scope_may_be_the_message_group():
    queue = fifo_queue(deduplication_scope=DeduplicationScope.MESSAGE_GROUP)
    first = queue.send(0, "a", group="g", deduplication_id="one")
    assert queue.send(0, "b", group="h", deduplication_id="one").enqueued is True
    again = queue.send(FIVE_MINUTES_MS - 1, "c", group="g", deduplication_id="one")
    assert (again.enqueued, again.message_id) == (False, first.message_id)
    assert queue.send(FIVE_MINUTES_MS, "c", group="g", deduplication_id="one").enqueued is True


def test_S19_duplicate_answers_with_the_digest_of_what_it_brought():
    queue = fifo_queue()
    queue.send(0, "a", group="g", deduplication_id="one")
    assert queue.send(0, "b", group="g", deduplication_id="one").md5_of_body == md5_of_body("b")


def test_S19_content_based_deduplication_is_the_sha256_of_the_body():
    queue = fifo_queue(content_based_deduplication=True)
    queue.send(0, "ä", group="g")
    (message,) = queue.messages()
    assert message.deduplication_id == hashlib.sha256("ä".encode()).hexdigest()
    assert queue.send(0, "ä", group="g").enqueued is False
    assert queue.send(0, "b", group="g").enqueued is True


def test_S19_content_based_deduplication_leaves_message_attributes_out():
    queue = fifo_queue(content_based_deduplication=True)
    queue.send(0, "a", group="g")
    other = {"version": MessageAttribute.string("2")}
    assert queue.send(0, "a", group="g", message_attributes=other).enqueued is False


def test_S19_given_deduplication_id_goes_before_the_content():
    queue = fifo_queue(content_based_deduplication=True)
    queue.send(0, "a", group="g", deduplication_id="one")
    assert queue.send(0, "a", group="g", deduplication_id="two").enqueued is True
    assert queue.send(0, "b", group="g", deduplication_id="one").enqueued is False


def test_S19_explicit_id_equal_to_the_content_hash_is_a_duplicate_of_the_content():
    queue = fifo_queue(content_based_deduplication=True)
    queue.send(0, "a", group="g")
    assert queue.send(0, "b", group="g", deduplication_id=hashlib.sha256(b"a").hexdigest()).enqueued is False


def test_S19_without_content_based_deduplication_the_id_is_required():
    queue = fifo_queue()
    with pytest.raises(SqsError) as raised:
        queue.send(0, "a", group="g")
    assert raised.value.code == "InvalidParameterValue"
    assert len(queue) == 0


@pytest.mark.parametrize("deduplication_id", ["", "two words", "d" * 129, "\n"])
@pytest.mark.parametrize("content_based", [False, True])
def test_S19_deduplication_id_is_1_to_128_letters_digits_and_punctuation(deduplication_id, content_based):
    queue = fifo_queue(content_based_deduplication=content_based)
    with pytest.raises(SqsError) as raised:
        queue.send(0, "a", group="g", deduplication_id=deduplication_id)
    assert raised.value.code == "InvalidParameterValue"
    assert len(queue) == 0


def test_S19_standard_queue_refuses_a_deduplication_id():
    queue = Queue(QueueConfig(), rng=random.Random(1))
    with pytest.raises(SqsError) as raised:
        queue.send(0, "a", deduplication_id="one")
    assert raised.value.code == "InvalidParameterValue"
    assert len(queue) == 0


def test_S19_standard_queue_does_not_deduplicate():
    queue = Queue(QueueConfig(), rng=random.Random(1))
    assert queue.send(0, "a").enqueued
    assert queue.send(0, "a").enqueued
    assert len(queue) == 2


@pytest.mark.parametrize("group", [None, ""])
def test_S20_fifo_send_needs_a_message_group(group):
    queue = fifo_queue()
    with pytest.raises(SqsError) as raised:
        queue.send(0, "a", group=group, deduplication_id="a")
    assert raised.value.code == "MissingParameter"
    assert len(queue) == 0


@pytest.mark.parametrize("group", ["two words", "g" * 129, "ä", "\t"])
def test_S20_message_group_is_1_to_128_letters_digits_and_punctuation(group):
    queue = fifo_queue()
    with pytest.raises(SqsError) as raised:
        queue.send(0, "a", group=group, deduplication_id="a")
    assert raised.value.code == "InvalidParameterValue"
    assert len(queue) == 0


@pytest.mark.parametrize("group", ["g", "G" * 128, "aZ09!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"])
def test_S20_every_letter_digit_and_punctuation_mark_is_allowed(group):
    assert fifo_queue().send(0, "a", group=group, deduplication_id=group).enqueued


def test_S20_sequence_numbers_have_20_digits_and_grow():
    queue = fifo_queue()
    numbers = [queue.send(at, str(at), group="gh"[at % 2], deduplication_id=str(at)).sequence_number for at in range(9)]
    assert all(len(number) == 20 and number.isdecimal() for number in numbers)
    assert numbers == sorted(set(numbers))
