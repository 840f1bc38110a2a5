"""E02, E05, E06, E08, E10 and E11 on the virtual clock: batches, responses and what becomes of the messages."""

import json

import pytest

from redrive.simulator import BatchVerdict, Ending, Faults, MappingConfig, Outcome, QueueConfig, Simulation, SqsError
from redrive.simulator.driver import EPOCH_MS
from redrive.simulator.faults import ConcurrentDuplicate, DuplicateDelivery, LostDelete
from redrive.simulator.trace import Began, Deleted, DeleteLost, Delivered, Ended, Reappeared

DAY_MS = 24 * 3_600_000


def success(invocation):
    return Outcome(ending=Ending.RETURNED)


class Run:
    """A finished simulation. The function answers what ``answer`` says; ``sends`` are times in ms and bodies."""

    def __init__(self, answer, *sends, mapping=None, faults=(), max_receive_count=3, until_ms=DAY_MS, **queue):
        self.batches = []
        self._answer = answer
        self.simulation = Simulation(
            QueueConfig(**{"visibility_timeout_s": 60, "max_receive_count": max_receive_count, **queue}),
            MappingConfig(**(mapping or {})),
            self._call,
            seed=1,
            faults=Faults(faults),
        )
        for at_ms, body in sends:
            self.simulation.send_at(EPOCH_MS + at_ms, body)
        self.finished = self.simulation.run(EPOCH_MS + until_ms)

    def _call(self, invocation):
        bodies = [record["body"] for record in invocation.event["Records"]]
        self.batches.append((invocation.started_ms - EPOCH_MS, bodies))
        return self._answer(invocation)

    def events(self, kind):
        return [event for event in self.simulation.trace if isinstance(event, kind)]

    def dead_letters(self):
        return [message.body for message in self.simulation.dead_letters.messages()]


