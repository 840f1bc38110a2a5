"""What the simulator is set up with for a plan and a consumer: queue, mapping, sends, and how long to run."""

from collections.abc import Iterable

from redrive.simulator.driver import EPOCH_MS, Simulation
from redrive.simulator.faults import DuplicateDelivery, Fault, LateVisibility, Throttle
from redrive.simulator.mapping_config import BATCH_SIZE_MAX_FIFO, MappingConfig
from redrive.simulator.queue import QueueConfig

from ..consumer import QueueSpec
from ..plan import Plan, PlannedMessage

__all__ = ["horizon_ms", "mapping_config", "plan_sends", "queue_config"]


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


def plan_sends(simulation: Simulation, messages: Iterable[PlannedMessage]) -> None:
    """Put the sends of a plan on the simulation's agenda."""
    for message in messages:
        simulation.send_at(
            EPOCH_MS + message.at_ms,
            message.body,
            group=message.group,
            deduplication_id=message.deduplication_id,
        )


def horizon_ms(plan: Plan, spec: QueueSpec) -> int:
    """Time for every message to be delivered as often as it may be, one group after the other, and then some."""
    last_ms = max((message.at_ms for message in plan.messages), default=0)
    late_ms = sum(_lateness_ms(fault) for fault in plan.faults)
    rounds = (spec.max_receive_count or 3) + len(plan.faults) + 2
    round_s = spec.visibility_timeout_s + spec.batching_window_s + spec.function_timeout_s + 60
    return last_ms + late_ms + rounds * (len(plan.messages) + 1) * round_s * 1000


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
