"""E13 to E16: how many batches are with the function at once."""

import json

import pytest

from redrive.simulator import (
    Ending,
    MappingConfig,
    Outcome,
    ProvisionedPollers,
    QueueConfig,
    Simulation,
    SqsError,
    validate_mapping,
)
from redrive.simulator.driver import EPOCH_MS
from redrive.simulator.scaling import Concurrency
from redrive.simulator.trace import Began, Ended

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


def at_once(messages, *, until_ms, duration_ms=HOUR_MS // 4, answer=None, fifo_groups=None, mapping=None):
    """How many invocations run at ``until_ms``, of so many messages sent at 0, one in a batch, each slow."""
    running = 0
    simulation = Simulation(
        QueueConfig(visibility_timeout_s=2 * HOUR_MS // 1000, fifo=fifo_groups is not None),
        MappingConfig(batch_size=1, function_timeout_s=900, **(mapping or {})),
        answer or (lambda _: Outcome(ending=Ending.RETURNED, duration_ms=duration_ms)),
        seed=1,
    )
    for number in range(messages):
        group = None if fifo_groups is None else str(number % fifo_groups)
        simulation.send_at(EPOCH_MS, "body", group=group, deduplication_id=None if group is None else str(number))
    simulation.run(EPOCH_MS + until_ms)
    for event in simulation.trace:
        running += isinstance(event, Began)
        running -= isinstance(event, Ended)
    return running


@pytest.mark.parametrize(
    ("until_ms", "running"), [(0, 5), (199, 5), (200, 6), (1_000, 10), (MINUTE_MS, 305), (2 * MINUTE_MS, 605)]
)
def test_E13_starts_with_5_concurrent_batches_and_grows_by_300_a_minute(until_ms, running):
    assert at_once(2_000, until_ms=until_ms) == running


def test_E13_grows_to_1000_concurrent_batches():
    assert at_once(2_000, until_ms=5 * MINUTE_MS) == 1_000


def test_E13_does_not_grow_while_all_that_there_is_is_in_flight():
    simulation = Simulation(
        QueueConfig(visibility_timeout_s=900),
        MappingConfig(batch_size=1, function_timeout_s=900),
        lambda _: Outcome(ending=Ending.RETURNED, duration_ms=10 * MINUTE_MS),
        seed=1,
    )
    for at_ms in [0] * 5 + [MINUTE_MS] * 20:
        simulation.send_at(EPOCH_MS + at_ms, "body")
    simulation.run(EPOCH_MS + MINUTE_MS + 1_000)
    assert sum(isinstance(event, Began) for event in simulation.trace) == 5 + 5


def test_E13_does_not_grow_while_nothing_is_left_in_the_queue():
    concurrency = Concurrency(MappingConfig())
    concurrency.idle()
    assert concurrency.limit(10 * MINUTE_MS) == 5


def test_E13_falls_back_to_5_when_the_queue_has_nothing_to_give():
    concurrency = Concurrency(MappingConfig())
    concurrency.busy(0)
    assert concurrency.limit(MINUTE_MS) == 305
    concurrency.idle()
    assert concurrency.limit(MINUTE_MS) == 5


def test_E13_does_not_grow_on_a_backlog_that_is_being_worked_on():
    began = burst_twice(first=5, duration_ms=60_000, second_at_ms=30_000)
    # All five places are taken at 30 s; only then is there somebody to wait for one more.
    assert began[5:8] == [30_200, 30_400, 30_600]


def test_E13_second_burst_begins_with_5_again():
    began = burst_twice(first=200, duration_ms=1_000, second_at_ms=600_000)
    assert began.count(600_000) == 5


def burst_twice(*, first, duration_ms, second_at_ms):
    """When the invocations begin, with one message each: so many at 0, and 50 later."""
    simulation = Simulation(
        QueueConfig(visibility_timeout_s=900),
        MappingConfig(batch_size=1, function_timeout_s=900),
        lambda _: Outcome(ending=Ending.RETURNED, duration_ms=duration_ms),
        seed=1,
    )
    for at_ms in [0] * first + [second_at_ms] * 50:
        simulation.send_at(EPOCH_MS + at_ms, "body")
    assert simulation.run(EPOCH_MS + HOUR_MS)
    return [event.at_ms - EPOCH_MS for event in simulation.trace if isinstance(event, Began)]


def test_E13_says_when_there_will_be_one_more():
    concurrency = Concurrency(MappingConfig())
    assert [concurrency.busy(now_ms) for now_ms in (0, 100, 200)] == [200, 200, 400]
    assert concurrency.busy(4 * MINUTE_MS) is None


@pytest.mark.parametrize("maximum", [2, 3, 50])
def test_E14_maximum_concurrency_bounds_concurrent_invocations(maximum):
    assert at_once(100, until_ms=MINUTE_MS, mapping={"maximum_concurrency": maximum}) == maximum


@pytest.mark.parametrize(("maximum", "accepted"), [(1, False), (2, True), (1_000, True), (1_001, False)])
def test_E14_maximum_concurrency_is_2_to_1000(maximum, accepted):
    assert is_accepted(maximum_concurrency=maximum) is accepted


@pytest.mark.parametrize(("groups", "maximum", "running"), [(3, None, 3), (7, None, 7), (7, 4, 4), (300, None, 300)])
def test_E14_on_a_fifo_queue_the_active_groups_or_the_maximum_whichever_is_lower(groups, maximum, running):
    assert at_once(600, until_ms=0, fifo_groups=groups, mapping={"maximum_concurrency": maximum}) == running


@pytest.mark.parametrize(("minimum", "running"), [(2, 20), (5, 50)])
def test_E15_each_provisioned_poller_has_10_concurrent_invocations(minimum, running):
    pollers = ProvisionedPollers(minimum=minimum, maximum=minimum)
    assert at_once(200, until_ms=1_000, mapping={"provisioned_pollers": pollers}) == running


def test_E15_provisioned_pollers_grow_to_their_maximum():
    pollers = ProvisionedPollers(minimum=2, maximum=3)
    assert at_once(200, until_ms=MINUTE_MS, mapping={"provisioned_pollers": pollers}) == 30


def test_E15_each_provisioned_poller_reads_a_megabyte_a_second():
    began = []

    def call(invocation):
        began.append(invocation.started_ms - EPOCH_MS)
        return Outcome(ending=Ending.RETURNED)

    mapping = MappingConfig(batch_size=1, provisioned_pollers=ProvisionedPollers(minimum=2, maximum=2))
    simulation = Simulation(QueueConfig(visibility_timeout_s=60), mapping, call, seed=1)
    for _ in range(5):
        simulation.send_at(EPOCH_MS, "x" * 999_000)
    assert simulation.run(EPOCH_MS + HOUR_MS)
    # Two pollers: half a second for each message of a megabyte.
    assert [round(at_ms, -2) for at_ms in began] == [0, 500, 1_000, 1_500, 2_000]


@pytest.mark.parametrize(
    ("minimum", "maximum", "accepted"),
    [(1, 10, False), (2, 2, True), (201, 300, False), (2, 10_000, True), (2, 10_001, False), (5, 4, False)],
)
def test_E15_provisioned_pollers_have_bounds(minimum, maximum, accepted):
    assert is_accepted(provisioned_pollers=ProvisionedPollers(minimum=minimum, maximum=maximum)) is accepted


def test_E15_provisioned_pollers_exclude_maximum_concurrency():
    assert not is_accepted(provisioned_pollers=ProvisionedPollers(), maximum_concurrency=10)


def is_accepted(**mapping):
    try:
        validate_mapping(MappingConfig(**mapping), fifo=False, visibility_timeout_s=900)
    except SqsError:
        return False
    return True


def grown():
    concurrency = Concurrency(MappingConfig())
    concurrency.busy(0)
    return concurrency


def test_E16_function_error_leaves_fewer_concurrent_batches():
    concurrency = grown()
    assert concurrency.limit(MINUTE_MS) == 305
    concurrency.back_off(MINUTE_MS)
    assert concurrency.limit(MINUTE_MS) == 152
    assert concurrency.limit(2 * MINUTE_MS) == 152


def test_E16_backing_off_is_over_when_the_queue_has_nothing_to_give():
    concurrency = grown()
    concurrency.back_off(0)
    concurrency.idle()
    assert concurrency.limit(0) == 5


def test_E16_backing_off_ends_at_2_and_growth_begins_from_there():
    concurrency = grown()
    for _ in range(20):
        concurrency.back_off(0)
    assert concurrency.limit(0) == 2
    concurrency.busy(0)
    assert concurrency.limit(MINUTE_MS) == 302


@pytest.mark.parametrize(
    ("outcome", "running"),
    [
        (lambda event: Outcome(ending=Ending.RAISED, duration_ms=1_000), 3),
        (lambda event: Outcome(ending=Ending.CRASHED, duration_ms=1_000), 3),
        (lambda event: Outcome(ending=Ending.RETURNED, duration_ms=1_000, payload=items(event)), 15),
    ],
)
def test_E16_function_errors_back_off_and_reported_items_do_not(outcome, running):
    assert at_once(500, until_ms=2_100, answer=lambda invocation: outcome(invocation.event)) == running


def items(event):
    failures = [{"itemIdentifier": record["messageId"]} for record in event["Records"]]
    return json.dumps({"batchItemFailures": failures})
