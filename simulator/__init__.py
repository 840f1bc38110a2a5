"""SQS queues and the Lambda event source mapping as a model in virtual time.

No SDK, no input or output, no wall clock and no global randomness: whoever drives the model passes in the
time, the seed and a function to call as the Lambda function. Each rule is named by its id (``S10``, ``E07``).
"""

from .batch_response import BatchResult, BatchVerdict, read_batch_response
from .driver import Invocation, Simulation
from .errors import SqsError
from .faults import Fault, Faults
from .function import Ending, ExecutionEnvironments, Outcome
from .mapping_config import MappingConfig, ProvisionedPollers, validate_mapping
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
    "ProvisionedPollers",
    "Queue",
    "QueueConfig",
    "Received",
    "Simulation",
    "SqsError",
    "read_batch_response",
    "validate_mapping",
]
