"""Faults, cold starts, races, redriving and retention on the virtual clock."""

import json

import pytest

from redrive.simulator import Ending, Faults, MappingConfig, Outcome, QueueConfig, Simulation
from redrive.simulator.driver import EPOCH_MS
from redrive.simulator.faults import (
    ClockSkew,
    ConcurrentDuplicate,
    DuplicateDelivery,
    FailedDelete,
    LateVisibility,
    LostDelete,
    Overtaken,
)
from redrive.simulator.trace import (
    Began,
    DeadLettered,
    Deleted,
    DeleteLost,
    DeleteRefused,
    Delivered,
    Ended,
    Expired,
    Filtered,
    Redriven,
    Struck,
)

DAY_MS = 24 * 3_600_000
DONE = Outcome(ending=Ending.RETURNED)


class Run:
    """A finished simulation of some bodies, sent in a row at 0. ``seen`` has time and bodies of each invocation."""

    def __init__(
        self, *bodies, call=lambda _: DONE, faults=(), queue=None, mapping=None, until_ms=DAY_MS, redrive_at=()
    ):
        self.seen = []
        self._call = call
        self.simulation = Simulation(
            QueueConfig(**{"visibility_timeout_s": 60, "max_receive_count": 3, **(queue or {})}),
            MappingConfig(**{"concurrent_batches": 1, **(mapping or {})}),
            self._invoked,
            seed=1,
            faults=Faults(faults),
        )
        for number, body in enumerate(bodies):
            fifo = self.simulation.queue.is_fifo
            self.simulation.send_at(
                EPOCH_MS,
                body,
                group=body[0] if fifo else None,
                deduplication_id=str(number) if fifo else None,
            )
        for at_ms in redrive_at:
            self.simulation.redrive_at(EPOCH_MS + at_ms)
        self.finished = self.simulation.run(EPOCH_MS + until_ms)

    def _invoked(self, invocation):
        bodies = [record["body"] for record in invocation.event["Records"]]
        self.seen.append((invocation.started_ms - EPOCH_MS, bodies))
        return self._call(invocation)

    def of(self, kind):
        return [event for event in self.simulation.trace if isinstance(event, kind)]


def failing(*bodies, times=1_000):
    left = dict.fromkeys(bodies, times)

    def call(invocation):
        failures = []
        for record in invocation.event["Records"]:
            if left.get(record["body"], 0) > 0:
                left[record["body"]] -= 1
                failures.append({"itemIdentifier": record["messageId"]})
        return Outcome(ending=Ending.RETURNED, payload=json.dumps({"batchItemFailures": failures}))

    return call


def test_E11_lost_deletion_brings_the_message_back():
    run = Run("a", "b", faults=[LostDelete(message=0)])
    assert run.seen == [(0, ["a", "b"]), (60_000, ["a"])]
    assert len(run.of(DeleteLost)) == 1


def test_E11_deletion_that_fails_for_one_entry_leaves_its_neighbours_alone():
    run = Run("a", "b", faults=[FailedDelete(message=1)])
    assert run.seen == [(0, ["a", "b"]), (60_000, ["b"])]
    assert [event.code for event in run.of(DeleteRefused)] == ["InternalError"]
    assert len(run.of(Deleted)) == 2


def test_message_that_is_late_after_its_send():
    run = Run("a", "b", faults=[LateVisibility(message=0, by_ms=5_000)])
    assert run.seen == [(0, ["b"]), (5_000, ["a"])]
    assert [event.fault.message for event in run.of(Struck)] == [0]


def test_message_that_is_late_after_a_receive():
    run = Run("a", call=failing("a", times=1), faults=[LateVisibility(message=0, by_ms=5_000, receive=1)])
    assert run.seen == [(0, ["a"]), (65_000, ["a"])]


def test_late_message_holds_back_its_group_and_no_other():
    faults = [LateVisibility(message=0, by_ms=5_000)]
    run = Run("g1", "g2", "h1", faults=faults, queue={"fifo": True})
    assert run.seen == [(0, ["h1"]), (5_000, ["g1", "g2"])]


