"""Probes: every rule that can be asked of an endpoint through the public API, one question each."""

from .catalogue import PROBES, UNASKED
from .endpoint import Endpoint
from .probe import Answer, CannotAsk, Fact, Probe, Word

__all__ = ["PROBES", "UNASKED", "Answer", "CannotAsk", "Endpoint", "Fact", "Probe", "Word"]
