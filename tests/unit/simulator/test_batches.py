"""S02: batch requests."""

import random

import pytest

from redrive.fixtures.event_builder import MessageAttribute
from redrive.simulator import Queue, QueueConfig, SqsError
from redrive.simulator.batches import (
    DeleteEntry,
    SendEntry,
    VisibilityEntry,
    change_visibility_batch,
    delete_batch,
    send_batch,
)

MEBIBYTE = 1_048_576
REQUESTS = [
    (send_batch, lambda name: SendEntry(id=name, body="a")),
    (delete_batch, lambda name: DeleteEntry(id=name, receipt_handle="none")),
    (change_visibility_batch, lambda name: VisibilityEntry(id=name, receipt_handle="none", timeout_s=0)),
]
each_request = pytest.mark.parametrize(("request_batch", "entry"), REQUESTS, ids=["send", "delete", "visibility"])


def queue_of(*bodies, **config):
    queue = Queue(QueueConfig(**config), rng=random.Random(1))
    for body in bodies:
        queue.send(0, body)
    return queue


def held(queue):
    return [message.body for message in queue.messages()]


def refusal(request_batch, queue, entries):
    before = held(queue)
    with pytest.raises(SqsError) as raised:
        request_batch(queue, 0, entries)
    assert held(queue) == before, "nothing has happened"
    return raised.value.code


@each_request
def test_S02_batch_has_at_least_one_entry(request_batch, entry):
    assert refusal(request_batch, queue_of(), []) == "EmptyBatchRequest"


@each_request
def test_S02_batch_has_at_most_ten_entries(request_batch, entry):
    answer = request_batch(queue_of(), 0, [entry(str(number)) for number in range(10)])
    assert len(answer.successful) + len(answer.failed) == 10
    entries = [entry(str(number)) for number in range(11)]
    assert refusal(request_batch, queue_of(), entries) == "TooManyEntriesInBatchRequest"


@each_request
def test_S02_entry_ids_are_distinct(request_batch, entry):
    assert refusal(request_batch, queue_of(), [entry("a"), entry("b"), entry("a")]) == "BatchEntryIdsNotDistinct"
    assert refusal(request_batch, queue_of(), [entry("a"), entry("a")]) == "BatchEntryIdsNotDistinct"


@each_request
@pytest.mark.parametrize("name", ["", "i" * 81, "a:b", "a b", "ä", "a\n"])
def test_S02_entry_id_is_1_to_80_letters_digits_hyphens_and_underscores(request_batch, entry, name):
    assert refusal(request_batch, queue_of(), [entry("fine"), entry(name)]) == "InvalidBatchEntryId"
    answer = request_batch(queue_of(), 0, [entry("aZ09-_"), entry("i" * 80)])
    assert len(answer.successful) + len(answer.failed) == 2


