"""Whatever goes wrong: a simulation ends, loses and invents nothing, and the same seed tells the same story."""

import json
import random
from dataclasses import dataclass

from hypothesis import event, given, settings
from hypothesis import strategies as st

from redrive.simulator import Ending, Faults, MappingConfig, Outcome, QueueConfig, Simulation
from redrive.simulator.driver import EPOCH_MS
from redrive.simulator.faults import ConcurrentDuplicate, CrashAt, DuplicateDelivery, LostDelete, Moment, SlowAt
from redrive.simulator.trace import Began, DeadLettered, Deleted, Delivered, Ended, Sent

TIMEOUT_S = 30
HORIZON_MS = EPOCH_MS + 6 * 3_600_000
ANSWERS = ["all", "half", "none", "garbage", "raise", "slow", "late"]
EITHER = st.booleans()


@dataclass(frozen=True)
class Case:
    """All that a simulation is made of."""

    queue: QueueConfig
    mapping: MappingConfig
    sends: list
    answers: list
    faults: list
    shuffled: bool
    seed: int


@st.composite
def cases(draw, fifo=EITHER):
    fifo = draw(fifo)
    sends = draw(st.lists(st.tuples(st.sampled_from([0, 0, 1, 5_000, 60_000]), st.sampled_from("gh")), max_size=10))
    moments = st.builds(
        SlowAt, invocation=st.integers(0, 6), call=st.integers(1, 2), duration_ms=st.sampled_from([1, 20_000, 90_000])
    ) | st.builds(CrashAt, invocation=st.integers(0, 6), call=st.integers(1, 2))
    messages, later_ms = st.integers(0, 9), st.sampled_from([0, 1_000, 60_000, 3_600_000])
    faults = moments | st.builds(LostDelete, message=messages)
    if not fifo:
        faults |= st.builds(DuplicateDelivery, message=messages, after_ms=later_ms)
        faults |= st.builds(ConcurrentDuplicate, invocation=st.integers(0, 6), call=st.integers(1, 2))
    return Case(
        queue=QueueConfig(
            fifo=fifo,
            visibility_timeout_s=draw(st.sampled_from([TIMEOUT_S, 60, 300])),
            delay_s=draw(st.sampled_from([0, 0, 10])),
            max_receive_count=draw(st.sampled_from([None, 1, 2, 3])),
            content_based_deduplication=True,
        ),
        mapping=MappingConfig(
            batch_size=draw(st.integers(1, 10)),
            batching_window_s=0 if fifo else draw(st.sampled_from([0, 0, 5, 300])),
            report_batch_item_failures=draw(st.booleans()),
            function_timeout_s=TIMEOUT_S,
            concurrent_batches=draw(st.integers(1, 3)),
        ),
        sends=sends,
        answers=draw(st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=5)),
        faults=draw(st.lists(faults, max_size=6)),
        shuffled=draw(st.booleans()) and not fifo,
        seed=draw(st.integers(0, 3)),
    )


