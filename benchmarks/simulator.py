"""How fast the simulator is, how its cost grows, and what a history takes of memory.

A function that does nothing gets batches of 10, partial batch responses on; the history is recorded, and every
invariant is held against it. The peer is moto's queue behind the poller of this project, in the same process, with the
same messages and the same judging. Figures are of this machine; ratios are what to compare.

With ``--faults``: a million messages with duplicates, crashes and poison, twice with the same seed.
"""

import gc
import json
import os
import platform
import random
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import click

from redrive.fixtures.named_faults import draw_faults
from redrive.fixtures.stacks import moto_stack
from redrive.scenarios.consumer import QueueSpec
from redrive.scenarios.history import EffectSeen, History
from redrive.scenarios.invariants import INVARIANTS
from redrive.scenarios.judgement import Judgement, Verdict, judge
from redrive.scenarios.plan import Kind, Plan, PlannedMessage
from redrive.scenarios.poller import Poller
from redrive.simulator import Ending, Faults, Invocation, MappingConfig, Outcome, QueueConfig, Simulation, trace
from redrive.simulator.driver import EPOCH_MS
from redrive.simulator.faults import CrashAt, Moment
from redrive.simulator.function import crashed

QUEUE = QueueSpec(visibility_timeout_s=300, max_receive_count=3)
DURATION_MS = 50
GAP_MS = 1
YEAR_MS = 365 * 24 * 3_600_000
POISON = "poison"


def plan_of(messages: int, *, poison_rate: float = 0.0, rng: random.Random | None = None) -> Plan:
    """Messages that come one each millisecond."""
    poison = {number for number in range(messages) if rng is not None and rng.random() < poison_rate}
    return Plan(
        messages=tuple(
            PlannedMessage(
                key=f"key-{number}",
                body=json.dumps({"id": f"key-{number}", **({POISON: True} if number in poison else {})}),
                kind=Kind.POISON if number in poison else Kind.VALID,
                at_ms=number * GAP_MS,
            )
            for number in range(messages)
        )
    )


def nothing(_: Invocation) -> Outcome:
    """A function that does nothing, in 50 ms of virtual time."""
    return Outcome(ending=Ending.RETURNED, payload='{"batchItemFailures": []}', duration_ms=DURATION_MS)


def run(plan: Plan, call: Callable[[Invocation], Outcome], *, seed: int = 0, faults: Faults | None = None) -> History:
    """The history of a plan."""
    simulation = simulation_of(plan, call, seed=seed, faults=faults)
    return history_of(plan, simulation, finished=simulation.run(EPOCH_MS + YEAR_MS))


def simulation_of(
    plan: Plan, call: Callable[[Invocation], Outcome], *, seed: int = 0, faults: Faults | None = None
) -> Simulation:
    """A simulation in which the messages of the plan are about to be sent."""
    queue = QueueConfig(visibility_timeout_s=QUEUE.visibility_timeout_s, max_receive_count=QUEUE.max_receive_count)
    simulation = Simulation(queue, MappingConfig(batch_size=QUEUE.batch_size), call, seed=seed, faults=faults)
    for message in plan.messages:
        simulation.send_at(EPOCH_MS + message.at_ms, message.body)
    return simulation


def history_of(plan: Plan, simulation: Simulation, *, finished: bool, looks_at_effects: bool = False) -> History:
    """What happened, as the invariants take it."""
    return History(
        plan=plan,
        queue=QUEUE,
        events=simulation.trace,
        finished=finished,
        looks_at_effects=looks_at_effects,
        start_ms=EPOCH_MS,
    )


def judged(history: History) -> tuple[Judgement, ...]:
    """Every invariant, which must hold."""
    judgements = judge(history, INVARIANTS)
    for judgement in judgements:
        if judgement.verdict is not Verdict.HOLDS:
            raise SystemExit(f"{judgement.invariant} is {judgement.verdict}: {judgement.violations[:3]}")
    return judgements


