"""The catalogue: every scenario, by name, in the order in which they are run."""

from ..scenario import Scenario
from . import delivery, failure, fifo, poison

__all__ = ["CATALOGUE"]

CATALOGUE: dict[str, Scenario] = {
    scenario.name: scenario
    for family in (delivery.SCENARIOS, failure.SCENARIOS, poison.SCENARIOS, fifo.SCENARIOS)
    for scenario in family
}
