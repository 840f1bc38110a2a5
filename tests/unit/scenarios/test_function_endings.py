"""E06, E23 and E24 in the simulated environment: a function that raises, runs out of time, or dies."""

import json
import time

import pytest

from redrive.scenarios.consumer import Consumer, QueueSpec
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.scenarios.target import handler_of
from redrive.simulator import BatchVerdict, Ending
from redrive.simulator.faults import CrashAt
from redrive.simulator.trace import Began, Ended


@pytest.fixture(scope="module")
def simulated():
    with SimulatedEnvironment().running() as environment:
        yield environment


def history_of(simulated, handler, *faults):
    """One message to a function with 3 seconds, at most twice."""
    queue = QueueSpec(visibility_timeout_s=60, max_receive_count=2, function_timeout_s=3)
    consumer = Consumer(handler=handler, valid=str, queue=queue)
    plan = Plan(messages=(PlannedMessage(key="k", body="b"),), faults=faults)
    return simulated.run(plan, consumer, handler, seed=1)


def ended(history):
    return [event for event in history.events if isinstance(event, Ended)]


def test_E23_unhandled_exception_is_an_error_payload_and_fails_the_batch(simulated):
    def handler(event, context):
        raise RuntimeError("no")

    first, _ = ended(history_of(simulated, handler))
    assert (first.ending, first.verdict) == (Ending.RAISED, BatchVerdict.FAILURE)
    assert json.loads(first.payload)["errorType"] == "RuntimeError"


def test_E23_timeout_says_task_timed_out_after_the_function_timeout(simulated):
    def handler(event, context):
        time.sleep(10)
        return {}

    history = history_of(simulated, handler)
    first, _ = ended(history)
    assert (first.ending, first.verdict) == (Ending.TIMED_OUT, BatchVerdict.FAILURE)
    assert json.loads(first.payload)["errorMessage"].endswith(" Task timed out after 3.00 seconds")
    assert first.at_ms - history.start_ms == 3_000


def test_E23_handler_that_ends_just_in_time_returns(simulated):
    def handler(event, context):
        time.sleep(2.999)

    (only,) = ended(history_of(simulated, handler))
    assert (only.ending, only.verdict) == (Ending.RETURNED, BatchVerdict.SUCCESS)


@pytest.mark.parametrize("faults", [(CrashAt(invocation=0, call=1),), ()])
def test_E23_dead_process_is_a_runtime_exit_error(simulated, faults):
    def handler(event, context):
        if not faults:
            raise SystemExit(1)

    first = ended(history_of(simulated, handler, *faults))[0]
    assert (first.ending, first.verdict) == (Ending.CRASHED, BatchVerdict.FAILURE)
    assert json.loads(first.payload)["errorType"] == "Runtime.ExitError"


def cold_starts(history):
    return [event.cold for event in history.events if isinstance(event, Began)]


def test_E24_execution_environment_is_used_again_after_an_exception(simulated):
    def handler(event, context):
        raise RuntimeError("no")

    assert cold_starts(history_of(simulated, handler)) == [True, False]


def test_E24_process_is_gone_after_a_timeout(simulated):
    def handler(event, context):
        time.sleep(10)

    assert cold_starts(history_of(simulated, handler)) == [True, True]


def test_E24_process_is_gone_after_a_crash(simulated):
    def handler(event, context):
        return None

    assert cold_starts(history_of(simulated, handler, CrashAt(invocation=0, call=1))) == [True, True]


def test_E24_module_state_lasts_as_long_as_the_process(simulated, tmp_path):
    path = tmp_path / "its_warm_function.py"
    path.write_text("seen = []\ndef handler(event, context):\n    seen.append(1)\n    raise RuntimeError(len(seen))\n")
    consumer = Consumer(handler=f"{path}:handler", valid=str, queue=QueueSpec(max_receive_count=4))
    plan = Plan(messages=(PlannedMessage(key="k", body="b"),), faults=(CrashAt(invocation=1, call=1),))
    history = simulated.run(plan, consumer, handler_of(consumer), seed=1)
    messages = [json.loads(event.payload)["errorMessage"] for event in ended(history) if event.ending is Ending.RAISED]
    # The second invocation crashed, and took the count with it.
    assert messages == ["1", "1", "2"]
