"""What is proved: consumers, scenarios, histories and verdicts, and the command line."""

from .consumer import Aws, Claim, Consumer, Effect, QueueSpec, Variant
from .errors import EnvironmentFailed, InputError, TargetError, UnknownName, UsageError
from .judgement import Verdict

__all__ = [
    "Aws",
    "Claim",
    "Consumer",
    "Effect",
    "EnvironmentFailed",
    "InputError",
    "QueueSpec",
    "TargetError",
    "UnknownName",
    "UsageError",
    "Variant",
    "Verdict",
]
