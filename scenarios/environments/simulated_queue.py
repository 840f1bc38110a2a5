"""What the simulator is set up with for a plan and a consumer: queue, mapping, sends, and how long to run."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from redrive.simulator.driver import EPOCH_MS, Invocation, Simulation, Steps
from redrive.simulator.faults import DuplicateDelivery, Fault, Faults, LateVisibility, Throttle
from redrive.simulator.function import Outcome
from redrive.simulator.mapping_config import BATCH_SIZE_MAX_FIFO, MappingConfig
from redrive.simulator.queue import QueueConfig

from ..consumer import Aws, Consumer, QueueSpec
from ..plan import EventChange, Plan, PlannedMessage

__all__ = [
    "event_for",
    "horizon_ms",
    "mapping_config",
    "plan_agenda",
    "plan_sends",
    "queue_config",
    "simulation_of",
    "with_pointers",
]


def simulation_of(
    plan: Plan,
    spec: QueueSpec,
    call: Callable[[Invocation], Outcome | Steps],
    *,
    seed: int,
    on_discard: Callable[[int], None],
    passes: Callable[[int, int], None] | None = None,
) -> Simulation:
    """The simulation that a plan is run in, with nothing on its agenda yet."""
    queue = queue_config(spec, fifo=plan.fifo)
    if plan.retention_s is not None:
        queue = replace(queue, retention_s=plan.retention_s)
    mapping = mapping_config(spec, fifo=plan.fifo, batch_size=plan.batch_size)
    return Simulation(
        replace(queue, delay_s=plan.queue_delay_s),
        replace(mapping, concurrent_batches=plan.concurrency),
        call,
        seed=seed,
        faults=Faults(plan.faults),
        shuffled=plan.shuffled,
        on_discard=on_discard,
        passes=passes,
    )


def queue_config(spec: QueueSpec, *, fifo: bool) -> QueueConfig:
    """The simulated queue for a consumer's."""
    return QueueConfig(
        fifo=fifo,
        visibility_timeout_s=spec.visibility_timeout_s,
        max_receive_count=spec.max_receive_count,
        content_based_deduplication=fifo,
    )


def mapping_config(spec: QueueSpec, *, fifo: bool, batch_size: int) -> MappingConfig:
    """A consumer of a standard queue may also claim order: as a FIFO queue's, its mapping has smaller batches (E01)."""
    return MappingConfig(
        batch_size=min(batch_size, BATCH_SIZE_MAX_FIFO) if fifo and not spec.fifo else batch_size,
        batching_window_s=0 if fifo and not spec.fifo else spec.batching_window_s,
        report_batch_item_failures=spec.report_batch_item_failures,
        concurrent_batches=1,
        function_timeout_s=spec.function_timeout_s,
    )


def with_pointers(plan: Plan, consumer: Consumer, aws: Aws) -> Plan:
    """The plan as it is sent: what belongs into S3 is put there, and its messages have a pointer to it (E25)."""
    if all(message.pointer is None for message in plan.messages):
        return plan
    return replace(plan, messages=tuple(_with_pointer(message, consumer, aws) for message in plan.messages))


def _with_pointer(message: PlannedMessage, consumer: Consumer, aws: Aws) -> PlannedMessage:
    if message.pointer is None:
        return message
    return replace(message, body=consumer.pointer(aws, message.body, message.pointer), payload=message.body)


def plan_agenda(simulation: Simulation, plan: Plan) -> None:
    """Put on the simulation's agenda what a plan says is to happen by itself: sends, redrives, empty events."""
    plan_sends(simulation, plan.messages)
    if simulation.dead_letters is not None:
        for at_ms in plan.redrive_at_ms:
            simulation.redrive_at(EPOCH_MS + at_ms)
    for at_ms in plan.empty_events_at_ms:
        simulation.invoke_at(EPOCH_MS + at_ms)


def plan_sends(simulation: Simulation, messages: Iterable[PlannedMessage]) -> None:
    """Put the sends of a plan on the simulation's agenda."""
    for message in messages:
        simulation.send_at(
            EPOCH_MS + message.at_ms,
            message.body,
            message_attributes=dict(message.message_attributes) or None,
            delay_s=message.delay_s,
            group=message.group,
            deduplication_id=message.deduplication_id,
            refusable=message.may_be_refused,
        )


def event_for(plan: Plan, event: dict[str, Any]) -> dict[str, Any]:
    """The event that the handler gets for the mapping's."""
    if EventChange.UNKNOWN_FIELDS not in plan.event_changes:
        return event
    changed = copy.deepcopy(event)
    changed["redriveUnknown"] = {"nested": [1, None, {"deep": True}]}
    for record in changed["Records"]:
        record["redriveUnknown"] = ["a list", 2.5, None]
        record["attributes"]["RedriveUnknown"] = "a system attribute that no document names"
        for attribute in record["messageAttributes"].values():
            attribute["redriveUnknown"] = False
    return changed


def horizon_ms(plan: Plan, spec: QueueSpec) -> int:
    """Time for every message to be delivered as often as it may be, one group after the other, and then some."""
    last_ms = max((message.at_ms for message in plan.messages), default=0)
    last_ms = max(last_ms, *plan.redrive_at_ms, *plan.empty_events_at_ms, 0)
    late_ms = sum(_lateness_ms(fault) for fault in plan.faults)
    delay_s = plan.queue_delay_s + max((message.delay_s or 0 for message in plan.messages), default=0)
    rounds = ((spec.max_receive_count or 3) + 1) * (1 + len(plan.redrive_at_ms)) + len(plan.faults) + 1
    round_s = spec.visibility_timeout_s + spec.batching_window_s + spec.function_timeout_s + 60
    return last_ms + late_ms + delay_s * 1000 + rounds * (len(plan.messages) + 1) * round_s * 1000


def _lateness_ms(fault: Fault) -> int:
    """By how much a fault may put off the end of a run."""
    match fault:
        case DuplicateDelivery():
            return fault.after_ms
        case LateVisibility():
            return fault.by_ms
        case Throttle():
            return fault.for_ms
        case _:
            return 0
