"""Work shared among processes: what runs is known, one that dies takes one task with it, and none stays behind.

Each process is fresh (what this one has imported and patched stays here), in a session of its own, so that Ctrl-C in
a terminal is for this process alone to handle, and it keeps one environment for all that it is given.
"""

import os
import select
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

from .environments.environment import Environment
from .errors import UsageError
from .interruption import deferred, held_back, kept, recall, safe_point
from .place import HERE, Place

__all__ = ["Died", "Prepare", "WorkerFailed", "cores", "in_turn", "share"]

Task = TypeVar("Task")
Result = TypeVar("Result")

Prepare = Callable[[Environment], Callable[[Task], Result]]
"""Makes, once in each process and within its environment, what does the tasks. It and the tasks can be pickled."""

_STOP_WITHIN_S = 3.0
_SLICE_S = 0.1
"""How long it takes until Ctrl-C is heeded, at most."""


class WorkerFailed(Exception):
    """A task raised what is no :class:`UsageError`: the message is the traceback of its process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """A process ended in the middle of a task, with this exit status, or minus the number of a signal."""

    exit_status: int

    def __str__(self) -> str:
        if self.exit_status >= 0:
            return f"the process that ran it ended with exit status {self.exit_status}"
        return f"the process that ran it was ended by {signal.Signals(-self.exit_status).name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raised:
    text: str
    usage: bool


@dataclass(slots=True)
class _Worker(Generic[Task]):
    process: SpawnProcess
    pipe: Connection
    task: Task


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_turn(
    prepare: Prepare[Task, Result],
    tasks: Sequence[Task],
    *,
    on_start: Callable[[Task], object],
    place: Place = HERE,
) -> Iterator[tuple[Task, Result]]:
    """Do the tasks in this process, one after the other."""
    environment = place.environment()
    # A handler that is interrupted may still have the standard streams for its own.
    with kept(), redirect_stdout(sys.stdout), redirect_stderr(sys.stderr), environment.running():
        work = prepare(environment)
        for task in tasks:
            on_start(task)
            result = work(task)
            recall()
            yield task, result


def share(
    prepare: Prepare[Task, Result],
    tasks: Sequence[Task],
    *,
    processes: int,
    on_start: Callable[[Task], object],
    place: Place = HERE,
) -> Iterator[tuple[Task, Result | Died]]:
    """Do the tasks in ``processes`` others, in the order given, and yield each with its result as it is done.

    Whatever ends the iteration, its end included, ends the processes and what they started. Raises
    :class:`UsageError` where a task does, :class:`WorkerFailed` for anything else that it raises.
    """
    waiting = deque(tasks)
    workers: list[_Worker[Task]] = []
    with kept(), deferred():
        try:
            while waiting or workers:
                while waiting and len(workers) < processes:
                    on_start(waiting[0])
                    workers.append(_start(prepare, waiting.popleft(), place))
                for worker in _ready(workers):
                    done, result = worker.task, _receive(worker)
                    if isinstance(result, Died) or not waiting:
                        workers.remove(worker)
                        _stop([worker])
                    else:
                        on_start(waiting[0])
                        worker.task = waiting.popleft()
                        _send(worker)
                    yield done, result
        finally:
            _stop(workers, now=True)


def _start(prepare: Prepare[Task, Result], task: Task, place: Place) -> _Worker[Task]:
    context = get_context("spawn")
    mine, its = context.Pipe()
    process = context.Process(target=_serve, args=(its, prepare, place))
    # Until it has its own session and handlers, it is not to hear of Ctrl-C; this process hears of it afterwards.
    with held_back():
        process.start()
    its.close()
    worker = _Worker(process=process, pipe=mine, task=task)
    _send(worker)
    return worker


def _send(worker: _Worker[Any]) -> None:
    # A process that died since its last answer shows when its next one is waited for.
    with suppress(BrokenPipeError, ConnectionResetError):
        worker.pipe.send(worker.task)


def _ready(workers: Sequence[_Worker[Task]]) -> list[_Worker[Task]]:
    """Wait for answers, and for processes that end without one. Raises ``KeyboardInterrupt``."""
    places = [place for worker in workers for place in (worker.pipe, worker.process.sentinel)]
    while not (ready := set(connection.wait(places, timeout=_SLICE_S))):
        safe_point()
    safe_point()
    return [worker for worker in workers if ready & {worker.pipe, worker.process.sentinel}]


def _receive(worker: _Worker[Any]) -> Any:
    try:
        if not worker.pipe.poll():
            raise EOFError
        answer = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        return Died(exit_status=worker.process.exitcode or 0)
    if isinstance(answer, _Raised):
        raise UsageError(answer.text) if answer.usage else WorkerFailed(answer.text)
    return answer


def _stop(workers: Sequence[_Worker[Any]], *, now: bool = False) -> None:
    """End the processes: let them end by themselves for a while, then end them and what they started."""
    with held_back():
        for worker in workers:
            worker.pipe.close()
            if now:
                worker.process.terminate()
        for worker in workers:
            connection.wait([worker.process.sentinel], timeout=_STOP_WITHIN_S)
            # Not waited for yet, so the number is still its own, and that of its session.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(_session(worker), signal.SIGKILL)
            worker.process.kill()
            worker.process.join()


def _session(worker: _Worker[Any]) -> int:
    assert worker.process.pid is not None, "it was started"
    return worker.process.pid


def _serve(pipe: Connection, prepare: Prepare[Task, Result], place: Place) -> None:
    """A worker's life: do what comes through the pipe until nothing more can come."""
    os.setsid()
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with kept():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            threading.Thread(target=_end_with_parent, daemon=True).start()
            environment = place.environment()
            with environment.running():
                _work(environment, pipe, prepare)
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        # Told to stop: once is enough.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        # Or there is nobody any more who would: then what handlers started is left to this process.
        parent = parent_process()
        if parent is not None and not parent.is_alive():
            os.killpg(0, signal.SIGKILL)


def _work(environment: Environment, pipe: Connection, prepare: Prepare[Task, Result]) -> None:
    work: Callable[[Task], Result] | None = None
    while True:
        task = pipe.recv()
        try:
            if work is None:
                work = prepare(environment)
            answer: Result | _Raised = work(task)
        except UsageError as error:
            answer = _Raised(text=str(error), usage=True)
        except Exception:  # noqa: BLE001 - whoever asked raises it
            answer = _Raised(text=traceback.format_exc(), usage=False)
        recall()
        pipe.send(answer)


def _end_with_parent() -> None:
    """However the process ends that started this one, this one ends as well."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    # Not time.sleep, which passes virtual time while a handler runs.
    select.select([], [], [], _STOP_WITHIN_S)
    os.killpg(0, signal.SIGKILL)
