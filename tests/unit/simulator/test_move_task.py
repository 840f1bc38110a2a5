"""S12: message move tasks."""

import random

import pytest

from redrive.simulator import Queue, QueueConfig, SqsError
from redrive.simulator.move_task import MoveStatus, MoveTasks


class Stack:
    """A queue with messages ``0``, ``1``, … that all were moved to its dead-letter queue, each at the time given."""

    def __init__(self, number, *, fifo=False, dead_letter=None, **config):
        self.rng = random.Random(1)
        self.dead_letters = Queue(QueueConfig(name="dead", fifo=fifo, **dead_letter or {}), rng=self.rng)
        self.queue = self.source_queue("orders", fifo=fifo, **config)
        self.tasks = MoveTasks()
        self.fill(self.queue, map(str, range(number)))

    def source_queue(self, name, **config):
        config = QueueConfig(name=name, visibility_timeout_s=0, max_receive_count=1, **config)
        return Queue(config, rng=self.rng, dead_letters=self.dead_letters)

    def other_queue(self, **config):
        return Queue(QueueConfig(name="other", **config), rng=self.rng)

    def fill(self, queue, bodies):
        for body in bodies:
            fifo = {"group": "g", "deduplication_id": body} if queue.is_fifo else {}
            queue.send(0, body, **fifo)
            queue.receive(0)
            queue.receive(0)

    def start(self, at_ms=1_000, **options):
        return self.tasks.start(at_ms, self.dead_letters, **options)

    def refusal(self, source=None, **options):
        with pytest.raises(SqsError) as raised:
            self.tasks.start(1_000, self.dead_letters if source is None else source, **options)
        return raised.value.code

    def run(self):
        """Do what is due, time after time, to the end; when each message arrived."""
        arrived = []
        while (at_ms := self.tasks.next_ms()) is not None:
            arrived += [(at_ms, moved.arrived.body) for moved in self.tasks.step(at_ms)]
        return arrived


def bodies(queue):
    return [message.body for message in queue.messages()]


def test_S12_messages_go_back_to_the_queue_that_they_came_from():
    stack = Stack(3)
    other = stack.source_queue("invoices")
    stack.fill(other, ["x", "y"])
    task = stack.start()
    stack.run()
    assert (bodies(stack.queue), bodies(other), bodies(stack.dead_letters)) == (["0", "1", "2"], ["x", "y"], [])
    assert (task.status, task.moved, task.to_move) == (MoveStatus.COMPLETED, 5, 5)


def test_S12_messages_go_to_another_destination_if_one_is_named():
    stack = Stack(3)
    other = stack.other_queue()
    stack.start(destination=other)
    stack.run()
    assert (bodies(stack.queue), bodies(other), bodies(stack.dead_letters)) == ([], ["0", "1", "2"], [])


def test_S12_moved_message_has_a_new_message_id_and_enqueue_time():
    stack = Stack(1)
    (dead,) = stack.dead_letters.messages()
    stack.start(at_ms=5_000)
    (moved,) = stack.tasks.step(5_000)
    assert (moved.left, moved.queue, moved.arrived) == (dead, stack.queue, stack.queue.messages()[0])
    assert moved.arrived.message_id != dead.message_id
    assert (moved.arrived.sent_ms, dead.sent_ms) == (5_000, 0)
    assert (moved.arrived.body, moved.arrived.md5_of_body) == (dead.body, dead.md5_of_body)


def test_S12_receive_count_of_a_moved_message_starts_again():
    stack = Stack(1)
    stack.start(at_ms=5_000)
    stack.run()
    (delivery,) = stack.queue.receive(6_000).delivered
    assert (delivery.receive_count, delivery.message.first_received_ms) == (1, 6_000)
    assert "DeadLetterQueueSourceArn" not in delivery.message.system_attributes(1)
    assert len(stack.queue.receive(6_000).dead_lettered) == 1, "one delivery is its maxReceiveCount"


def test_S12_retention_of_a_moved_message_starts_again():
    stack = Stack(1, retention_s=60, dead_letter={"retention_s": 1_000})
    stack.start(at_ms=999_000)
    stack.run()
    assert stack.queue.next_expiry_ms() == 999_000 + 60_000


def test_S12_fifo_messages_keep_group_and_order_and_get_new_sequence_numbers():
    stack = Stack(3, fifo=True)
    before = {message.body: message.sequence_number for message in stack.dead_letters.messages()}
    stack.start()
    stack.run()
    moved = [delivery.message for delivery in stack.queue.receive(10_000).delivered]
    assert [(message.group, message.body) for message in moved] == [("g", "0"), ("g", "1"), ("g", "2")]
    numbers = [message.sequence_number for message in moved]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > max(before.values())


def test_S12_deduplication_swallows_nothing_on_the_way_back():
    stack = Stack(1, fifo=True)
    stack.start()
    stack.run()
    assert bodies(stack.queue) == ["0"]


def test_S12_rate_is_that_many_messages_a_second_the_first_at_once():
    stack = Stack(4)
    stack.start(per_second=1)
    assert stack.run() == [(1_000, "0"), (2_000, "1"), (3_000, "2"), (4_000, "3")]


def test_S12_rate_of_3_a_second_is_never_exceeded():
    stack = Stack(7)
    stack.start(per_second=3)
    assert [at_ms for at_ms, _ in stack.run()] == [1_000, 1_334, 1_667, 2_000, 2_334, 2_667, 3_000]


def test_S12_without_a_rate_500_a_second_are_moved():
    stack = Stack(1_001)
    stack.start()
    arrived = [at_ms for at_ms, _ in stack.run()]
    assert (arrived[0], arrived[500], arrived[1_000]) == (1_000, 2_000, 3_000)


