"""A fault at every AWS call that a handler makes: the places are read off a run in which nothing goes wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import hypothesis
from hypothesis import Phase
from hypothesis.strategies import SearchStrategy

from redrive.fixtures.faults import Answer, CrashAt, ErrorAnswer, Fault, Moment, TimeoutAt

from .history import Called, History
from .plan import Plan

__all__ = ["POINTS_MOST", "plans_at_every_call", "simplest"]

POINTS_MOST = 200
"""Up to so many points all are tried, beyond that as many, evenly spread; unless told otherwise."""


def simplest(plans: SearchStrategy[Plan]) -> Plan:
    """The plan that the others shrink to."""
    settings = hypothesis.settings(
        phases=[Phase.generate, Phase.shrink], database=None, derandomize=True, deadline=None, max_examples=1
    )
    return hypothesis.find(plans, lambda _: True, settings=settings)


def plans_at_every_call(history: History, most: int | None = None) -> tuple[Sequence[Plan], int]:
    """The plan of this history with one fault more, for each point; and how many points there are in all."""
    points = [point for event in history.events if isinstance(event, Called) for point in _points(event)]
    plans = [replace(history.plan, faults=(*history.plan.faults, point)) for point in points]
    most = POINTS_MOST if most is None else most
    if len(plans) <= most:
        return plans, len(plans)
    # Drawn from each of as many parts: in even steps it could be the same kind of fault at each call.
    rng = Random(len(plans))
    bounds = [number * len(plans) // most for number in range(most + 1)]
    return [plans[rng.randrange(first, last)] for first, last in pairwise(bounds)], len(plans)


def _points(called: Called) -> Iterator[Fault]:
    """What can happen at one call."""
    invocation, call = called.invocation, called.call
    yield CrashAt(invocation=invocation, call=call, moment=Moment.BEFORE)
    yield CrashAt(invocation=invocation, call=call, moment=Moment.AFTER)
    yield TimeoutAt(invocation=invocation, call=call, moment=Moment.BEFORE)
    yield TimeoutAt(invocation=invocation, call=call, moment=Moment.AFTER)
    # Once, which an SDK's next attempt makes good; and from there on, so that the handler gets to see it.
    for answer in Answer:
        yield ErrorAnswer(invocation=invocation, answer=answer, call=call)
        yield ErrorAnswer(invocation=invocation, answer=answer, call=call, calls=None)
