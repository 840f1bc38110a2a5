"""E18 and E19: what becomes of order on a FIFO queue, depending on what the function reports."""

import json

from redrive.simulator import Ending, MappingConfig, Outcome, QueueConfig, Simulation
from redrive.simulator.driver import EPOCH_MS

DAY_MS = 24 * 3_600_000


def done_in_order(*bodies, fails_once, stops_at_first_failure):
    """The bodies in the order in which the function does them. The first letter of a body is its message group."""
    done, batches, failing = [], [], set(fails_once)

    def call(invocation):
        records = invocation.event["Records"]
        batches.append([record["body"] for record in records])
        failed, stopped = [], set()
        for record in records:
            body = record["body"]
            if body in failing:
                failing.discard(body)
                stopped |= {body[0]} if stops_at_first_failure else set()
            elif body[0] not in stopped:
                done.append(body)
                continue
            failed.append({"itemIdentifier": record["messageId"]})
        return Outcome(ending=Ending.RETURNED, payload=json.dumps({"batchItemFailures": failed}))

    queue = QueueConfig(fifo=True, visibility_timeout_s=60, max_receive_count=3)
    simulation = Simulation(queue, MappingConfig(), call, seed=1)
    for body in bodies:
        simulation.send_at(EPOCH_MS, body, group=body[0], deduplication_id=body)
    assert simulation.run(EPOCH_MS + DAY_MS)
    assert len(simulation.queue) == 0
    return done, batches


def test_E18_batch_may_hold_several_groups_with_order_kept_in_each():
    done, batches = done_in_order("g1", "h1", "g2", "h2", fails_once=(), stops_at_first_failure=True)
    assert batches == [["g1", "g2", "h1", "h2"]]
    assert done == ["g1", "g2", "h1", "h2"]


def test_E18_returning_failed_and_unprocessed_records_keeps_the_order():
    done, batches = done_in_order("g1", "g2", "g3", "h1", fails_once=["g2"], stops_at_first_failure=True)
    assert done == ["g1", "h1", "g2", "g3"]
    assert batches == [["g1", "g2", "g3", "h1"], ["g2", "g3"]]


def test_E19_later_message_that_was_not_reported_is_done_before_the_earlier_one_that_failed():
    done, batches = done_in_order("g1", "g2", "g3", fails_once=["g2"], stops_at_first_failure=False)
    assert done == ["g1", "g3", "g2"]
    assert batches == [["g1", "g2", "g3"], ["g2"]]
