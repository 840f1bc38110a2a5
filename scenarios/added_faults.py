"""Faults added to those that a scenario has of its own, at rates given by name: ``--fault duplicate=0.1``."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random

from redrive.fixtures.named_faults import NAMED_FAULTS, draw_faults, standard_only

from .consumer import QueueSpec
from .errors import InputError, UnknownName
from .plan import Plan

__all__ = ["fault_options", "fault_rates", "with_faults", "without_standard_only"]

_ROUNDS_MAX = 5
"""Up to how many deliveries of a message faults are drawn for; more of them would hardly ever get to strike."""


def fault_rates(given: Iterable[str]) -> dict[str, float]:
    """The rates by name out of words like ``duplicate=0.1``.

    Raises :class:`UnknownName` for a name that is none, :class:`InputError` for a rate that is none, and for a name
    that is there twice.
    """
    rates: dict[str, float] = {}
    for words in given:
        name, equals, number = words.partition("=")
        if name not in NAMED_FAULTS:
            raise UnknownName("fault", name, tuple(NAMED_FAULTS))
        if not equals:
            raise InputError(f"--fault {name} does not say how often: give a rate, as in --fault {name}=0.1")
        if name in rates:
            raise InputError(f"--fault {name} is given twice: give one rate")
        rates[name] = _rate(words, number)
    return rates


def _rate(words: str, number: str) -> float:
    try:
        rate = float(number)
    except ValueError:
        rate = 0
    if not 0 < rate <= 1:
        raise InputError(f"--fault {words}: {number!r} is not a rate, which is a number above 0 and at most 1")
    return rate


def fault_options(rates: Mapping[str, float]) -> list[str]:
    """The words of a command that give these rates."""
    return [word for name, rate in rates.items() for word in ("--fault", f"{name}={rate}")]


def without_standard_only(rates: Mapping[str, float]) -> dict[str, float]:
    """What is left of the rates on a FIFO queue."""
    left_out = standard_only(rates)
    return {name: rate for name, rate in rates.items() if name not in left_out}


def with_faults(plan: Plan, rates: Mapping[str, float], queue: QueueSpec, *, seed: str) -> Plan:
    """The plan with more faults, drawn at these rates; the same seed adds the same ones.

    How many invocations and environments there will be is not known before: they are drawn for as many as there can
    be if each delivery is one of its own. What none of them gets to does not strike.
    """
    deliveries = len(plan.messages) * min(queue.max_receive_count or _ROUNDS_MAX, _ROUNDS_MAX)
    added = draw_faults(
        rates,
        rng=Random(seed),
        messages=len(plan.messages),
        invocations=deliveries,
        environments=deliveries,
        calls=2 * len(plan.messages) + 1,
        fifo=plan.fifo,
    )
    # A fault that the scenario has of its own does not strike twice because it was drawn as well.
    return replace(plan, faults=tuple(dict.fromkeys((*plan.faults, *added))))
