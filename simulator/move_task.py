"""Message move tasks: what stands behind "start DLQ redrive" (S12)."""

from enum import StrEnum
from typing import Final, NamedTuple

from .errors import SqsError
from .messages import Message
from .queue import Queue
from .queue_config import check_range

__all__ = ["MoveStatus", "MoveTask", "MoveTasks", "Moved"]

PER_SECOND_MAX: Final = 500
LISTED_MAX: Final = 10
NO_SOURCE: Final = "CouldNotDetermineMessageSource"


class MoveStatus(StrEnum):
    """Where a task stands. Only a running one can be cancelled, and it then moves nothing more."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class Moved(NamedTuple):
    """A message that was moved: the one that left the dead-letter queue, and the new one and its queue."""

    left: Message
    queue: Queue
    arrived: Message


class MoveTask:
    """One task. ``to_move`` is how many messages were there when it started, ``moved`` how many it moved.

    It takes what is visible, in the queue's order, until it has moved ``to_move`` messages or nothing visible is left:
    what is in flight then stays (choice). Without ``per_second`` SQS picks a rate; the model takes the highest, 500
    (choice). Without ``destination`` each message goes back to the queue it came from; one that was sent to the
    dead-letter queue directly makes the task fail with ``CouldNotDetermineMessageSource``, and stays.
    """

    def __init__(self, now_ms: int, source: Queue, destination: Queue | None, per_second: int | None) -> None:
        self.source = source
        self.destination = destination
        self.per_second = per_second
        self.started_ms = now_ms
        self.to_move = len(source)
        self.moved = 0
        self.status = MoveStatus.RUNNING
        self.failure_reason: str | None = None
        self._cancelled_ms = now_ms

    @property
    def is_active(self) -> bool:
        """Whether the task has not come to its end."""
        return self.status in {MoveStatus.RUNNING, MoveStatus.CANCELLING}

    def next_ms(self) -> int | None:
        """When :meth:`step` has something to do; None once the task has ended."""
        if self.status is MoveStatus.CANCELLING:
            return self._cancelled_ms
        if self.status is MoveStatus.RUNNING:
            # The first message at once, each following one when the rate allows it.
            return self.started_ms + -(-self.moved * 1000 // (self.per_second or PER_SECOND_MAX))
        return None

    def step(self, now_ms: int) -> tuple[Moved, ...]:
        """Move what is due by now."""
        if self.status is MoveStatus.CANCELLING:
            self.status = MoveStatus.CANCELLED
        moved: list[Moved] = []
        while (at_ms := self.next_ms()) is not None and at_ms <= now_ms:
            one = self._move_one(now_ms)
            if one is not None:
                moved.append(one)
        return tuple(moved)

    def cancel(self, now_ms: int) -> int:
        """Stop the task; what it moved stays moved. How many that is.

        Raises :class:`SqsError` ``InvalidParameterValue`` unless it is running.
        """
        if self.status is not MoveStatus.RUNNING:
            raise SqsError("InvalidParameterValue", "Only a message move task that is running can be cancelled.")
        self.status = MoveStatus.CANCELLING
        self._cancelled_ms = now_ms
        return self.moved

    def _move_one(self, now_ms: int) -> Moved | None:
        message = self.source.next_visible(now_ms) if self.to_move else None
        if message is None:
            self.status = MoveStatus.COMPLETED
            return None
        # An empty queue is false, as every empty container.
        destination = self.destination if self.destination is not None else self._came_from(message)
        if destination is None:
            self.status = MoveStatus.FAILED
            self.failure_reason = NO_SOURCE
            return None
        self.source.take_away(message)
        self.moved += 1
        if self.moved == self.to_move:
            self.status = MoveStatus.COMPLETED
        return Moved(message, destination, destination.accept_moved(now_ms, message))

    def _came_from(self, message: Message) -> Queue | None:
        for queue in self.source.dead_letter_sources:
            if queue.config.arn == message.dead_letter_source_arn:
                return queue
        return None


class MoveTasks:
    """The tasks of all queues: one that is active for each source queue at a time."""

    def __init__(self) -> None:
        self._tasks: list[MoveTask] = []

    def start(
        self, now_ms: int, source: Queue, *, destination: Queue | None = None, per_second: int | None = None
    ) -> MoveTask:
        """Start a task that moves the messages of a dead-letter queue.

        Raises :class:`SqsError` ``InvalidParameterValue``: for a source that is no queue's dead-letter queue or has a
        task already, a rate that is not 1 to 500 a second, and a destination that is the source or of the other type.
        """
        if per_second is not None:
            check_range("MaxNumberOfMessagesPerSecond", per_second, 1, PER_SECOND_MAX)
        if not source.dead_letter_sources:
            raise SqsError("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
        if destination is source:
            raise SqsError("InvalidParameterValue", "Source queue arn and destination queue arn cannot be the same.")
        if destination is not None and destination.is_fifo != source.is_fifo:
            raise SqsError("InvalidParameterValue", "Source queue and destination queue must be of the same type.")
        if any(task.source is source and task.is_active for task in self._tasks):
            raise SqsError(
                "InvalidParameterValue",
                "There is already a task running. Only one active task is allowed for a source queue arn at a given "
                "time.",
            )
        source.notice(now_ms)
        task = MoveTask(now_ms, source, destination, per_second)
        self._tasks.append(task)
        return task

    def of(self, source: Queue) -> tuple[MoveTask, ...]:
        """The latest ten tasks of a queue, the newest first."""
        return tuple([task for task in reversed(self._tasks) if task.source is source][:LISTED_MAX])

    def next_ms(self) -> int | None:
        """When :meth:`step` has something to do next, if anything is going on."""
        return min((at_ms for task in self._tasks if (at_ms := task.next_ms()) is not None), default=None)

    def step(self, now_ms: int) -> tuple[Moved, ...]:
        """Move what is due by now, task by task."""
        return tuple(moved for task in self._tasks for moved in task.step(now_ms))
