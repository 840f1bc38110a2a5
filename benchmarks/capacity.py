"""How close the capacity search comes to a capacity that is known: intervals beside the truth.

    python benchmarks/capacity.py
    python benchmarks/capacity.py --seeds 50 --noise 0.05

The consumers are simulated in virtual time: so many servers take so many messages at once, for so long, give or take;
their capacity is servers * batch / service time. Looks at the queue are a second apart and as wrong as `--noise` says.
The search knows none of it. Minutes are those that it would have taken in real time.
"""

import heapq
import itertools
import math
import random
from dataclasses import dataclass
from statistics import median

import click

from redrive.load.shapes.capacity import CapacityAnswer, CapacityPlan, CapacitySearch
from redrive.load.shapes.growth import Look

SEND = 10
"""Messages in a batch that is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """`spread` is how much service times differ, as a share."""

    servers: int
    batch: int
    service_s: float
    spread: float

    @property
    def capacity(self) -> float:
        """Messages per second."""
        return self.servers * self.batch / self.service_s


CONSUMERS = (
    Consumer(servers=1, batch=10, service_s=0.5, spread=0.0),
    Consumer(servers=2, batch=10, service_s=0.1, spread=0.5),
    Consumer(servers=10, batch=1, service_s=0.05, spread=0.5),
    Consumer(servers=10, batch=10, service_s=1.0, spread=0.2),
    Consumer(servers=50, batch=10, service_s=0.3, spread=0.5),
    Consumer(servers=100, batch=10, service_s=10.0, spread=0.5),
)


def search(consumer: Consumer, plan: CapacityPlan, *, noise: float, seed: int) -> tuple[CapacityAnswer, float]:
    """The answer, and the seconds of virtual time that it took."""
    rng, numbers = random.Random(seed), itertools.count()
    waiting = in_flight = sent = changes = 0
    free, found = consumer.servers, CapacitySearch(plan)
    agenda: list[tuple[float, int, str, int]] = [(1.0, next(numbers), "look", 0)]
    while True:
        now_s, _, what, of = heapq.heappop(agenda)
        if what == "send" and of == changes:
            waiting, sent = waiting + SEND, sent + SEND
            heapq.heappush(agenda, (now_s + SEND / found.rate, next(numbers), "send", changes))
        elif what == "done":
            in_flight, free = in_flight - of, free + 1
        elif what == "look":
            heapq.heappush(agenda, (now_s + rng.uniform(0.9, 1.1), next(numbers), "look", 0))
            wanted, wrong = found.rate, 1 + rng.gauss(0, noise)
            backlog, seen = round((waiting + in_flight) * wrong), round(waiting * wrong)
            found.look(Look(at_s=now_s, backlog=max(0, backlog), waiting=max(0, seen), sent=sent))
            if found.answer is not None:
                return found.answer, now_s
            if found.rate != wanted:
                found.begin(now_s)
                changes += 1
                if found.rate:
                    heapq.heappush(agenda, (now_s + SEND / found.rate, next(numbers), "send", changes))
        while free and waiting:
            taken = min(consumer.batch, waiting)
            waiting, in_flight, free = waiting - taken, in_flight + taken, free - 1
            took_s = consumer.service_s * rng.uniform(1 - consumer.spread, 1 + consumer.spread)
            heapq.heappush(agenda, (now_s + took_s, next(numbers), "done", taken))


@click.command()
@click.option("--seeds", default=20, show_default=True, type=click.IntRange(1), help="Searches for each consumer.")
@click.option("--noise", default=0.02, show_default=True, type=click.FloatRange(0, 1), help="Of the looks, as a share.")
@click.option("--precision", default=0.1, show_default=True, type=click.FloatRange(0.01, 1), help="That is asked for.")
def main(seeds: int, noise: float, precision: float) -> None:
    """Search for capacities that are known."""
    plan = CapacityPlan(precision=precision)
    click.echo(f"{seeds} searches for each consumer, looks wrong by {noise:.0%}, precision {precision:.0%}")
    click.echo(
        "servers  batch  service   capacity  one interval      middle / capacity    measured / capacity  minutes"
    )
    for consumer in CONSUMERS:
        answers = [search(consumer, plan, noise=noise, seed=seed) for seed in range(seeds)]
        middles = [
            math.sqrt(answer.low * answer.high) / consumer.capacity
            for answer, _ in answers
            if answer.low is not None and answer.high is not None
        ]
        measured = [answer.measured / consumer.capacity for answer, _ in answers if answer.measured is not None]
        one = answers[0][0]
        click.echo(
            f"{consumer.servers:>7}  {consumer.batch:>5}  {consumer.service_s:>5.2f} s  {consumer.capacity:>9.1f}  "
            f"{one.low or 0:>7.1f}-{one.high or math.inf:<7.1f}  "
            f"{min(middles):.3f} {median(middles):.3f} {max(middles):.3f}    "
            f"{min(measured):.3f} {median(measured):.3f} {max(measured):.3f}  "
            f"{median(seconds for _, seconds in answers) / 60:>5.1f}"
        )


if __name__ == "__main__":
    main()
