"""How a handler is run, as a value: its words, what it can do, and what real time makes of a plan."""

import pytest

from redrive.fixtures.faults import CrashAt, DuplicateDelivery, LateVisibility, Throttle
from redrive.scenarios import Consumer, QueueSpec, TargetError
from redrive.scenarios.capabilities import Capability
from redrive.scenarios.handler_runtime import (
    FUNCTION_TIMEOUT_S,
    IN_PROCESS,
    PAUSE_MS_MOST,
    VISIBILITY_TIMEOUT_S,
    HandlerRuntime,
    RuntimeKind,
)
from redrive.scenarios.plan import Plan, PlannedMessage

PROCESS = HandlerRuntime(kind=RuntimeKind.PROCESS)
CONSUMER = Consumer(handler="json:loads", valid=str, queue=QueueSpec(batching_window_s=20))


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        (IN_PROCESS, []),
        (PROCESS, ["--runtime", "process"]),
        (HandlerRuntime(kind=RuntimeKind.PROCESS, command="./bootstrap -v"), ["--exec", "./bootstrap -v"]),
        (HandlerRuntime(kind=RuntimeKind.HTTP, url="http://127.0.0.1:9000"), ["--url", "http://127.0.0.1:9000"]),
    ],
)
def test_words_choose_it_again(runtime, words):
    assert runtime.words() == words


def test_in_process_can_do_everything_and_a_url_least():
    http = HandlerRuntime(kind=RuntimeKind.HTTP, url="http://127.0.0.1:9000")
    assert IN_PROCESS.capabilities == set(Capability)
    assert http.capabilities < PROCESS.capabilities < IN_PROCESS.capabilities
    assert Capability.VIRTUAL_TIME not in PROCESS.capabilities
    assert Capability.CALL_FAULTS not in http.capabilities


def test_timeouts_are_such_as_can_be_waited_for():
    queue = PROCESS.shaped(CONSUMER).queue
    assert (queue.function_timeout_s, queue.visibility_timeout_s) == (FUNCTION_TIMEOUT_S, VISIBILITY_TIMEOUT_S)
    assert queue.function_timeout_s <= queue.visibility_timeout_s, "E05"
    assert queue.batching_window_s == 1
    assert queue.max_receive_count == CONSUMER.queue.max_receive_count


def test_virtual_time_needs_no_shorter_times():
    plan = Plan(messages=(PlannedMessage(key="a", body="a", at_ms=3_600_000),))
    assert IN_PROCESS.shaped(CONSUMER) is CONSUMER
    assert IN_PROCESS.shortened(plan) is plan


def test_pauses_are_cut_and_their_order_stays():
    times_ms = (0, 1_000, 401_000, 401_000, 3_600_000)
    plan = Plan(
        messages=tuple(PlannedMessage(key=str(n), body="a", at_ms=at_ms) for n, at_ms in enumerate(times_ms)),
        redrive_at_ms=(500_000,),
    )
    shorter = PROCESS.shortened(plan)
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
    shorter = PROCESS.shortened(Plan(messages=(PlannedMessage(key="a", body="a"),), faults=faults))
    assert shorter.faults == (
        DuplicateDelivery(message=0, after_ms=PAUSE_MS_MOST),
        LateVisibility(message=0, by_ms=PAUSE_MS_MOST),
        Throttle(invocation=0, for_ms=1_000),
        crash,
    )


@pytest.mark.parametrize(("command", "said"), [("", "empty"), ("'open", "no command line")])
def test_command_that_is_none_is_a_line(command, said):
    runtime = HandlerRuntime(kind=RuntimeKind.PROCESS, command=command)
    with pytest.raises(TargetError, match=said):
        runtime.command_for(CONSUMER)


def test_python_handler_that_has_no_name_of_its_own_cannot_be_started():
    consumer = Consumer(handler=lambda event, context: None, valid=str)
    with pytest.raises(TargetError):
        PROCESS.command_for(consumer)
