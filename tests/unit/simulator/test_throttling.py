"""E17: a function that cannot be invoked for want of concurrency."""

import pytest

from redrive.simulator import (
    Ending,
    Faults,
    MappingConfig,
    Outcome,
    QueueConfig,
    Simulation,
    SqsError,
    validate_mapping,
)
from redrive.simulator.driver import EPOCH_MS
from redrive.simulator.faults import Throttle
from redrive.simulator.trace import Began, DeadLettered, Delivered, LetGo, Throttled

DAY_MS = 24 * 3_600_000


def run(*bodies, faults=(), duration_ms=0, max_receive_count=3, visibility_timeout_s=60, **mapping):
    simulation = Simulation(
        QueueConfig(visibility_timeout_s=visibility_timeout_s, max_receive_count=max_receive_count),
        MappingConfig(**{"batch_size": 1, **mapping}),
        lambda _: Outcome(ending=Ending.RETURNED, duration_ms=duration_ms),
        seed=1,
        faults=Faults(faults),
    )
    for body in bodies:
        simulation.send_at(EPOCH_MS, body)
    assert simulation.run(EPOCH_MS + DAY_MS)
    return simulation


def times(simulation, kind):
    return [(event.at_ms - EPOCH_MS) / 1000 for event in simulation.trace if isinstance(event, kind)]


def of(simulation, kind):
    return [event for event in simulation.trace if isinstance(event, kind)]


def test_E17_throttled_invocation_is_tried_again_after_1_2_4_seconds_and_so_on():
    simulation = run("a", faults=[Throttle(invocation=0, for_ms=10_000)])
    assert times(simulation, Throttled) == [0, 1, 3, 7]
    assert times(simulation, Began) == [15]


def test_E17_mapping_lets_go_when_the_visibility_timeout_ends():
    simulation = run("a", faults=[Throttle(invocation=0, for_ms=DAY_MS)], visibility_timeout_s=60)
    assert times(simulation, Throttled) == [0, 1, 3, 7, 15, 31]
    assert times(simulation, LetGo) == [60]
    assert times(simulation, Began) == [60]


def test_E17_receive_counts_although_nothing_was_delivered():
    simulation = run("a", faults=[Throttle(invocation=0, for_ms=DAY_MS)])
    assert [event.receive_count for event in of(simulation, LetGo)] == [1]
    assert [event.receive_count for event in of(simulation, Delivered)] == [2]


def test_E17_message_may_be_dead_lettered_without_a_single_delivery():
    simulation = run("a", reserved_concurrency=0, max_receive_count=3)
    assert of(simulation, Began) == []
    assert [event.receive_count for event in of(simulation, DeadLettered)] == [3]


def test_E17_reserved_concurrency_throttles_the_batches_beyond_it():
    simulation = run("a", "b", "c", reserved_concurrency=1, duration_ms=500, concurrent_batches=3)
    assert times(simulation, Began) == [0, 1, 3]
    assert [event.invocation for event in of(simulation, Throttled)] == [1, 2, 2]


def test_E17_throttled_batches_hold_their_places():
    simulation = run("a", "b", "c", "d", concurrent_batches=2, faults=[Throttle(invocation=0, for_ms=5_000)])
    began = [(event.invocation, (event.at_ms - EPOCH_MS) / 1000) for event in of(simulation, Began)]
    assert began == [(1, 0), (2, 0), (3, 0), (0, 7)]


def test_E17_throttling_leaves_fewer_concurrent_batches():
    simulation = run(*"abcdefgh", faults=[Throttle(invocation=number, for_ms=500) for number in range(5)])
    # Five batches could be with the function; after the first throttle it is two, and then one more 200 ms later.
    assert times(simulation, Throttled)[:3] == [0, 0, 0.2]
    assert len(times(simulation, Began)) == 8


@pytest.mark.parametrize(("reserved", "accepted"), [(-1, False), (0, True), (1, True)])
def test_E17_reserved_concurrency_is_not_negative(reserved, accepted):
    try:
        validate_mapping(MappingConfig(reserved_concurrency=reserved), fifo=False, visibility_timeout_s=900)
    except SqsError:
        assert not accepted
    else:
        assert accepted