def report(*bodies):
    """A function that reports the records with these bodies, each time they come."""

    def call(invocation):
        failed = [record["messageId"] for record in invocation.event["Records"] if record["body"] in bodies]
        payload = json.dumps({"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]})
        return Outcome(ending=Ending.RETURNED, payload=payload)

    return call


def always(ending, payload=None, duration_ms=0):
    return lambda _: Outcome(ending=ending, payload=payload, duration_ms=duration_ms)


def test_E02_full_batch_is_invoked_at_once():
    run = Run(success, (0, "a"), (0, "b"), (5_000, "c"), mapping={"batch_size": 2, "batching_window_s": 30})
    assert run.batches == [(0, ["a", "b"]), (35_000, ["c"])]


def test_E02_batch_that_is_not_full_is_invoked_when_the_window_is_over():
    run = Run(success, (1_000, "a"), (9_000, "b"), (11_000, "c"), mapping={"batching_window_s": 10})
    assert run.batches == [(11_000, ["a", "b", "c"])]


def test_E02_window_begins_with_the_first_message_of_the_batch():
    run = Run(success, (1_000, "a"), (31_001, "b"), mapping={"batching_window_s": 30})
    assert run.batches == [(31_000, ["a"]), (61_001, ["b"])]


def test_E02_without_a_window_whatever_is_there_is_invoked_at_once():
    run = Run(success, (0, "a"), (0, "b"), (1, "c"))
    assert run.batches == [(0, ["a", "b"]), (1, ["c"])]


def test_E02_batch_of_more_than_10_is_collected_from_several_receives():
    sends = [(0, str(number)) for number in range(25)]
    run = Run(success, *sends, mapping={"batch_size": 25, "batching_window_s": 300})
    assert [(at_ms, len(bodies)) for at_ms, bodies in run.batches] == [(0, 25)]


@pytest.mark.parametrize("payload", [None, "", "null", "{}", '{"batchItemFailures": []}'])
def test_E05_success_deletes_the_whole_batch(payload):
    run = Run(always(Ending.RETURNED, payload), (0, "a"), (0, "b"))
    assert len(run.events(Deleted)) == 2
    assert len(run.simulation.queue) == 0
    assert run.batches == [(0, ["a", "b"])]


@pytest.mark.parametrize("ending", [Ending.RAISED, Ending.TIMED_OUT, Ending.CRASHED])
@pytest.mark.parametrize("payload", [None, '{"batchItemFailures": []}'])
def test_E06_exception_timeout_and_crash_fail_the_whole_batch(ending, payload):
    run = Run(always(ending, payload), (0, "a"), (0, "b"), max_receive_count=1)
    assert [event.verdict for event in run.events(Ended)] == [BatchVerdict.FAILURE]
    assert run.dead_letters() == ["a", "b"]


def test_E06_malformed_response_fails_the_whole_batch():
    run = Run(always(Ending.RETURNED, "not json"), (0, "a"), (0, "b"), max_receive_count=1)
    assert run.events(Deleted) == []
    assert run.dead_letters() == ["a", "b"]


def test_E07_unknown_item_identifier_brings_the_whole_batch_back():
    payload = '{"batchItemFailures": [{"itemIdentifier": "unknown"}]}'
    run = Run(always(Ending.RETURNED, payload), (0, "a"), (0, "b"), max_receive_count=1)
    assert run.events(Deleted) == []
    assert run.dead_letters() == ["a", "b"]


def test_E08_without_report_batch_item_failures_reported_messages_are_deleted():
    run = Run(report("a"), (0, "a"), (0, "b"), mapping={"report_batch_item_failures": False})
    assert run.batches == [(0, ["a", "b"])]
    assert len(run.events(Deleted)) == 2


def test_E08_without_report_batch_item_failures_an_exception_still_fails_the_batch():
    run = Run(always(Ending.RAISED), (0, "a"), mapping={"report_batch_item_failures": False}, max_receive_count=2)
    assert [at_ms for at_ms, _ in run.batches] == [0, 60_000]


def test_E10_successful_messages_are_deleted_and_failed_ones_come_again():
    run = Run(report("b"), (0, "a"), (0, "b"), (0, "c"), max_receive_count=2)
    assert run.batches == [(0, ["a", "b", "c"]), (60_000, ["b"])]
    assert run.dead_letters() == ["b"]


def test_E10_failed_messages_stay_hidden_until_their_visibility_timeout_ends():
    run = Run(report("a"), (7_000, "a"), visibility_timeout_s=90, max_receive_count=3)
    assert [at_ms for at_ms, _ in run.batches] == [7_000, 97_000, 187_000]


def test_E10_visibility_timeout_counts_from_the_receive_not_from_the_failure():
    run = Run(always(Ending.RAISED, duration_ms=45_000), (0, "a"), max_receive_count=2)
    assert [event.at_ms - EPOCH_MS for event in run.events(Ended)] == [45_000, 105_000]
    assert [at_ms for at_ms, _ in run.batches] == [0, 60_000]


def test_E10_messages_are_deleted_after_the_invocation():
    run = Run(always(Ending.RETURNED, duration_ms=45_000), (0, "a"))
    assert [event.at_ms - EPOCH_MS for event in run.events(Deleted)] == [45_000]


def test_E10_poison_costs_its_neighbours_nothing():
    run = Run(report("poison"), (0, "a"), (0, "poison"), (0, "b"), max_receive_count=3)
    assert [bodies for _, bodies in run.batches] == [["a", "poison", "b"], ["poison"], ["poison"]]
    assert run.dead_letters() == ["poison"]


def test_E11_message_whose_deletion_is_lost_comes_again():
    run = Run(success, (0, "a"), (0, "b"), faults=[LostDelete(message=1)])
    assert run.batches == [(0, ["a", "b"]), (60_000, ["b"])]
    assert len(run.events(DeleteLost)) == 1
    assert len(run.simulation.queue) == 0


def test_E11_faults_count_messages_as_sent_also_where_deduplication_swallowed_one():
    queue = QueueConfig(fifo=True, visibility_timeout_s=60)
    simulation = Simulation(queue, MappingConfig(), success, seed=1, faults=Faults([LostDelete(message=0)]))
    for _ in range(2):
        simulation.send_at(EPOCH_MS, "a", group="g", deduplication_id="a")
    assert simulation.run(EPOCH_MS + DAY_MS)
    assert [type(event).__name__ for event in simulation.trace].count("DeleteLost") == 1


def test_S08_fifo_refuses_a_deletion_that_comes_with_the_end_of_the_visibility_timeout():
    queue = QueueConfig(fifo=True, visibility_timeout_s=60)
    outcomes = iter([Outcome(ending=Ending.RETURNED, duration_ms=60_000), Outcome(ending=Ending.RETURNED)])
    simulation = Simulation(queue, MappingConfig(), lambda _: next(outcomes), seed=1)
    simulation.send_at(EPOCH_MS, "a", group="g", deduplication_id="a")
    assert simulation.run(EPOCH_MS + DAY_MS)
    kinds = [type(event).__name__ for event in simulation.trace]
    assert kinds.count("DeleteRefused") == 1
    assert kinds.count("Deleted") == 1
    assert len(simulation.queue) == 0


def test_S10_dead_lettered_after_exactly_max_receive_count_deliveries():
    run = Run(always(Ending.RAISED), (0, "a"), max_receive_count=4)
    assert [event.receive_count for event in run.events(Delivered)] == [1, 2, 3, 4]
    assert run.dead_letters() == ["a"]
    assert len(run.simulation.queue) == 0


def test_S17_duplicate_delivery_comes_after_the_deletion():
    run = Run(success, (0, "a"), faults=[DuplicateDelivery(message=0, after_ms=5_000)])
    assert run.batches == [(0, ["a"]), (5_000, ["a"])]
    assert [event.at_ms - EPOCH_MS for event in run.events(Reappeared)] == [5_000]


def test_S17_two_duplicates_never_put_one_message_into_the_dead_letter_queue_twice():
    faults = [DuplicateDelivery(message=0, after_ms=after_ms) for after_ms in (0, 1_000)]
    run = Run(success, (0, "a"), faults=faults, max_receive_count=1)
    assert run.dead_letters() == ["a"]


def test_S17_concurrent_duplicate_hands_these_very_messages_to_a_second_invocation():
    batches = []

    def answer(invocation):
        batches.append([record["body"] for record in invocation.event["Records"]])
        if invocation.number == 0:
            simulation.deliver_concurrently(0)
            batches.append("the first goes on")
        return Outcome(ending=Ending.RETURNED)

    queue = QueueConfig(visibility_timeout_s=60, max_receive_count=3)
    simulation = Simulation(queue, MappingConfig(batch_size=2), answer, seed=1)
    for body in "abcde":
        simulation.send_at(EPOCH_MS, body)
    assert simulation.run(EPOCH_MS + DAY_MS)
    assert batches == [["a", "b"], ["a", "b"], "the first goes on", ["c", "d"], ["e"]]


@pytest.mark.parametrize("fault", [DuplicateDelivery(message=0), ConcurrentDuplicate(invocation=0, call=1)])
def test_S17_faults_that_a_fifo_queue_does_not_have_are_refused(fault):
    queue, mapping = QueueConfig(fifo=True), MappingConfig(function_timeout_s=30)
    with pytest.raises(ValueError, match="S17"):
        Simulation(queue, mapping, success, seed=1, faults=Faults([fault]))


def test_E04_simulation_refuses_what_lambda_refuses():
    with pytest.raises(SqsError, match="visibility timeout"):
        Simulation(QueueConfig(visibility_timeout_s=30), MappingConfig(function_timeout_s=31), success, seed=1)


def test_E23_deadline_is_the_function_timeout_after_the_start():
    deadlines = []

    def answer(invocation):
        deadlines.append(invocation.deadline_ms - invocation.started_ms)
        return Outcome(ending=Ending.RETURNED)

    Run(answer, (0, "a"), mapping={"function_timeout_s": 12})
    assert deadlines == [12_000]


def test_S14_delayed_message_is_delivered_when_its_delay_is_over_whatever_else_is_hidden_for_longer():
    batches = []

    def answer(invocation):
        bodies = [record["body"] for record in invocation.event["Records"]]
        batches.append((invocation.started_ms - EPOCH_MS, bodies))
        return Outcome(ending=Ending.RAISED)

    queue = QueueConfig(visibility_timeout_s=60, max_receive_count=1)
    simulation = Simulation(queue, MappingConfig(), answer, seed=1)
    simulation.send_at(EPOCH_MS, "a")
    simulation.send_at(EPOCH_MS + 1_000, "b", delay_s=10)
    assert simulation.run(EPOCH_MS + DAY_MS)
    assert batches == [(0, ["a"]), (11_000, ["b"])]


def test_time_never_goes_back_for_a_send_that_was_planned_too_late():
    def answer(invocation):
        simulation.advance_to(EPOCH_MS + 5_000)
        if invocation.number == 0:
            simulation.send_at(EPOCH_MS + 1_000, "late")
        return Outcome(ending=Ending.RETURNED)

    simulation = Simulation(QueueConfig(visibility_timeout_s=60), MappingConfig(), answer, seed=1)
    simulation.send_at(EPOCH_MS, "a")
    assert simulation.run(EPOCH_MS + DAY_MS)
    times = [event.at_ms - EPOCH_MS for event in simulation.trace]
    assert times == sorted(times)
    assert times[-1] == 5_000
    assert len(simulation.queue) == 0


def test_time_never_goes_back_for_a_function_that_another_one_held_up():
    def answer(invocation):
        simulation.advance_to(simulation.now_ms + (10, 100)[invocation.number])
        return Outcome(ending=Ending.RETURNED)

    mapping = MappingConfig(concurrent_batches=2)
    simulation = Simulation(QueueConfig(visibility_timeout_s=60), mapping, answer, seed=1)
    simulation.send_at(EPOCH_MS, "a")
    simulation.send_at(EPOCH_MS + 1, "b")
    assert simulation.run(EPOCH_MS + DAY_MS)
    ends = [(event.invocation, event.at_ms - EPOCH_MS) for event in simulation.trace if isinstance(event, Ended)]
    assert ends == [(1, 101), (0, 101)]


def test_run_that_is_cut_off_says_so_and_goes_on_where_it_stopped():
    run = Run(always(Ending.RAISED), (0, "a"), max_receive_count=3, until_ms=100_000)
    assert not run.finished
    assert [at_ms for at_ms, _ in run.batches] == [0, 60_000]
    assert run.simulation.run(EPOCH_MS + DAY_MS)
    assert [at_ms for at_ms, _ in run.batches] == [0, 60_000, 120_000]


def test_no_more_batches_are_with_the_function_than_are_allowed():
    sends = [(0, str(number)) for number in range(6)]
    mapping = {"batch_size": 1, "concurrent_batches": 2}
    run = Run(always(Ending.RETURNED, duration_ms=10_000), *sends, mapping=mapping)
    assert [at_ms for at_ms, _ in run.batches] == [0, 0, 10_000, 10_000, 20_000, 20_000]


def test_trace_tells_the_story_in_order():
    run = Run(report("b"), (0, "a"), (0, "b"), max_receive_count=1)
    story = ["Sent", "Sent", "Began", "Delivered", "Delivered", "Ended", "Deleted", "DeadLettered"]
    assert [type(event).__name__ for event in run.simulation.trace] == story
    times = [event.at_ms for event in run.simulation.trace]
    assert times == sorted(times)
    assert run.events(Began)[0].size == 2
