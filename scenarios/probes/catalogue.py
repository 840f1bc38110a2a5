"""All probes in the order of their rules, and the rules that no probe can be made for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from redrive.simulator.rules import RULES

from . import deliveries, events, fifo, messages, responses
from .probe import Probe

__all__ = ["PROBES", "UNASKED"]

_ORDER = {rule.id: place for place, rule in enumerate(RULES)}

PROBES: Final[tuple[Probe, ...]] = tuple(
    sorted(
        (each for module in (messages, deliveries, fifo, events, responses) for each in module.PROBES),
        key=lambda each: _ORDER[each.rule_id],
    )
)
"""Sorted by rule; those of one rule as they are written."""

UNASKED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "S17": "it allows what a queue may do, and no request makes one do it",
        "E03": "it allows what a mapping may do, and no request makes one do it",
        "E11": "no request makes a deletion fail or be lost",
        "E16": "AWS does not say by how much a mapping backs off",
    }
)
"""Why there is no probe, by rule."""