def test_S17_message_that_is_overtaken():
    run = Run("a", "b", "c", faults=[Overtaken(message=0, by=1)], mapping={"batch_size": 1})
    assert [bodies for _, bodies in run.seen] == [["b"], ["a"], ["c"]]


@pytest.mark.parametrize(
    "fault", [DuplicateDelivery(message=0), Overtaken(message=0), ConcurrentDuplicate(invocation=0)], ids=repr
)
def test_S18_fifo_queue_does_not_have_the_faults_of_standard_queues(fault):
    with pytest.raises(ValueError, match="FIFO"):
        Run("a", faults=[fault], queue={"fifo": True})


def test_E12_what_no_filter_lets_through_is_deleted_without_an_invocation():
    patterns = (json.dumps({"body": {"kind": ["order"]}}),)
    order, other = '{"kind": "order"}', '{"kind": "other"}'
    run = Run(other, order, "no JSON", mapping={"filters": patterns})
    assert run.seen == [(0, [order])]
    assert len(run.of(Filtered)) == 2
    assert len(run.simulation.queue) == 0


def test_E12_filtered_messages_leave_their_places_in_the_batch_to_others():
    patterns = (json.dumps({"body": {"kind": ["order"]}}),)
    orders = [json.dumps({"kind": "order", "number": number}) for number in range(10)]
    run = Run(*['{"kind": "other"}'] * 10, *orders, mapping={"filters": patterns})
    assert run.seen == [(0, orders)]


def test_E24_cold_start_takes_its_time_once_and_not_from_the_function():
    deadlines = []

    def call(invocation):
        deadlines.append((invocation.started_ms - EPOCH_MS, invocation.deadline_ms - EPOCH_MS))
        return DONE

    Run("a", "b", call=call, mapping={"batch_size": 1, "cold_start_ms": 800, "function_timeout_s": 3})
    assert deadlines == [(800, 3_800), (800, 3_800)]


def test_E24_each_environment_has_a_cold_start_of_its_own():
    slow = Outcome(ending=Ending.RETURNED, duration_ms=100)
    run = Run(*"abc", call=lambda _: slow, mapping={"batch_size": 1, "cold_start_ms": 800, "concurrent_batches": 2})
    assert [at_ms for at_ms, _ in run.seen] == [800, 800, 900]
    assert [event.cold for event in run.of(Began)] == [True, True, False]


def test_E23_function_that_takes_longer_than_its_timeout_is_ended_at_its_timeout():
    long = Outcome(ending=Ending.RETURNED, duration_ms=10_000)
    run = Run("a", call=lambda _: long, mapping={"function_timeout_s": 3}, queue={"max_receive_count": 1})
    (ended,) = run.of(Ended)
    assert (ended.at_ms - EPOCH_MS, ended.ending) == (3_000, Ending.TIMED_OUT)
    assert "Task timed out after 3.00 seconds" in json.loads(ended.payload)["errorMessage"]


def test_E23_function_in_steps_is_ended_amid_its_steps():
    closed, kept = [], []

    def steps():
        try:
            yield 2_000
            yield 2_000
        finally:
            closed.append(True)
        return DONE

    def call(invocation):
        # Not left to the garbage collector.
        kept.append(steps())
        return kept[-1]

    run = Run("a", call=call, mapping={"function_timeout_s": 3}, queue={"max_receive_count": 1})
    assert [(event.at_ms - EPOCH_MS, event.ending) for event in run.of(Ended)] == [(3_000, Ending.TIMED_OUT)]
    assert closed == [True]


