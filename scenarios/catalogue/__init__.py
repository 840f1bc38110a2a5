"""The catalogue: every scenario, by name, in the order in which they are run."""

from ..scenario import Scenario
from . import (
    dead_letters,
    delivery,
    every_call,
    failure,
    fifo,
    metamorphic,
    poison,
    races,
    response,
    shape,
    size,
    state,
    timing,
)

__all__ = ["CATALOGUE"]

_FAMILIES = (
    delivery.SCENARIOS,
    races.SCENARIOS,
    failure.SCENARIOS,
    every_call.SCENARIOS,
    poison.SCENARIOS,
    dead_letters.SCENARIOS,
    timing.SCENARIOS,
    fifo.SCENARIOS,
    size.SCENARIOS,
    shape.SCENARIOS,
    state.SCENARIOS,
    response.SCENARIOS,
    metamorphic.SCENARIOS,
)

CATALOGUE: dict[str, Scenario] = {scenario.name: scenario for family in _FAMILIES for scenario in family}