def test_S12_late_step_moves_all_that_was_due_meanwhile():
    stack = Stack(5)
    task = stack.start(per_second=1)
    assert len(stack.tasks.step(3_500)) == 3
    assert (task.status, task.moved, task.next_ms()) == (MoveStatus.RUNNING, 3, 4_000)


@pytest.mark.parametrize("per_second", [0, -1, 501])
def test_S12_rate_is_1_to_500(per_second):
    assert Stack(1).refusal(per_second=per_second) == "InvalidParameterValue"
    assert Stack(1).start(per_second=500).status is MoveStatus.RUNNING


def test_S12_source_is_a_dead_letter_queue():
    stack = Stack(1)
    assert stack.refusal(stack.queue) == "InvalidParameterValue"
    assert stack.refusal(stack.other_queue()) == "InvalidParameterValue"


def test_S12_queue_without_redrive_policy_is_no_source_of_a_dead_letter_queue():
    rng = random.Random(1)
    dead_letters = Queue(QueueConfig(), rng=rng)
    Queue(QueueConfig(), rng=rng, dead_letters=dead_letters)
    assert Stack(1).refusal(dead_letters) == "InvalidParameterValue"


def test_S12_destination_is_another_queue_of_the_same_type():
    stack = Stack(1)
    assert stack.refusal(destination=stack.dead_letters) == "InvalidParameterValue"
    assert stack.refusal(destination=stack.other_queue(fifo=True)) == "InvalidParameterValue"


def test_S12_queue_has_one_running_task_at_a_time():
    stack = Stack(2)
    first = stack.start(per_second=1)
    assert stack.refusal() == "InvalidParameterValue"
    stack.tasks.step(1_000)
    assert stack.refusal() == "InvalidParameterValue"
    stack.tasks.step(2_000)
    assert first.status is MoveStatus.COMPLETED
    second = stack.start(at_ms=3_000)
    assert stack.tasks.of(stack.dead_letters) == (second, first)


def test_S12_list_has_the_latest_ten_tasks():
    stack = Stack(0)
    for turn in range(12):
        stack.start(at_ms=turn)
        stack.tasks.step(turn)
    assert [task.started_ms for task in stack.tasks.of(stack.dead_letters)] == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]
    assert stack.tasks.of(stack.queue) == ()


def test_S12_cancelled_task_moves_nothing_more_and_takes_nothing_back():
    stack = Stack(5)
    task = stack.start(per_second=1)
    stack.tasks.step(2_000)
    assert task.cancel(2_500) == 2
    assert (task.status, task.next_ms()) == (MoveStatus.CANCELLING, 2_500)
    assert stack.refusal() == "InvalidParameterValue", "it has not come to its end"
    assert stack.tasks.step(60_000) == ()
    assert (task.status, task.moved, task.next_ms()) == (MoveStatus.CANCELLED, 2, None)
    assert (len(stack.queue), len(stack.dead_letters)) == (2, 3)


def test_S12_only_a_running_task_can_be_cancelled():
    stack = Stack(1)
    task = stack.start()
    stack.run()
    with pytest.raises(SqsError) as raised:
        task.cancel(9_000)
    assert raised.value.code == "InvalidParameterValue"
    assert task.status is MoveStatus.COMPLETED


def test_S12_message_sent_to_the_dead_letter_queue_directly_has_nowhere_to_go_back_to():
    stack = Stack(1)
    stack.dead_letters.send(0, "direct")
    task = stack.start()
    stack.run()
    assert (task.status, task.failure_reason) == (MoveStatus.FAILED, "CouldNotDetermineMessageSource")
    assert (task.moved, task.to_move) == (1, 2)
    assert bodies(stack.dead_letters) == ["direct"]
    assert [d.message.body for d in stack.dead_letters.receive(9_000).delivered] == ["direct"]


def test_S12_message_sent_to_the_dead_letter_queue_directly_goes_to_a_named_destination():
    stack = Stack(1)
    stack.dead_letters.send(0, "direct")
    other = stack.other_queue()
    task = stack.start(destination=other)
    stack.run()
    assert (task.status, bodies(other)) == (MoveStatus.COMPLETED, ["0", "direct"])


@pytest.mark.parametrize("fifo", [False, True])
def test_S12_message_in_flight_stays(fifo):
    stack = Stack(1, fifo=fifo)
    stack.dead_letters.receive(500)
    task = stack.start()
    stack.run()
    assert (task.status, task.moved, task.to_move) == (MoveStatus.COMPLETED, 0, 1)
    assert len(stack.dead_letters) == 1


def test_S12_message_that_comes_to_the_dead_letter_queue_again_meanwhile_is_not_moved_in_a_circle():
    stack = Stack(2)
    task = stack.start(per_second=1)
    while (at_ms := stack.tasks.next_ms()) is not None:
        stack.tasks.step(at_ms)
        stack.queue.receive(at_ms)
        stack.queue.receive(at_ms)
    assert (task.status, task.moved) == (MoveStatus.COMPLETED, 2)
    assert len(stack.dead_letters) == 2


def test_S12_empty_dead_letter_queue_is_done_at_once():
    stack = Stack(0)
    task = stack.start()
    assert stack.run() == []
    assert task.status is MoveStatus.COMPLETED


def test_S12_expired_message_is_neither_counted_nor_moved():
    stack = Stack(1, dead_letter={"retention_s": 60})
    task = stack.start(at_ms=60_000)
    assert stack.run() == []
    assert (task.to_move, task.moved) == (0, 0)


def test_S17_moved_message_does_not_come_again_in_the_dead_letter_queue():
    stack = Stack(1)
    stack.start()
    (moved,) = stack.tasks.step(1_000)
    assert stack.dead_letters.deliver_again(2_000, moved.left) is False
    assert len(stack.dead_letters) == 0