def test_E23_function_that_is_done_exactly_at_its_timeout_is_too_late_with_steps_and_in_time_with_a_duration():
    def steps(invocation):
        yield 3_000
        return DONE

    exactly = Outcome(ending=Ending.RETURNED, duration_ms=3_000)
    for call, ending in ((steps, Ending.TIMED_OUT), (lambda _: exactly, Ending.RETURNED)):
        run = Run("a", call=call, mapping={"function_timeout_s": 3}, queue={"max_receive_count": 1})
        assert [event.ending for event in run.of(Ended)] == [ending]


def test_race_between_two_invocations_happens_between_their_steps():
    """Look, then act: right alone, and wrong when somebody acts between the two."""
    acted = []

    def check_then_act(invocation):
        (record,) = invocation.event["Records"]
        key = record["body"][0]
        is_new = key not in acted
        yield 10
        if is_new:
            acted.append(key)
        return DONE

    bodies = ("k1", "k2")
    Run(*bodies, call=check_then_act, mapping={"batch_size": 1, "concurrent_batches": 1})
    assert acted == ["k"]
    acted.clear()
    Run(*bodies, call=check_then_act, mapping={"batch_size": 1, "concurrent_batches": 2})
    assert acted == ["k", "k"]


def test_each_environment_has_a_clock_of_its_own():
    skews = []

    def call(invocation):
        skews.append((invocation.environment, invocation.clock_skew_ms))
        return Outcome(ending=Ending.RETURNED, duration_ms=100)

    run = Run(
        *"abc",
        call=call,
        faults=[ClockSkew(environment=1, by_ms=-2_000)],
        mapping={"batch_size": 1, "concurrent_batches": 2},
    )
    assert sorted(set(skews)) == [(1, 0), (2, -2_000)]
    assert len(run.of(Struck)) == 1


def test_S12_redriven_message_comes_again_under_a_new_id():
    run = Run("a", call=failing("a", times=3), redrive_at=[3_600_000])
    (redriven,) = run.of(Redriven)
    assert redriven.new_message_id != redriven.message_id
    assert [event.receive_count for event in run.of(DeadLettered)] == [3]
    last = run.of(Delivered)[-1]
    assert (last.message_id, last.receive_count) == (redriven.new_message_id, 1)
    assert len(run.simulation.queue) == len(run.simulation.dead_letters) == 0


def test_S12_faults_of_a_message_strike_it_under_its_new_id():
    run = Run("a", call=failing("a", times=3), redrive_at=[3_600_000], faults=[LostDelete(message=0)])
    assert [event.message_id for event in run.of(DeleteLost)] == [run.of(Redriven)[0].new_message_id]


def test_S12_redriving_keeps_to_its_rate():
    run = Run(*"abcd", call=failing(*"abcd", times=1), queue={"max_receive_count": 1}, until_ms=0)
    run.simulation.run(EPOCH_MS + 100_000)
    run.simulation.redrive_at(EPOCH_MS + 200_000, per_second=2)
    run.simulation.run(EPOCH_MS + DAY_MS)
    assert [event.at_ms - EPOCH_MS for event in run.of(Redriven)] == [200_000, 200_500, 201_000, 201_500]


def test_S12_without_a_dead_letter_queue_there_is_nothing_to_redrive():
    with pytest.raises(ValueError, match="dead-letter queue"):
        Run("a", queue={"max_receive_count": None}, redrive_at=[0])


def test_S13_message_that_fails_for_ever_is_gone_when_its_retention_ends():
    run = Run("a", call=failing("a"), queue={"max_receive_count": None, "retention_s": 200, "visibility_timeout_s": 60})
    assert run.finished
    assert [at_ms for at_ms, _ in run.seen] == [0, 60_000, 120_000, 180_000]
    assert len(run.of(Expired)) == 1


def test_S15_mapping_waits_for_room_in_flight_as_a_long_poll_does():
    slow = Outcome(ending=Ending.RETURNED, duration_ms=100)
    mapping = {"batch_size": 1, "concurrent_batches": 3}
    run = Run(*"abc", call=lambda _: slow, queue={"in_flight_limit": 1}, mapping=mapping)
    assert run.finished
    assert len(run.of(Delivered)) == 3
