"""A thread that runs only while it has the baton: handlers take turns, and the system does not choose whose it is."""

import asyncio
import ctypes
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from redrive.fixtures.runtimes.in_process import Killed

__all__ = ["Busy", "HandlerThread", "handler_threads"]

Asked = TypeVar("Asked")

BUSY_S = 30.0
"""How long, in real time, a handler may compute until its next AWS call or sleep, unless told otherwise."""

_alive: set[threading.Thread] = set()


def handler_threads() -> int:
    """How many threads of this kind there are: they wait for each other, and set nothing off by themselves."""
    return len(_alive)


class Busy(Exception):
    """The handler neither ended nor made a call for long; it was stopped, if it could be."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"the handler went on for {limit_s:g} s of real time without an AWS call, a sleep or an end")


class HandlerThread(Generic[Asked]):
    """One execution environment's thread, which stays from one invocation to the next, as a process's main thread does.

    The one side lets it run with :meth:`begin` and :meth:`resume`, which return when the baton is back: with what the
    other side asked for by :meth:`pause`, or with None when its code has ended.
    """

    def __init__(self, *, busy_s: float | None = None) -> None:
        self._busy_s = busy_s
        self._error: BaseException | None = None
        self._turn = threading.Condition()
        self._code: Callable[[], None] | None = None
        self._is_its_turn = False
        self._asked: Asked | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="handler", daemon=True)
        _alive.add(self._thread)
        self._thread.start()

    def begin(self, code: Callable[[], None]) -> Asked | None:
        """Run ``code``, up to where it first pauses."""
        self._code = code
        return self.resume()

    def resume(self) -> Asked | None:
        """Let the code go on, up to where it pauses next.

        Raises :class:`Busy`, and what the code ends with but for :class:`Killed`.
        """
        if self._code is None:
            return None
        self._asked = None
        with self._turn:
            self._is_its_turn = True
            self._turn.notify_all()
            limit_s = BUSY_S if self._busy_s is None else self._busy_s
            try:
                if not self._turn.wait_for(lambda: not self._is_its_turn, limit_s):
                    raise Busy(limit_s)
            except BaseException:
                # Ctrl-C, too.
                self._stop()
                raise
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._asked

    def pause(self, asked: Asked) -> None:
        """From within the code: hand the baton back, and wait until it comes again. One thread at a time."""
        with self._turn:
            if self._code is None:
                # A thread that the handler left behind: it runs on its own.
                return
            code = self._code
            self._asked = asked
            self._is_its_turn = False
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._is_its_turn or self._code is not code)

    @property
    def is_at_work(self) -> bool:
        """Whether its code has not ended."""
        return self._code is not None

    def close(self) -> None:
        """End the thread and wait for it, unless it could not be stopped."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        if self._code is None:
            self._thread.join()

    def _work(self) -> None:
        # As in a main thread, there is an event loop for whoever asks without making one.
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            while self._next_turn():
                assert self._code is not None
                try:
                    self._code()
                except Killed:
                    # The process that it stands for is gone; so may this be, at any point.
                    pass
                except BaseException as error:  # noqa: BLE001 - raised on the other side
                    self._error = error
                with self._turn:
                    self._code = None
                    self._is_its_turn = False
                    self._turn.notify_all()
        finally:
            _alive.discard(threading.current_thread())
            asyncio.set_event_loop(None)
            loop.close()

    def _next_turn(self) -> bool:
        with self._turn:
            self._turn.wait_for(lambda: self._closed or (self._is_its_turn and self._code is not None))
            return not self._closed

    def _stop(self) -> None:
        """Raise :class:`Killed` wherever the code is; what waits in C for ever is left to itself."""
        ident = self._thread.ident
        assert ident is not None
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(Killed))
        self._closed = True
        self._turn.notify_all()
