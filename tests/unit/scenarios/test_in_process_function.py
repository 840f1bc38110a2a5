"""A handler in this process, called as the poller calls it."""

import io
import json

import pytest

from redrive.fixtures.runtimes.in_process import locate
from redrive.scenarios.in_process_function import InProcessFunction
from redrive.simulator.driver import Invocation
from redrive.simulator.function import Ending

CODE = """
import sys
calls = 0

def handler(event, context):
    global calls
    calls += 1
    print("call", calls)
    if event == {"raise": True}:
        raise ValueError("no")
    if event == {"exit": True}:
        sys.exit(3)
    return {"calls": calls, "request": context.aws_request_id, "remaining": context.get_remaining_time_in_millis()}
"""


def invocation(event=None, *, environment=1):
    return Invocation(
        number=0,
        request_id="request-1",
        event=event or {},
        environment=environment,
        cold=False,
        started_ms=500_000,
        deadline_ms=503_000,
    )


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "worker.py"
    path.write_text(CODE)
    return locate(f"{path}:handler")


def test_response_and_context(source):
    output = io.StringIO()
    outcome = InProcessFunction(source, now_ms=lambda: 7, output=output)(invocation())
    assert outcome.ending is Ending.RETURNED
    # The time limit counts from the beginning by the function's own clock.
    assert json.loads(outcome.payload) == {"calls": 1, "request": "request-1", "remaining": 3000}
    assert output.getvalue() == "call 1\n"


def test_E24_each_environment_keeps_its_own_state(source):
    function = InProcessFunction(source, output=io.StringIO())
    calls = [json.loads(function(invocation(environment=number)).payload)["calls"] for number in (1, 2, 1)]
    assert calls == [1, 1, 2]
    function.discard(1)
    assert json.loads(function(invocation()).payload)["calls"] == 1


@pytest.mark.parametrize(("event", "ending"), [({"raise": True}, Ending.RAISED), ({"exit": True}, Ending.CRASHED)])
def test_E23_errors_and_exits_are_told_apart(source, event, ending):
    assert InProcessFunction(source, output=io.StringIO())(invocation(event)).ending is ending


@pytest.mark.parametrize(("took_ms", "ending"), [(3000, Ending.RETURNED), (3001, Ending.TIMED_OUT)])
def test_answer_after_the_time_limit_is_not_used(took_ms, ending):
    clock_ms = 0

    def handler(event, context):
        nonlocal clock_ms
        clock_ms += took_ms
        return {}

    assert InProcessFunction(handler, now_ms=lambda: clock_ms, output=io.StringIO())(invocation()).ending is ending
