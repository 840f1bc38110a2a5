"""The simulator's mapping behind the seam of the probes."""

import json
from typing import Any

from redrive.simulator import SqsError
from redrive.simulator.driver import EPOCH_MS, Invocation, Simulation, Steps
from redrive.simulator.function import Ending, Outcome, crashed
from redrive.simulator.mapping_config import MappingConfig, ProvisionedPollers, validate_mapping
from redrive.simulator.queue_config import QueueConfig

from .mapping import Crash, Doing, Invoked, MappingRun, MappingSeen, Raise, Return, Settings
from .probe import CannotAsk
from .simulated_sqs import SimulatedSqs, send_options

__all__ = ["SimulatedMapping", "mapping_config"]

_STEP_MS = 100


class SimulatedMapping:
    """A :class:`~.mapping.MappingEndpoint` in virtual time."""

    kind = "simulated"

    def run(self, run: MappingRun) -> MappingSeen:
        """As the seam says."""
        invocations: list[Invoked] = []

        def call(invocation: Invocation) -> Steps:
            invoked = Invoked(
                number=len(invocations),
                began_s=(invocation.started_ms - EPOCH_MS) / 1000,
                environment=str(invocation.environment),
                event=invocation.event,
            )
            invocations.append(invoked)
            return _steps(simulation, invocation, invoked, run.script(invoked))

        settings = run.settings
        simulation = Simulation(
            QueueConfig(
                fifo=settings.fifo,
                visibility_timeout_s=settings.visibility_timeout_s,
                max_receive_count=settings.max_receive_count,
            ),
            mapping_config(settings),
            call,
            seed=0,
        )
        for message in run.messages:
            options = send_options(dict(message))
            del options["trace_header"]
            simulation.send_at(EPOCH_MS, message["MessageBody"], **options)
        now_ms = EPOCH_MS
        while not run.done(invocations) and now_ms < EPOCH_MS + run.most_s * 1000:
            now_ms += _STEP_MS
            simulation.run(now_ms)
        now_ms += int(run.then_s * 1000)
        simulation.run(now_ms)
        return MappingSeen(invocations=tuple(invocations), left=len(simulation.queue), dead=_dead(simulation, now_ms))

    def refuses(self, settings: Settings) -> bool:
        """As the seam says."""
        try:
            validate_mapping(
                mapping_config(settings), fifo=settings.fifo, visibility_timeout_s=settings.visibility_timeout_s
            )
        except SqsError:
            return True
        return False

    def batch_size(self) -> int:
        """As the seam says."""
        return MappingConfig().batch_size

    def error(self, doing: Doing) -> dict[str, Any]:
        """As the seam says."""
        del doing
        raise CannotAsk("there is no function to invoke")


def mapping_config(settings: Settings) -> MappingConfig:
    """What the probes' settings are in the simulator's words."""
    return MappingConfig(
        batch_size=settings.batch_size,
        batching_window_s=settings.batching_window_s,
        report_batch_item_failures=settings.report_batch_item_failures,
        filters=settings.filters,
        maximum_concurrency=settings.maximum_concurrency,
        provisioned_pollers=None
        if settings.pollers is None
        else ProvisionedPollers(minimum=settings.pollers[0], maximum=settings.pollers[1]),
        function_timeout_s=settings.function_timeout_s,
        reserved_concurrency=settings.reserved_concurrency,
    )


def _steps(simulation: Simulation, invocation: Invocation, invoked: Invoked, doing: Doing) -> Steps:
    match doing:
        case Raise(message):
            return Outcome(ending=Ending.RAISED, payload=json.dumps({"errorMessage": message}))
        case Crash():
            return crashed(invocation.request_id)
        case Return(value, after_s):
            if after_s:
                yield int(after_s * 1000)
            invoked.ended_s = (simulation.now_ms - EPOCH_MS) / 1000
            return Outcome(ending=Ending.RETURNED, payload=json.dumps(value))


def _dead(simulation: Simulation, now_ms: int) -> tuple[dict[str, Any], ...]:
    if simulation.dead_letters is None:
        return ()
    queues = SimulatedSqs(lambda: now_ms)
    queues.queues["dead"] = simulation.dead_letters
    return tuple(queues.receive_message(QueueUrl="dead", MaxNumberOfMessages=10).get("Messages", ()))
