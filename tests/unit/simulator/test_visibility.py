"""S05 to S09: the visibility timeout, receive counts, receipt handles and deletion."""

import random

import pytest

from redrive.simulator import Queue, QueueConfig, SqsError

HOUR_S = 3_600


def queue_of(*bodies, **config):
    """A queue with these messages, sent at 0; FIFO ones are all of one message group."""
    queue = Queue(QueueConfig(**config), rng=random.Random(1))
    for body in bodies:
        queue.send(0, body, group="g" if queue.is_fifo else None, deduplication_id=body if queue.is_fifo else None)
    return queue


def bodies(received):
    return [delivery.message.body for delivery in received.delivered]


@pytest.mark.parametrize("timeout_s", [-1, 43_201])
def test_S05_visibility_timeout_is_0_to_43200_seconds(timeout_s):
    with pytest.raises(SqsError) as raised:
        QueueConfig(visibility_timeout_s=timeout_s)
    assert raised.value.code == "InvalidAttributeValue"
    queue = queue_of("a")
    with pytest.raises(SqsError) as raised:
        queue.receive(0, visibility_timeout_s=timeout_s)
    assert raised.value.code == "InvalidParameterValue"
    assert bodies(queue.receive(0)) == ["a"]


@pytest.mark.parametrize("timeout_s", [0, 43_200])
def test_S05_both_ends_of_the_range_are_allowed(timeout_s):
    queue = queue_of("a", visibility_timeout_s=timeout_s)
    queue.receive(0)
    assert bodies(queue.receive(timeout_s * 1000)) == ["a"]


def test_S05_visibility_timeout_is_30_seconds_by_default():
    assert QueueConfig().visibility_timeout_s == 30


@pytest.mark.parametrize("fifo", [False, True])
def test_S05_received_message_is_hidden_until_its_visibility_timeout_ends(fifo):
    queue = queue_of("a", fifo=fifo, visibility_timeout_s=30)
    assert bodies(queue.receive(1_000)) == ["a"]
    assert bodies(queue.receive(30_999)) == []
    assert bodies(queue.receive(31_000)) == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
def test_S05_receive_may_name_another_visibility_timeout(fifo):
    queue = queue_of("a", fifo=fifo, visibility_timeout_s=30)
    queue.receive(0, visibility_timeout_s=5)
    assert bodies(queue.receive(4_999)) == []
    assert bodies(queue.receive(5_000)) == ["a"]


def test_S05_next_change_is_the_end_of_the_first_visibility_timeout_that_still_matters():
    queue = queue_of("a", "b", visibility_timeout_s=30)
    assert queue.next_change_ms() is None
    (first,) = queue.receive(0, most=1).delivered
    (second,) = queue.receive(5_000, most=1).delivered
    assert queue.next_change_ms() == 30_000
    queue.delete(6_000, first.receipt_handle)
    assert queue.next_change_ms() == 35_000
    queue.change_visibility(7_000, second.receipt_handle, 60)
    assert queue.next_change_ms() == 67_000
    queue.delete(8_000, second.receipt_handle)
    assert queue.next_change_ms() is None


def test_S05_one_receive_gives_a_message_once_even_without_a_visibility_timeout():
    queue = queue_of("a", visibility_timeout_s=0)
    assert bodies(queue.receive(0)) == ["a"]
    assert bodies(queue.receive(0)) == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
@pytest.mark.parametrize(("timeout_s", "visible_ms"), [(60, 70_000), (5, 15_000)])
def test_S06_change_counts_from_now_and_may_lengthen_or_shorten(fifo, timeout_s, visible_ms):
    queue = queue_of("a", fifo=fifo, visibility_timeout_s=30)
    (delivery,) = queue.receive(0).delivered
    queue.change_visibility(10_000, delivery.receipt_handle, timeout_s)
    assert bodies(queue.receive(visible_ms - 1)) == []
    assert bodies(queue.receive(visible_ms)) == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
def test_S06_change_to_0_makes_visible_at_once(fifo):
    queue = queue_of("a", fifo=fifo)
    (delivery,) = queue.receive(0).delivered
    queue.change_visibility(1, delivery.receipt_handle, 0)
    assert bodies(queue.receive(1)) == ["a"]


def test_S06_change_acts_on_one_receipt():
    queue = queue_of("a", "b", visibility_timeout_s=30)
    first, _ = queue.receive(0).delivered
    queue.change_visibility(1_000, first.receipt_handle, 0)
    assert bodies(queue.receive(1_000)) == ["a"]