class Run:
    """One simulation of a case. The function makes two calls, where faults may strike, and answers in turn."""

    def __init__(self, case):
        self.case = case
        self.simulation = Simulation(
            case.queue,
            case.mapping,
            self.call,
            seed=case.seed,
            faults=Faults(case.faults),
            shuffled=case.shuffled,
        )
        for number, (at_ms, group) in enumerate(case.sends):
            self.simulation.send_at(EPOCH_MS + at_ms, f"body {number}", group=group)
        self.finished = self.simulation.run(HORIZON_MS)

    def call(self, invocation):
        for call in (1, 2):
            for moment in Moment:
                for fault in self.simulation.faults.at_call(invocation.number, call, moment):
                    if isinstance(fault, CrashAt):
                        return Outcome(ending=Ending.CRASHED)
                    if isinstance(fault, ConcurrentDuplicate):
                        self.simulation.deliver_concurrently(invocation.number)
                    else:
                        to_ms = min(self.simulation.now_ms + fault.duration_ms, invocation.deadline_ms)
                        self.simulation.advance_to(to_ms)
                    if self.simulation.now_ms >= invocation.deadline_ms:
                        return Outcome(ending=Ending.TIMED_OUT)
        return self.answer(invocation)

    def answer(self, invocation):
        ids = [record["messageId"] for record in invocation.event["Records"]]
        left_ms = invocation.deadline_ms - self.simulation.now_ms
        match self.case.answers[invocation.number % len(self.case.answers)]:
            case "half":
                failed = [{"itemIdentifier": message_id} for message_id in ids[len(ids) // 2 :]]
                return Outcome(ending=Ending.RETURNED, payload=json.dumps({"batchItemFailures": failed}))
            case "none":
                failed = [{"itemIdentifier": message_id} for message_id in ids]
                return Outcome(ending=Ending.RETURNED, payload=json.dumps({"batchItemFailures": failed}))
            case "garbage":
                return Outcome(ending=Ending.RETURNED, payload="garbage")
            case "raise":
                return Outcome(ending=Ending.RAISED)
            case "slow":
                return Outcome(ending=Ending.RETURNED, duration_ms=left_ms // 2)
            case "late":
                return Outcome(ending=Ending.TIMED_OUT, duration_ms=left_ms)
            case _:
                return Outcome(ending=Ending.RETURNED)

    def events(self, kind):
        return [event for event in self.simulation.trace if isinstance(event, kind)]


quick = settings(max_examples=120, deadline=None)


@quick
@given(cases())
def test_every_message_is_acknowledged_dead_lettered_or_still_in_the_queue(case):
    run = Run(case)
    enqueued = [sent.message_id for sent in run.events(Sent) if sent.enqueued]
    acknowledged = {deleted.message_id for deleted in run.events(Deleted)}
    dead = [moved.message_id for moved in run.events(DeadLettered)]
    held = [message.message_id for message in run.simulation.queue.messages()]
    event(f"finished: {run.finished}")

    assert set(enqueued) == acknowledged | set(dead) | set(held)
    assert len(enqueued) == len(set(enqueued)) == len(case.sends)
    assert len(dead) == len(set(dead)), "moved once at most"
    if case.queue.max_receive_count is not None:
        assert [message.message_id for message in run.simulation.dead_letters.messages()] == dead
    assert not set(dead) & set(held)


@quick
@given(cases())
def test_simulation_ends_with_an_empty_queue_or_at_the_horizon(case):
    run = Run(case)
    if run.finished:
        assert len(run.simulation.queue) == 0
    else:
        assert case.queue.max_receive_count is None, "with a redrive policy nothing goes on for ever"
        assert run.events(Began)[-1].at_ms > HORIZON_MS - 1_000_000


@quick
@given(cases())
def test_S10_dead_lettered_after_exactly_max_receive_count_receives(case):
    run = Run(case)
    delivered = [delivery.message_id for delivery in run.events(Delivered)]
    for moved in run.events(DeadLettered):
        assert moved.receive_count == case.queue.max_receive_count
        # A batch that waits for its window holds messages that were received, and not yet delivered.
        if case.mapping.batching_window_s == 0:
            assert delivered.count(moved.message_id) == case.queue.max_receive_count


@quick
@given(cases())
def test_S07_no_two_deliveries_of_a_message_have_the_same_receive_count(case):
    counts = [(delivery.message_id, delivery.receive_count) for delivery in Run(case).events(Delivered)]
    assert len(counts) == len(set(counts))


@quick
@given(cases())
def test_every_invocation_ends_and_no_more_run_at_once_than_allowed(case):
    run = Run(case)
    duplicates = sum(isinstance(fault, ConcurrentDuplicate) for fault in case.faults)
    running = set()
    for happened in run.simulation.trace:
        if isinstance(happened, Began):
            assert 1 <= happened.size <= case.mapping.batch_size
            running.add(happened.invocation)
            assert len(running) <= case.mapping.concurrent_batches + duplicates
        elif isinstance(happened, Ended):
            running.remove(happened.invocation)
    assert not running or not run.finished


@quick
@given(cases())
def test_time_never_goes_back(case):
    times = [happened.at_ms for happened in Run(case).simulation.trace]
    assert times == sorted(times)


@quick
@given(cases(fifo=st.just(True)))
def test_S18_message_group_is_first_delivered_in_send_order(case):
    run = Run(case)
    number = {sent.message_id: sent.message for sent in run.events(Sent)}
    delivered = list(dict.fromkeys(number[delivery.message_id] for delivery in run.events(Delivered)))
    arrival = sorted(range(len(case.sends)), key=lambda n: case.sends[n][0])
    for group in "gh":
        first = [n for n in delivered if case.sends[n][1] == group]
        assert first == [n for n in arrival if case.sends[n][1] == group][: len(first)]


@quick
@given(cases(fifo=st.just(True)))
def test_S18_message_group_is_never_with_two_invocations_that_both_have_time_left(case):
    run = Run(case)
    group_of = {sent.message_id: case.sends[sent.message][1] for sent in run.events(Sent)}
    running = {}
    for happened in run.simulation.trace:
        if isinstance(happened, Delivered):
            deadline_ms = happened.at_ms + TIMEOUT_S * 1000
            group = group_of[happened.message_id]
            invocation, until_ms = running.get(group, (happened.invocation, deadline_ms))
            assert invocation == happened.invocation or until_ms <= happened.at_ms
            running[group] = (happened.invocation, deadline_ms)
        elif isinstance(happened, Ended):
            running = {group: other for group, other in running.items() if other[0] != happened.invocation}


@quick
@given(cases())
def test_same_seed_gives_the_same_trace_and_leaves_global_randomness_alone(case):
    random.seed(1)
    before = random.getstate()
    first = Run(case).simulation.trace
    assert random.getstate() == before
    random.seed(2)
    assert Run(case).simulation.trace == first


def test_another_seed_gives_other_message_ids():
    def message_ids(seed):
        case = Case(QueueConfig(), MappingConfig(function_timeout_s=TIMEOUT_S), [(0, "g")], ["all"], [], False, seed)
        return {sent.message_id for sent in Run(case).events(Sent)}

    assert not message_ids(1) & message_ids(2)
