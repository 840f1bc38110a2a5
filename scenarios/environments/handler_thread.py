"""A thread that runs only while it has the baton: handlers take turns, and the system does not choose whose it is."""

import asyncio
import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from redrive.fixtures.runtimes.in_process import Killed

from ..interruption import safe_point

__all__ = ["Busy", "HandlerThread", "handler_threads"]

Asked = TypeVar("Asked")

BUSY_S = 30.0
"""How long, in real time, a handler may compute until its next AWS call or sleep, unless told otherwise."""

_SLICE_S = 0.05
"""How long it is waited for the baton, at most, before it is looked whether Ctrl-C was heard meanwhile."""

_STOPPED_WITHIN_S = 2.0
"""How long code that was told to stop may take for that, in all."""

_alive: set[threading.Thread] = set()


def handler_threads() -> int:
    """How many threads of this kind there are: they wait for each other, and set nothing off by themselves."""
    return len(_alive)


class Busy(Exception):
    """The handler neither ended nor made a call for long; it was stopped, if it could be."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"the handler went on for {limit_s:g} s of real time without an AWS call, a sleep or an end")


@dataclass(frozen=True, slots=True)
class _End:
    """The code has ended, with this."""

    error: BaseException | None


class _Turns(Generic[Asked]):
    """One invocation's code, and the baton: on its way to the code, or back with what it asks for.

    The queues are one call each, in C: wherever an interruption meets either side, no lock is left taken.
    """

    def __init__(self, code: Callable[[], None]) -> None:
        self.code = code
        self.go: SimpleQueue[None] = SimpleQueue()
        self.back: SimpleQueue[Asked | _End] = SimpleQueue()
        self.is_begun = False
        self.is_waiting = False
        self.is_over = False

    def run(self) -> None:
        """In the handler's thread: all of the code."""
        error: BaseException | None = None
        try:
            try:
                self.code()
            except Killed:
                # The process that it stands for is gone; so may this be, at any point.
                pass
            except BaseException as raised:  # noqa: BLE001 - raised on the other side
                error = raised
        finally:
            self.is_over = True
            self.back.put(_End(error))
            # A thread of the handler may be waiting for its turn: from now on it runs on its own.
            self.go.put(None)


class HandlerThread(Generic[Asked]):
    """One execution environment's thread, which stays from one invocation to the next, as a process's main thread does.

    The one side lets it run with :meth:`begin` and :meth:`resume`, which return when the baton is back: with what the
    other side asked for by :meth:`pause`, or with None when its code has ended. They are safe points for Ctrl-C.
    """

    def __init__(self, *, busy_s: float | None = None) -> None:
        self._busy_s = busy_s
        self._left_s: float | None = None
        self._now: _Turns[Asked] | None = None
        self._begun: SimpleQueue[_Turns[Asked] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="handler", daemon=True)
        _alive.add(self._thread)
        self._thread.start()

    def begin(self, code: Callable[[], None]) -> Asked | None:
        """Run ``code``, up to where it first pauses."""
        safe_point()
        self._now = _Turns(code)
        return self._let_go_on(self._now)

    def resume(self) -> Asked | None:
        """Let the code go on, up to where it pauses next.

        Raises :class:`Busy`, and what the code ends with but for :class:`Killed`.
        """
        now = self._now
        if now is None:
            return None
        safe_point()
        return self._let_go_on(now)

    def pause(self, asked: Asked) -> None:
        """From within the code: hand the baton back, and wait until it comes again. One thread at a time."""
        now = self._now
        if now is None or now.is_over:
            # A thread that the handler left behind: it runs on its own.
            return
        now.back.put(asked)
        now.go.get()

    @property
    def is_at_work(self) -> bool:
        """Whether its code has not ended."""
        return self._now is not None and not self._now.is_over

    def close(self) -> None:
        """End the thread and wait for it, unless it could not be stopped."""
        self._begun.put(None)
        if not self.is_at_work:
            self._thread.join()

    def _let_go_on(self, now: _Turns[Asked]) -> Asked | None:
        try:
            self._hand_over(now)
            back = self._wait_for(now)
        except BaseException:
            # Ctrl-C, too.
            self._stop()
            raise
        if not isinstance(back, _End):
            return back
        self._now = None
        if back.error is not None:
            raise back.error
        return None

    def _hand_over(self, now: _Turns[Asked]) -> None:
        if not now.is_begun:
            now.is_begun = True
            self._begun.put(now)
        elif now.is_waiting:
            now.is_waiting = False
            now.go.put(None)

    def _wait_for(self, now: _Turns[Asked]) -> Asked | _End:
        limit_s = BUSY_S if self._busy_s is None else self._busy_s
        left_s = limit_s if self._left_s is None else self._left_s
        while True:
            slice_s = min(left_s, _SLICE_S)
            try:
                back = now.back.get(timeout=slice_s)
            except Empty:
                left_s -= slice_s
                if self._left_s is not None:
                    self._left_s = left_s
                if left_s <= 0:
                    raise Busy(limit_s) from None
                safe_point()
                continue
            now.is_waiting = not isinstance(back, _End)
            if self._left_s is None or not now.is_waiting:
                return back
            # It was told to stop, and had asked for something by then.
            self._hand_over(now)

    def _work(self) -> None:
        # As in a main thread, there is an event loop for whoever asks without making one.
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            while self._run_next():
                pass
        except Killed:
            # It came when the code had ended.
            pass
        finally:
            _alive.discard(threading.current_thread())
            asyncio.set_event_loop(None)
            loop.close()

    def _run_next(self) -> bool:
        turns = self._begun.get()
        if turns is not None:
            turns.run()
        return turns is not None

    def _stop(self) -> None:
        """Raise :class:`Killed` wherever the code is; what waits in C for ever is left to itself."""
        ident = self._thread.ident
        if ident is not None and self._thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(Killed))
        self._begun.put(None)
        if self._left_s is None:
            self._left_s = _STOPPED_WITHIN_S
