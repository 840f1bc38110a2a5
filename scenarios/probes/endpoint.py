"""What is measured: something that answers boto3's SQS calls, how time passes there, and its mapping if it has one."""

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .mapping import MappingEndpoint

__all__ = ["Endpoint", "unique_names"]


def unique_names() -> Callable[[str], str]:
    """Makes names for queues and functions that nobody else has: of one measurement, a number each."""
    measurement, numbers = uuid.uuid4().hex[:8], itertools.count(1)
    return lambda name: f"redrive-parity-{measurement}-{next(numbers)}-{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """``sqs`` has the methods of a boto3 SQS client; ``wait`` lets so many seconds pass there.

    Where time is ``virtual``, waiting costs nothing and probes may not be asked at once. ``mapping`` is the event
    source mapping, or in one line why there is none to ask.
    """

    name: str
    version: str
    sqs: Any
    wait: Callable[[float], object]
    virtual: bool
    mapping: MappingEndpoint | str
    unique: Callable[[str], str] = field(default_factory=unique_names)
