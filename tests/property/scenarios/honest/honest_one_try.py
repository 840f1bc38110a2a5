"""One try for each message: whatever fails once is in the dead-letter queue, the rules permitting nothing else."""

from honest_one_write import handler
from honest_orders import honest

from redrive.scenarios import QueueSpec

__all__ = ["consumer", "handler"]

consumer = honest(__file__, queue=QueueSpec(max_receive_count=1))