@pytest.mark.parametrize("timeout_s", [-1, 43_201])
def test_S06_change_is_0_to_43200_seconds(timeout_s):
    queue = queue_of("a")
    (delivery,) = queue.receive(0).delivered
    with pytest.raises(SqsError) as raised:
        queue.change_visibility(0, delivery.receipt_handle, timeout_s)
    assert raised.value.code == "InvalidParameterValue"


def test_S06_total_is_at_most_12_hours_from_the_receive():
    queue = queue_of("a", visibility_timeout_s=2 * HOUR_S)
    (delivery,) = queue.receive(0).delivered
    with pytest.raises(SqsError) as raised:
        queue.change_visibility(HOUR_S * 1000, delivery.receipt_handle, 11 * HOUR_S + 1)
    assert raised.value.code == "InvalidParameterValue"
    queue.change_visibility(HOUR_S * 1000, delivery.receipt_handle, 11 * HOUR_S)
    assert bodies(queue.receive(12 * HOUR_S * 1000 - 1)) == []


def test_S06_next_delivery_has_12_hours_of_its_own():
    queue = queue_of("a", visibility_timeout_s=HOUR_S)
    queue.receive(0)
    (second,) = queue.receive(HOUR_S * 1000).delivered
    queue.change_visibility(HOUR_S * 1000, second.receipt_handle, 12 * HOUR_S)
    assert bodies(queue.receive(13 * HOUR_S * 1000 - 1)) == []


def test_S06_refused_change_leaves_the_visibility_timeout_as_it_was():
    queue = queue_of("a", visibility_timeout_s=30)
    (delivery,) = queue.receive(0).delivered
    with pytest.raises(SqsError):
        queue.change_visibility(1_000, delivery.receipt_handle, 43_200)
    assert bodies(queue.receive(30_000)) == ["a"]


def test_S06_old_receipt_does_not_hide_a_message_that_is_visible_again_and_says_so_to_nobody():
    queue = queue_of("a", visibility_timeout_s=30)
    (delivery,) = queue.receive(0).delivered
    queue.change_visibility(30_000, delivery.receipt_handle, 60)
    assert bodies(queue.receive(30_000)) == ["a"]


@pytest.mark.parametrize("timeout_s", [0, 300])
def test_S06_old_receipt_leaves_a_message_alone_that_was_received_again(timeout_s):
    queue = queue_of("a", visibility_timeout_s=30)
    (first,) = queue.receive(0).delivered
    queue.receive(30_000)
    queue.change_visibility(31_000, first.receipt_handle, timeout_s)
    assert bodies(queue.receive(59_999)) == []
    assert bodies(queue.receive(60_000)) == ["a"]


def test_S06_expired_receipt_of_a_fifo_queue_is_refused():
    queue = queue_of("a", fifo=True, visibility_timeout_s=30)
    (delivery,) = queue.receive(0).delivered
    with pytest.raises(SqsError) as raised:
        queue.change_visibility(30_000, delivery.receipt_handle, 60)
    assert raised.value.code == "InvalidParameterValue"
    assert bodies(queue.receive(30_000)) == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
def test_S06_visibility_of_a_message_that_is_gone_is_not_to_be_changed(fifo):
    queue = queue_of("a", fifo=fifo)
    (delivery,) = queue.receive(0).delivered
    queue.delete(0, delivery.receipt_handle)
    with pytest.raises(SqsError, match="Message does not exist") as raised:
        queue.change_visibility(0, delivery.receipt_handle, 60)
    assert raised.value.code == "InvalidParameterValue"


def test_S06_queues_timeout_counts_again_at_the_next_receive():
    queue = queue_of("a", visibility_timeout_s=30)
    (delivery,) = queue.receive(0).delivered
    queue.change_visibility(0, delivery.receipt_handle, 300)
    queue.receive(300_000)
    assert bodies(queue.receive(330_000)) == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
def test_S07_every_receive_raises_the_receive_count(fifo):
    queue = queue_of("a", fifo=fifo, visibility_timeout_s=10)
    counts = [queue.receive(at_s * 1000).delivered[0].receive_count for at_s in (0, 10, 20)]
    assert counts == [1, 2, 3]


@pytest.mark.parametrize("fifo", [False, True])
def test_S07_time_of_the_first_receive_is_kept(fifo):
    queue = queue_of("a", fifo=fifo, visibility_timeout_s=10)
    queue.receive(5_000)
    (again,) = queue.receive(60_000).delivered
    assert again.message.first_received_ms == 5_000


def test_S07_receive_count_and_first_receive_go_on_in_the_dead_letter_queue():
    dead_letters = queue_of()
    queue = Queue(
        QueueConfig(max_receive_count=2, visibility_timeout_s=10), rng=random.Random(1), dead_letters=dead_letters
    )
    queue.send(0, "a")
    for at_s in (1, 11, 21):
        queue.receive(at_s * 1000)
    (delivery,) = dead_letters.receive(60_000).delivered
    assert delivery.receive_count == 3
    assert delivery.message.first_received_ms == 1_000


