"""What a busy machine was too slow for is run again; what a handler does by itself counts."""

import pytest

from redrive.fixtures.faults import CrashAt, TimeoutAt
from redrive.scenarios import QueueSpec
from redrive.scenarios.environments.localstack import LocalStackEnvironment
from redrive.scenarios.environments.steadiness import is_disturbed, load_of_a_core, steady
from redrive.scenarios.errors import EnvironmentFailed
from redrive.scenarios.history import History
from redrive.scenarios.plan import Kind, Plan, PlannedMessage
from redrive.simulator import trace
from redrive.simulator.batch_response import BatchVerdict
from redrive.simulator.function import Ending

TIMEOUT_S = 2


def history(*, lasted_ms, failed=True, kind=Kind.VALID, fault=None):
    """One message, which an invocation that lasted so long failed or did."""
    outcome = (frozenset({"id"}), BatchVerdict.FAILURE) if failed else (frozenset(), BatchVerdict.SUCCESS)
    struck = [] if fault is None else [trace.Struck(1, 0, fault)]
    return History(
        plan=Plan(messages=(PlannedMessage(key="a", body="a", kind=kind),)),
        queue=QueueSpec(function_timeout_s=TIMEOUT_S),
        events=[
            trace.Sent(0, 0, "id", True),
            trace.Began(0, 0, 1, True, 1),
            trace.Delivered(0, 0, "id", 1, "md5"),
            *struck,
            trace.Ended(lasted_ms, 0, Ending.TIMED_OUT, None, outcome[1], outcome[0], None),
        ],
        finished=True,
        looks_at_effects=False,
        start_ms=0,
    )


SLOW = history(lasted_ms=TIMEOUT_S * 1000)
QUICK = history(lasted_ms=TIMEOUT_S * 400)


@pytest.mark.parametrize(
    ("run", "disturbed"),
    [
        (SLOW, True),
        (history(lasted_ms=TIMEOUT_S * 500), True),
        (QUICK, False),
        (history(lasted_ms=TIMEOUT_S * 1000, failed=False), False),
        (history(lasted_ms=TIMEOUT_S * 1000, kind=Kind.POISON), False),
        (history(lasted_ms=TIMEOUT_S * 1000, fault=TimeoutAt(invocation=0)), False),
        (history(lasted_ms=TIMEOUT_S * 1000, fault=CrashAt(invocation=0)), False),
    ],
    ids=["timed out", "gave back", "quick", "done", "poison", "hung by a fault", "struck by another"],
)
def test_disturbed_is_what_was_slow_by_no_fault_and_came_to_nothing(run, disturbed):
    assert is_disturbed(run) == disturbed


def test_it_is_run_again_until_nothing_disturbs_it():
    runs = iter([SLOW, QUICK, SLOW])
    assert steady(lambda: next(runs), load=lambda: 99.0) is QUICK
    assert next(runs) is SLOW


def test_handler_that_is_always_slow_is_judged_by_its_last_run():
    runs = [SLOW, SLOW, history(lasted_ms=3_000)]
    assert steady(iter(runs).__next__, load=lambda: 1.0) is runs[-1]


def test_nobody_is_judged_by_a_machine_that_is_too_busy():
    with pytest.raises(EnvironmentFailed, match=r"99 processes at a time for each core.*--jobs"):
        steady(lambda: SLOW, load=lambda: 99.0)


def test_load_is_of_one_core():
    assert 0 <= load_of_a_core() < 1_000


def test_localstack_is_asked_again_too(monkeypatch):
    runs = iter([SLOW, QUICK])
    monkeypatch.setattr(LocalStackEnvironment, "_run", lambda *_: next(runs))
    there = LocalStackEnvironment(endpoint_url="http://127.0.0.1:4566")
    assert there.run(QUICK.plan, None, None, seed=0) is QUICK
