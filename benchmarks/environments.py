"""The time for one workload in each environment, and their ratios: the reference handler, in batches of 10.

    python benchmarks/environments.py
    python benchmarks/environments.py --messages 100 --on simulated,moto

All messages are sent, one send each, and worked on: each environment runs from an empty world until nothing is left to
happen. Time counts from the first send to the last deletion, with the handler's start and without the environment's.
LocalStack is installed first if need be. Seconds are of this machine; the ratios say more.
"""

import os
import platform
import time
from dataclasses import replace

import click

from redrive.scenarios.environment_kinds import KINDS
from redrive.scenarios.handler_runtime import IN_PROCESS, NATIVE
from redrive.scenarios.history import History
from redrive.scenarios.place import Place
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.scenarios.target import REFERENCE, handler_of, load_target
from redrive.simulator import trace

BATCH_SIZE = 10


def workload(messages: int) -> Plan:
    """Messages that are sent at once."""
    return Plan(
        messages=tuple(
            PlannedMessage(key=f"key-{number}", body=f'{{"order":"key-{number}","note":""}}')
            for number in range(messages)
        ),
        batch_size=BATCH_SIZE,
    )


def run(name: str, plan: Plan) -> tuple[float, History]:
    """Seconds of real time, and the history, in which each message was acknowledged."""
    kind = KINDS[name]
    with Place(kind=kind, runtime=NATIVE if kind.is_native else IN_PROCESS).shared() as place:
        environment = place.environment()
        with environment.running():
            # Nobody looks at the effects meanwhile: that would take more and more time the more there are.
            consumer = replace(place.shaped(load_target(REFERENCE).consumer), effects=None)
            began_s = time.perf_counter()
            history = environment.run(plan, consumer, handler_of(consumer), seed=0)
            seconds = time.perf_counter() - began_s
    left = sum(not fate.acknowledged for fate in history.fates)
    if left or not history.finished:
        raise SystemExit(f"{name}: {left} of {len(plan.messages)} messages were not acknowledged")
    if place.is_real_time:
        # Without what is made before the first send and taken away after the last deletion.
        times_ms = [event.at_ms for event in history.events if isinstance(event, trace.Sent | trace.Deleted)]
        seconds = (max(times_ms) - min(times_ms)) / 1000
    return seconds, history


@click.command()
@click.option("--messages", default=500, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--on", "names", default=",".join(KINDS), show_default=True, help="The environments, by comma.")
def main(messages: int, names: str) -> None:
    """Measure the environments."""
    wanted = names.split(",")
    unknown = [name for name in wanted if name not in KINDS]
    if unknown:
        raise click.UsageError(f"no environment named {unknown[0]!r}; there are: {', '.join(KINDS)}")
    click.echo(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    click.echo(f"{messages:,} messages, the reference handler, batches of {BATCH_SIZE}")
    plan = workload(messages)
    click.echo(f"{'environment':<12}  {'seconds':>8}  {'messages/s':>10}  {'invocations':>11}  ratio")
    first_s: float | None = None
    for name in wanted:
        seconds, history = run(name, plan)
        first_s = first_s or seconds
        click.echo(
            f"{name:<12}  {seconds:>8.2f}  {messages / seconds:>10,.0f}  {len(history.invocations):>11,}  "
            f"{seconds / first_s:.1f}"
        )


if __name__ == "__main__":
    main()
