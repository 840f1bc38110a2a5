"""Ctrl-C in a run and in a verification: what it ends, what is put back after it, and that none is lost."""

import os
import random
import signal
import sys
import time
from contextlib import suppress

import boto3
import pytest

from redrive.fixtures.faults import ConcurrentDuplicate
from redrive.scenarios import Consumer, QueueSpec
from redrive.scenarios.environments.handler_thread import handler_threads
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.scenarios.scheduling import verify
from redrive.scenarios.target import Target, handler_of
from redrive.scenarios.verification import jobs_of

NAMES = ("happy-path", "duplicate-delivery", "reordered")


def interrupt():
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def simulated():
    with SimulatedEnvironment().running() as environment:
        yield environment


@pytest.fixture
def run(simulated):
    """One run, after which all is as it was before."""

    def run_consumer(*faults, **consumer):
        made = Consumer(valid=str, queue=QueueSpec(max_receive_count=None), **consumer)
        plan = Plan(messages=(PlannedMessage(key="a", body="a"), PlannedMessage(key="b", body="b")), faults=faults)
        return simulated.run(plan, made, handler_of(made), seed=1)

    def state():
        return (
            sys.stdout,
            {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
            random.getstate(),
            time.sleep,
            abs(time.time() - time.clock_gettime(time.CLOCK_REALTIME)) < 3600,
            signal.getsignal(signal.SIGINT),
            handler_threads(),
        )

    before = state()
    yield run_consumer
    assert state() == before


def test_handler_that_is_interrupted_amid_its_work_does_no_more(run):
    done = []

    def handler(event, context):
        done.append("begun")
        interrupt()
        while True:
            pass

    with pytest.raises(KeyboardInterrupt):
        run(handler=handler)
    assert done == ["begun"]


def test_run_goes_on_to_the_next_turn_of_a_handler_and_no_further(run):
    done = []

    def setup(aws):
        interrupt()
        done.append("set up")

    with pytest.raises(KeyboardInterrupt):
        run(handler=lambda event, context: done.append("begun"), setup=setup)
    assert done == ["set up"]


def test_one_that_comes_after_the_last_turn_is_raised_all_the_same(run):
    looks = []

    def effects(aws):
        looks.append(interrupt())
        return []

    def handler(event, context):
        """It is not to be seen how often the run looks."""

    with pytest.raises(KeyboardInterrupt):
        run(handler=handler, effects=effects)
    assert looks


def test_second_one_ends_what_the_consumer_itself_does(run):
    done = []

    def setup(aws):
        interrupt()
        interrupt()
        done.append("set up")

    with pytest.raises(KeyboardInterrupt):
        run(handler=lambda event, context: None, setup=setup)
    assert done == []


def test_error_amid_the_end_of_the_run_does_not_hide_it(run):
    def effects(aws):
        if begun:
            raise AssertionError("cannot be looked at")
        return []

    def handler(event, context):
        begun.append("begun")
        interrupt()
        time.sleep(1)

    begun = []
    with pytest.raises(KeyboardInterrupt):
        run(handler=handler, effects=effects)
    assert begun == ["begun"]


def test_what_one_invocation_ends_with_keeps_no_other_from_its_end(run, monkeypatch):
    """Both are in progress when the run is cut off, and each is interrupted amid its last words."""

    def handler(event, context):
        boto3.client("dynamodb").list_tables()
        begun.append("begun")
        try:
            time.sleep(2)
        finally:
            raise KeyboardInterrupt

    begun = []
    monkeypatch.setattr("redrive.scenarios.environments.simulated_run.horizon_ms", lambda plan, spec: 1_000)
    with pytest.raises(KeyboardInterrupt):
        run(ConcurrentDuplicate(invocation=0, call=1, held_ms=0), handler=handler)
    assert len(begun) == 2


def swallowed():
    """An interruption that somebody does not let through."""
    with suppress(KeyboardInterrupt):
        interrupt()


def hidden():
    """An interruption that an error takes the place of."""
    try:
        interrupt()
    finally:
        raise AssertionError("left half done")


def nth_time(number, do):
    """What does nothing but for this time."""
    times = iter(range(1, number + 1))
    return lambda *_: do() if next(times, None) == number else None


def verified(*, handler=lambda event, context: None, valid=str, **options):
    consumer = Consumer(handler=handler, valid=valid)
    return verify(Target(name="it", consumer=consumer), jobs=jobs_of(consumer, NAMES), examples=2, **options)


def test_scenario_that_was_interrupted_counts_as_not_run():
    invocations = []

    def handler(event, context):
        invocations.append(None)
        interrupt()

    report = verified(handler=handler)
    assert len(invocations) == 1
    assert report.scenarios == []
    assert report.not_run == NAMES
    assert verified().not_run == ()


def test_scenarios_before_it_keep_their_verdicts():
    begun = []
    report = verified(
        handler=lambda event, context: interrupt() if len(begun) == 2 else None,
        on_start=begun.append,
    )
    assert [result.name for result in report.scenarios] == [NAMES[0]]
    assert report.not_run == NAMES[1:]


def test_one_that_generating_swallows_ends_it_before_anything_is_run():
    """As Hypothesis's garbage collector's callback does; it generates bodies with what the consumer calls valid."""
    invocations, once = [], nth_time(1, swallowed)

    def valid(key):
        once()
        return key

    report = verified(handler=lambda event, context: invocations.append(None), valid=valid)
    assert report.not_run == NAMES
    assert invocations == []


def test_one_that_an_error_hides_is_no_verdict():
    def valid(key):
        once()
        return key

    once = nth_time(1, hidden)
    report = verified(valid=valid)
    assert report.scenarios == []
    assert report.not_run == NAMES


def test_one_that_telling_of_a_result_swallows_ends_it_there():
    report = verified(on_result=nth_time(1, swallowed))
    assert [result.name for result in report.scenarios] == [NAMES[0]]


def test_one_that_comes_after_everything_was_run_keeps_nothing_from_the_report():
    report = verified(on_result=nth_time(3, swallowed))
    assert report.not_run == ()
    assert verified(on_result=nth_time(3, interrupt)).not_run == ()