def test_S02_batch_is_at_most_1048576_bytes_in_all_message_attributes_included():
    name = {"name": MessageAttribute.string("value")}
    most = [
        SendEntry(id="1", body="ä" * (MEBIBYTE // 4)),
        SendEntry(id="2", body="b" * (MEBIBYTE // 2 - 15), message_attributes=name),
    ]
    assert list(send_batch(queue_of(), 0, most).successful) == ["1", "2"]
    assert refusal(send_batch, queue_of(), [*most, SendEntry(id="3", body="c")]) == "BatchRequestTooLong"


def test_S02_limit_of_the_batch_is_the_same_whatever_the_queues_maximum_message_size():
    entries = [SendEntry(id=str(number), body="a" * 1_024) for number in range(10)]
    answer = send_batch(queue_of(max_message_bytes=1_024), 0, entries)
    assert (len(answer.successful), answer.failed) == (10, ())


def test_S02_message_over_the_queues_maximum_fails_by_itself():
    queue = queue_of(max_message_bytes=1_024)
    answer = send_batch(queue, 0, [SendEntry(id="big", body="a" * 1_025), SendEntry(id="small", body="b")])
    assert [(entry.id, entry.code, entry.sender_fault) for entry in answer.failed] == [
        ("big", "InvalidParameterValue", True)
    ]
    assert list(answer.successful) == ["small"]
    assert held(queue) == ["b"]


def test_S02_entries_fail_each_for_a_reason_of_its_own_while_others_succeed():
    queue = queue_of()
    entries = [
        SendEntry(id="1", body="a"),
        SendEntry(id="2", body="\x00"),
        SendEntry(id="3", body="\ud800"),
        SendEntry(id="4", body=""),
        SendEntry(id="5", body="late", delay_s=901),
        SendEntry(id="6", body="other", deduplication_id="fifo-only"),
        SendEntry(id="7", body="b", delay_s=60, group="tenant", trace_header="Root=1"),
    ]
    answer = send_batch(queue, 0, entries)
    assert [(entry.id, entry.code) for entry in answer.failed] == [
        ("2", "InvalidMessageContents"),
        ("3", "InvalidMessageContents"),
        ("4", "MissingParameter"),
        ("5", "InvalidParameterValue"),
        ("6", "InvalidParameterValue"),
    ]
    assert [sent.message_id for sent in answer.successful.values()] == [m.message_id for m in queue.messages()]
    _, last = queue.messages()
    assert (last.body, last.visible_at_ms, last.group, last.trace_header) == ("b", 60_000, "tenant", "Root=1")


def test_S02_fifo_batch_is_enqueued_in_its_order_and_deduplicated_within():
    queue = queue_of(fifo=True)
    entries = [SendEntry(id=f"e-{n}", body=str(n), group="g", deduplication_id=str(n % 3)) for n in range(5)]
    answer = send_batch(queue, 0, entries)
    assert [sent.enqueued for sent in answer.successful.values()] == [True, True, True, False, False]
    assert [delivery.message.body for delivery in queue.receive(0).delivered] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "wrong", [SendEntry(id="2", body="b", deduplication_id="b"), SendEntry(id="2", body="b", group="g")]
)
def test_S02_fifo_message_without_group_or_deduplication_id_refuses_the_whole_batch(wrong):
    right = SendEntry(id="1", body="a", group="g", deduplication_id="a")
    assert refusal(send_batch, queue_of(fifo=True), [right, wrong]) == "InvalidParameterValue"


def test_S02_deletions_fail_each_by_itself():
    queue = queue_of("a", "b")
    first, _ = queue.receive(0).delivered
    answer = delete_batch(
        queue,
        0,
        [
            DeleteEntry(id="1", receipt_handle=first.receipt_handle),
            DeleteEntry(id="2", receipt_handle="none"),
            DeleteEntry(id="3", receipt_handle=first.receipt_handle),
        ],
    )
    assert list(answer.successful) == ["1", "3"], "deleting twice succeeds"
    assert [(entry.id, entry.code, entry.sender_fault) for entry in answer.failed] == [
        ("2", "ReceiptHandleIsInvalid", True)
    ]
    assert held(queue) == ["b"]


def test_S02_changes_of_visibility_fail_each_by_itself():
    queue = queue_of("a", "b", "c")
    first, second, third = (delivery.receipt_handle for delivery in queue.receive(0).delivered)
    answer = change_visibility_batch(
        queue,
        0,
        [
            VisibilityEntry(id="1", receipt_handle=first, timeout_s=0),
            VisibilityEntry(id="2", receipt_handle=second, timeout_s=43_201),
            VisibilityEntry(id="3", receipt_handle=third, timeout_s=60),
        ],
    )
    assert list(answer.successful) == ["1", "3"]
    assert [(entry.id, entry.code) for entry in answer.failed] == [("2", "InvalidParameterValue")]
    assert [delivery.message.body for delivery in queue.receive(30_000).delivered] == ["a", "b"]
