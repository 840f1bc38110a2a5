"""What real time makes of a queue and of a plan: the same in shape, with times that can be waited for."""

from redrive.fixtures.faults import CrashAt, DuplicateDelivery, LateVisibility, Throttle
from redrive.scenarios import Consumer, QueueSpec
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.scenarios.real_time import (
    FUNCTION_TIMEOUT_S,
    PAUSE_MS_MOST,
    VISIBILITY_TIMEOUT_S,
    shaped,
    shortened,
    with_short_faults,
)

CONSUMER = Consumer(handler="json:loads", valid=str, queue=QueueSpec(batching_window_s=20))


def test_timeouts_are_such_as_can_be_waited_for():
    queue = shaped(CONSUMER).queue
    assert (queue.function_timeout_s, queue.visibility_timeout_s) == (FUNCTION_TIMEOUT_S, VISIBILITY_TIMEOUT_S)
    assert queue.function_timeout_s <= queue.visibility_timeout_s, "E05"
    assert queue.batching_window_s == 1
    assert queue.max_receive_count == CONSUMER.queue.max_receive_count


def test_pauses_are_cut_and_their_order_stays():
    times_ms = (0, 1_000, 401_000, 401_000, 3_600_000)
    plan = Plan(
        messages=tuple(PlannedMessage(key=str(n), body="a", at_ms=at_ms) for n, at_ms in enumerate(times_ms)),
        redrive_at_ms=(500_000,),
    )
    shorter = shortened(plan)
    most = PAUSE_MS_MOST
    assert [message.at_ms for message in shorter.messages] == [0, 1_000, 1_000 + most, 1_000 + most, 1_000 + 3 * most]
    assert shorter.redrive_at_ms == (1_000 + 2 * most,)
    assert [message.key for message in shorter.messages] == [message.key for message in plan.messages]
    assert most > VISIBILITY_TIMEOUT_S * 1000


def test_faults_wait_no_longer_either():
    crash = CrashAt(invocation=0)
    faults = (
        DuplicateDelivery(message=0, after_ms=3_600_000),
        LateVisibility(message=0, by_ms=60_000),
        Throttle(invocation=0, for_ms=1_000),
        crash,
    )
    shorter = shortened(Plan(messages=(PlannedMessage(key="a", body="a"),), faults=faults))
    assert shorter.faults == (
        DuplicateDelivery(message=0, after_ms=PAUSE_MS_MOST),
        LateVisibility(message=0, by_ms=PAUSE_MS_MOST),
        Throttle(invocation=0, for_ms=1_000),
        crash,
    )


def test_faults_alone_may_be_made_shorter():
    messages = (PlannedMessage(key="a", body="a", at_ms=3_600_000),)
    shorter = with_short_faults(Plan(messages=messages, faults=(Throttle(invocation=0, for_ms=60_000),)))
    assert shorter.messages == messages
    assert shorter.faults == (Throttle(invocation=0, for_ms=PAUSE_MS_MOST),)