@pytest.mark.parametrize("fifo", [False, True])
def test_S08_each_receive_gives_a_new_receipt_handle(fifo):
    queue = queue_of("a", fifo=fifo, visibility_timeout_s=10)
    handles = [queue.receive(at_s * 1000).delivered[0].receipt_handle for at_s in (0, 10, 20)]
    assert len(set(handles)) == 3


def test_S08_old_handle_of_a_standard_queue_still_deletes_a_visible_message():
    queue = queue_of("a", visibility_timeout_s=10)
    (delivery,) = queue.receive(0).delivered
    queue.delete(10_000, delivery.receipt_handle)
    assert bodies(queue.receive(10_000)) == []
    assert len(queue) == 0


def test_S08_old_handle_of_a_standard_queue_still_deletes_a_message_received_since():
    queue = queue_of("a", visibility_timeout_s=10)
    (first,) = queue.receive(0).delivered
    queue.receive(10_000)
    queue.delete(11_000, first.receipt_handle)
    assert bodies(queue.receive(99_000)) == []
    assert len(queue) == 0


def test_S08_fifo_deletes_until_the_visibility_timeout_ends():
    queue = queue_of("a", fifo=True, visibility_timeout_s=10)
    (delivery,) = queue.receive(0).delivered
    queue.delete(9_999, delivery.receipt_handle)
    assert len(queue) == 0


def test_S08_fifo_delete_after_the_visibility_timeout_fails():
    queue = queue_of("a", fifo=True, visibility_timeout_s=10)
    (delivery,) = queue.receive(0).delivered
    with pytest.raises(SqsError) as raised:
        queue.delete(10_000, delivery.receipt_handle)
    assert raised.value.code == "InvalidParameterValue"
    assert bodies(queue.receive(10_000)) == ["a"]


def test_S08_fifo_delete_with_the_handle_of_an_earlier_receive_fails():
    queue = queue_of("a", fifo=True, visibility_timeout_s=10)
    (first,) = queue.receive(0).delivered
    queue.receive(10_000)
    with pytest.raises(SqsError):
        queue.delete(10_001, first.receipt_handle)
    assert len(queue) == 1


@pytest.mark.parametrize("handle", ["", "AQEB", "AQEBzz.1.x", "AQEB1.2", "something else"])
def test_S08_string_that_no_receive_gave_is_no_receipt_handle(handle):
    queue = queue_of("a")
    with pytest.raises(SqsError) as raised:
        queue.delete(0, handle)
    assert raised.value.code == "ReceiptHandleIsInvalid"


@pytest.mark.parametrize("fifo", [False, True])
def test_S08_receipt_handle_of_another_queue_is_none_here(fifo):
    here, elsewhere = queue_of("a", fifo=fifo, name="here"), queue_of("a", fifo=fifo, name="elsewhere")
    (delivery,) = elsewhere.receive(0).delivered
    here.receive(0)
    for use in (here.delete, lambda at_ms, handle: here.change_visibility(at_ms, handle, 60)):
        with pytest.raises(SqsError) as raised:
            use(0, delivery.receipt_handle)
        assert raised.value.code == "ReceiptHandleIsInvalid"
    assert (len(here), len(elsewhere)) == (1, 1)


def test_S08_receipt_handle_of_another_queue_of_the_same_name_deletes_nothing_here():
    here = queue_of("a")
    elsewhere = Queue(QueueConfig(), rng=random.Random(2))
    elsewhere.send(0, "b")
    here.delete(0, elsewhere.receive(0).delivered[0].receipt_handle)
    assert bodies(here.receive(0)) == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
def test_S09_deleting_twice_succeeds(fifo):
    queue = queue_of("a", "b", fifo=fifo)
    first, _ = queue.receive(0).delivered
    queue.delete(0, first.receipt_handle)
    queue.delete(0, first.receipt_handle)
    assert [message.body for message in queue.messages()] == ["b"]


@pytest.mark.parametrize("fifo", [False, True])
def test_S09_deleting_a_message_that_is_gone_succeeds(fifo):
    dead_letters = queue_of(fifo=fifo)
    queue = Queue(
        QueueConfig(fifo=fifo, max_receive_count=1, visibility_timeout_s=10),
        rng=random.Random(1),
        dead_letters=dead_letters,
    )
    queue.send(0, "a", group="g", deduplication_id="a" if fifo else None)
    (delivery,) = queue.receive(0).delivered
    queue.receive(10_000)
    queue.delete(10_000, delivery.receipt_handle)
    assert len(dead_letters) == 1
