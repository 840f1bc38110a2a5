"""SQS queues and the Lambda event source mapping as a model in virtual time.

No SDK, no input or output, no wall clock and no global randomness: whoever drives the model passes in the
time, the seed and a function to call as the Lambda function. Each rule is named by its id (``S10``, ``E07``).
"""

from .driver import Invocation, Simulation
from .errors import SqsError
from .event_source import (
    BatchResult,
    BatchVerdict,
    MappingConfig,
    read_batch_response,
    validate_mapping,
)
from .faults import Fault, Faults
from .function import Ending, ExecutionEnvironments, Outcome
from .queue import Queue, QueueConfig, Received

__all__ = [
    "BatchResult",
    "BatchVerdict",
    "Ending",
    "ExecutionEnvironments",
    "Fault",
    "Faults",
    "Invocation",
    "MappingConfig",
    "Outcome",
    "Queue",
    "QueueConfig",
    "Received",
    "Simulation",
    "SqsError",
    "read_batch_response",
    "validate_mapping",
]