def seconds_for(messages: int) -> float:
    """Seconds to run and to judge; the plan is there already. The best of several, for short runs."""
    times = []
    for _ in range(max(1, min(7, 20_000 // messages))):
        plan = plan_of(messages)
        gc.collect()
        began = time.perf_counter()
        history = run(plan, nothing)
        judged(history)
        times.append(time.perf_counter() - began)
        if history.deliveries != messages:
            raise SystemExit(f"{messages} messages came to {history.deliveries} deliveries")
    return min(times)


def bytes_per_delivery(messages: int) -> float:
    """What the history and all that was worked out to judge it takes, without plan and simulation."""
    plan = plan_of(messages)
    gc.collect()
    tracemalloc.start()
    try:
        history = run(plan, nothing)
        judged(history)
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
        return size / history.deliveries
    finally:
        tracemalloc.stop()


def moto_seconds(messages: int) -> float:
    """The same messages through moto's queue and the poller: seconds, sends included as they are in the simulator."""
    plan = plan_of(messages)
    stop = threading.Event()
    events: list[Any] = []

    def record(event: trace.Event) -> None:
        events.append(event)
        if isinstance(event, trace.Deleted):
            done.append(event.message_id)
            if len(done) == messages:
                stop.set()

    done: list[str] = []
    with moto_stack(visibility_timeout_s=QUEUE.visibility_timeout_s) as stack:
        sqs = stack.client("sqs")
        began = time.perf_counter()
        for start in range(0, messages, 10):
            entries = [
                {"Id": str(number), "MessageBody": message.body}
                for number, message in enumerate(plan.messages[start : start + 10], start)
            ]
            answer = sqs.send_message_batch(QueueUrl=stack.queue_url, Entries=entries)
            events.extend(
                trace.Sent(EPOCH_MS, int(sent["Id"]), sent["MessageId"], enqueued=True) for sent in answer["Successful"]
            )
        Poller(
            sqs,
            queue_url=stack.queue_url,
            queue_arn=stack.queue_arn,
            mapping=MappingConfig(batch_size=QUEUE.batch_size, concurrent_batches=1),
            call=nothing,
            stop=stop,
            wait_s=0,
            record=record,
        ).run()
        judged(History(plan=plan, queue=QUEUE, events=events, finished=True, looks_at_effects=False, start_ms=EPOCH_MS))
        return time.perf_counter() - began


class IdempotentFunction:
    """Does each business key once, reports poison, and crashes where it is told to: with or without its work done."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._done: set[str] = set()
        self.events: list[Any] = []

    def __call__(self, invocation: Invocation) -> Outcome:
        """One batch."""
        crashes = [fault for fault in self._faults.at_end(invocation.number) if isinstance(fault, CrashAt)]
        for crash in crashes:
            self.events.append(trace.Struck(invocation.started_ms, invocation.number, crash))
        failures = []
        if not any(crash.moment is Moment.BEFORE for crash in crashes):
            failures = [
                record["messageId"] for record in invocation.event["Records"] if not self._does(record, invocation)
            ]
        if crashes:
            return replace(crashed(invocation.request_id), duration_ms=DURATION_MS)
        payload = json.dumps({"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failures]})
        return Outcome(ending=Ending.RETURNED, payload=payload, duration_ms=DURATION_MS)

    def _does(self, record: dict[str, Any], invocation: Invocation) -> bool:
        body = json.loads(record["body"])
        if POISON in body:
            return False
        key = body["id"]
        if key not in self._done:
            self._done.add(key)
            self.events.append(EffectSeen(invocation.started_ms, invocation.number, invocation.number, key, None))
        return True


def faulty_history(messages: int, *, seed: int) -> History:
    """1 % duplicates, 1 % crashes, 0.1 % poison."""
    rng = random.Random(seed)
    plan = plan_of(messages, poison_rate=0.001, rng=rng)
    # Crashes are drawn for more invocations than there will be.
    faults = Faults(draw_faults({"duplicate": 0.01, "crash": 0.01}, rng=rng, messages=messages, invocations=messages))
    function = IdempotentFunction(faults)
    simulation = simulation_of(plan, function, seed=seed, faults=faults)
    function.events = simulation.trace
    return history_of(plan, simulation, finished=simulation.run(EPOCH_MS + YEAR_MS), looks_at_effects=True)


def report_faults(messages: int, seed: int) -> None:
    """Run twice, judge, compare."""
    digests = []
    for turn in (1, 2):
        began = time.perf_counter()
        history = faulty_history(messages, seed=seed)
        ran_s = time.perf_counter() - began
        verdicts = {judgement.invariant: judgement.verdict for judgement in judged(history)}
        digests.append(history.digest)
        counts = Counter(type(event).__name__ for event in history.events)
        click.echo(f"run {turn}: {messages:,} messages, {history.deliveries:,} deliveries, seed {seed}, {ran_s:.0f} s")
        click.echo("  " + ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())))
        click.echo("  " + ", ".join(f"{name}: {verdict}" for name, verdict in verdicts.items()))
        click.echo(f"  history {digests[-1]}")
        del history
        gc.collect()
    if len(set(digests)) != 1:
        raise SystemExit("the same seed gave two histories")
    click.echo("the same seed gave the same history")


def report_speed(sizes: list[int], memory_messages: int, moto_messages: int) -> None:
    """Deliveries per second, cost per delivery by size, memory, and moto."""
    click.echo(f"{'messages':>10}  {'seconds':>8}  {'deliveries/s':>12}  {'us/delivery':>11}  ratio")
    costs: dict[int, float] = {}
    for size in sizes:
        costs[size] = seconds_for(size) / size
        click.echo(
            f"{size:>10,}  {costs[size] * size:>8.2f}  {1 / costs[size]:>12,.0f}  {costs[size] * 1e6:>11.1f}  "
            f"{costs[size] / costs[sizes[0]]:.2f}"
        )
    click.echo(f"history: {bytes_per_delivery(memory_messages):,.0f} bytes per delivery, of which each message has one")
    if moto_messages:
        ours = seconds_for(moto_messages)
        theirs = moto_seconds(moto_messages)
        click.echo(
            f"moto {version('moto')} and the poller: {moto_messages:,} messages in {theirs:.2f} s, "
            f"{moto_messages / theirs:,.0f} deliveries/s; the simulator is {theirs / ours:,.0f} times as fast"
        )


@click.command()
@click.option("--sizes", default="1000,10000,100000,1000000", show_default=True, help="How many messages, by comma.")
@click.option("--memory", default=20_000, show_default=True, help="Messages to measure the memory of a history with.")
@click.option(
    "--moto", "moto_messages", default=1_000, show_default=True, help="Messages through moto; 0 leaves it out."
)
@click.option("--faults", "with_faults", is_flag=True, help="Run with faults and poison instead, twice.")
@click.option("--messages", default=1_000_000, show_default=True, help="With --faults: how many messages.")
@click.option("--seed", default=7, show_default=True, help="With --faults: decides everything random.")
def main(sizes: str, memory: int, moto_messages: int, with_faults: bool, messages: int, seed: int) -> None:
    """Measure the simulator."""
    click.echo(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    if with_faults:
        report_faults(messages, seed)
    else:
        report_speed([int(size) for size in sizes.split(",")], memory, moto_messages)


if __name__ == "__main__":
    main()
