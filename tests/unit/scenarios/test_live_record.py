"""What is told of a run in real time: one list in one order, and when all that was sent is at rest."""

import threading

from redrive.scenarios.environments.live_record import Recorder
from redrive.scenarios.history import Called
from redrive.simulator import trace
from redrive.simulator.batch_response import BatchVerdict
from redrive.simulator.function import Ending


def sent(message_id, number=0):
    return trace.Sent(1, number, message_id, True)


def delivered(message_id, *, invocation=0):
    return trace.Delivered(2, invocation, message_id, 1, "md5")


def ended(invocation=0):
    return trace.Ended(3, invocation, Ending.RETURNED, "{}", BatchVerdict.SUCCESS, frozenset(), None)


def recorder(*events):
    made = Recorder()
    for event in events:
        made.append(event)
    return made


def test_rest_is_when_what_was_sent_is_deleted_and_nothing_is_in_progress():
    record = recorder()
    assert record.is_at_rest()
    began = trace.Began(2, 0, 1, True, 1)
    for event, at_rest in [
        (sent("a"), False),
        (began, False),
        (delivered("a"), False),
        (trace.Deleted(3, 0, "a"), False),
        (ended(), True),
    ]:
        record.append(event)
        assert record.is_at_rest() == at_rest, event
    assert record.events == [sent("a"), began, delivered("a"), trace.Deleted(3, 0, "a"), ended()]


def test_what_deduplication_swallowed_or_a_filter_dropped_is_not_waited_for():
    assert recorder(trace.Sent(1, 0, "a", False)).is_at_rest()
    assert recorder(sent("a"), trace.Filtered(2, "a")).is_at_rest()
    assert not recorder(sent("a"), trace.DeleteLost(3, 0, "a")).is_at_rest()
    assert not recorder(sent("a"), trace.DeleteRefused(3, 0, "a", "InternalError")).is_at_rest()


def test_message_that_is_told_as_deleted_and_comes_again():
    record = recorder(sent("a"), delivered("a"))
    record.expect_again("a")
    record.append(trace.Deleted(3, 0, "a"))
    assert not record.is_at_rest(), "it is to come once more"
    record.came_again("a")
    record.came_again("a")
    assert [type(event) for event in record.events].count(trace.Reappeared) == 1
    assert not record.is_at_rest()
    record.append(trace.Deleted(4, 1, "a"))
    assert record.is_at_rest()


def test_dead_letter_is_told_once_with_the_receives_that_it_had():
    record = recorder(sent("a"), delivered("a"), trace.LetGo(2, 1, "a", 2))
    for _ in range(2):
        record.dead_lettered("a")
        record.dead_lettered("of another run")
    (told,) = [event for event in record.events if isinstance(event, trace.DeadLettered)]
    assert (told.message_id, told.receive_count) == ("a", 2)
    assert record.is_at_rest()


def test_message_that_was_moved_back_by_hand_is_waited_for_and_may_die_again():
    record = recorder(sent("a"))
    record.dead_lettered("a")
    record.append(trace.Redriven(3, "a", "new"))
    assert not record.is_at_rest()
    record.dead_lettered("new")
    assert record.is_at_rest()


def test_invocation_without_messages_is_waited_for():
    record = recorder()
    record.expect_empty_event()
    record.append(trace.Began(1, 0, 1, True, 1))
    record.append(ended(0))
    assert not record.is_at_rest(), "that was another one"
    record.append(trace.Began(2, 1, 1, False, 0))
    assert not record.is_at_rest()
    record.append(ended(1))
    assert record.is_at_rest()


def test_deliveries_of_what_is_still_to_come():
    record = recorder(sent("a"), sent("b", 1), delivered("a"))
    assert record.deliveries_least() == 0
    record.append(delivered("b"))
    record.append(delivered("b"))
    assert record.deliveries_least() == 1
    record.append(trace.Deleted(3, 0, "a"))
    assert record.deliveries_least() == 2


def test_what_others_tell_during_a_send_comes_after_it():
    record = recorder()
    call = Called(1, 0, 1, "sqs", "ListQueues", "ok")
    other = threading.Thread(target=record.append, args=(call,))
    with record.together():
        other.start()
        other.join(0.05)
        record.append(sent("a"))
    other.join()
    assert record.events == [sent("a"), call]


def test_invocations_are_numbered_in_order():
    record = recorder()
    assert [record.next_invocation() for _ in range(3)] == [0, 1, 2]
