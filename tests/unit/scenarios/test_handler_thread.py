"""The thread that a handler has: turns, ends, and Ctrl-C while it is the handler's turn."""

import signal
import threading
import time

import pytest

from redrive.fixtures.runtimes.in_process import Killed
from redrive.scenarios.environments import handler_thread
from redrive.scenarios.environments.handler_thread import Busy, HandlerThread, handler_threads
from redrive.scenarios.interruption import deferred

DEADLINE_S = 10


def until(condition):
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.001)


@pytest.fixture(autouse=True)
def none_is_left():
    before = handler_threads()
    yield
    until(lambda: handler_threads() == before)


@pytest.fixture
def thread():
    made = HandlerThread(busy_s=DEADLINE_S)
    yield made
    made.close()


@pytest.fixture
def stubborn(monkeypatch):
    """A thread that gets little time, and what keeps its code where nothing can be raised."""
    monkeypatch.setattr(handler_thread, "_STOPPED_WITHIN_S", 0.05)
    made, gate = HandlerThread(busy_s=0.05), threading.Event()
    yield made, gate
    gate.set()
    made.close()


def test_code_and_caller_take_turns(thread):
    done = []

    def code():
        for name in "ab":
            done.append(name)
            thread.pause(name)
        done.append("end")

    assert thread.begin(code) == "a"
    assert (done, thread.is_at_work) == (["a"], True)
    assert thread.resume() == "b"
    assert thread.resume() is None
    assert (done, thread.is_at_work) == (["a", "b", "end"], False)
    assert thread.resume() is None


def test_invocations_follow_each_other_in_one_thread(thread):
    threads = []
    for _ in range(2):
        assert thread.begin(lambda: threads.append(threading.get_ident())) is None
    assert len(set(threads)) == 1


def test_what_the_code_raises_comes_through_and_its_being_killed_does_not(thread):
    def code(error):
        raise error

    with pytest.raises(ZeroDivisionError):
        thread.begin(lambda: 1 // 0)
    assert thread.begin(lambda: code(Killed())) is None
    assert not thread.is_at_work


def test_thread_that_the_code_leaves_behind_waits_for_nothing(thread):
    """It paused, and the code ended meanwhile; after that it may ask for what it likes."""
    went_on, left = [], []

    def helper():
        thread.pause("helper")
        thread.pause("nobody's turn")
        went_on.append("to the end")

    def code():
        left.append(threading.Thread(target=helper, daemon=True))
        left[0].start()
        gate.wait(DEADLINE_S)

    gate = threading.Event()
    assert thread.begin(code) == "helper"
    gate.set()
    left[0].join(DEADLINE_S)
    assert went_on
    until(lambda: not thread.is_at_work)
    assert thread.resume() is None


def test_error_of_code_that_ended_while_another_thread_had_asked_comes_through(thread):
    def code():
        threading.Thread(target=lambda: thread.pause("helper"), daemon=True).start()
        gate.wait(DEADLINE_S)
        raise ZeroDivisionError

    gate = threading.Event()
    assert thread.begin(code) == "helper"
    gate.set()
    with pytest.raises(ZeroDivisionError):
        thread.resume()
    assert thread.begin(lambda: None) is None


def test_ctrl_c_ends_code_that_computes(thread):
    ended = []

    def code():
        try:
            signal.raise_signal(signal.SIGINT)
            while True:
                pass
        finally:
            ended.append("killed")

    with pytest.raises(KeyboardInterrupt) as raised, deferred():
        thread.begin(code)
    assert raised.value.__cause__ is None, "it was only raised when the code had been stopped for another reason"
    assert thread.resume() is None
    assert ended == ["killed"]


@pytest.mark.parametrize("go_on", [HandlerThread.begin, HandlerThread.resume], ids=["begin", "resume"])
def test_ctrl_c_that_was_heard_before_it_keeps_the_code_where_it_is(thread, go_on):
    done = []

    def code():
        thread.pause("first")
        done.append("went on")

    def heard_before():
        with deferred():
            if go_on is HandlerThread.resume:
                thread.begin(code)
            signal.raise_signal(signal.SIGINT)
            thread.begin(code) if go_on is HandlerThread.begin else thread.resume()

    with pytest.raises(KeyboardInterrupt):
        heard_before()
    assert done == []
    assert thread.is_at_work == (go_on is HandlerThread.resume)
    thread.resume()
    assert not thread.is_at_work


def test_silent_code_is_stopped(stubborn):
    thread, gate = stubborn
    done = []

    def code():
        gate.wait()
        done.append("went on")

    with pytest.raises(Busy, match=r"0\.05 s"):
        thread.begin(code)
    gate.set()
    assert thread.resume() is None
    assert done == []


def test_code_that_asks_for_something_when_it_is_stopped_gets_its_turn_and_no_more(stubborn):
    thread, gate = stubborn
    done = []

    def code():
        try:
            gate.wait()
        finally:
            thread.pause("as the last thing")
            done.append("all of it")

    with pytest.raises(Busy):
        thread.begin(code)
    gate.set()
    assert thread.resume() is None
    assert done == ["all of it"]


def test_code_that_cannot_be_stopped_is_waited_for_once(stubborn, monkeypatch):
    thread, gate = stubborn
    with pytest.raises(Busy):
        thread.begin(gate.wait)
    with pytest.raises(Busy):
        thread.resume()
    slices = []
    monkeypatch.setattr(handler_thread, "_SLICE_S", 0.01)
    monkeypatch.setattr(handler_thread, "safe_point", lambda: slices.append(None))
    with pytest.raises(Busy):
        thread.resume()
    assert len(slices) == 1, "but for the one before it, there is one in each slice of a wait"
    thread.close()
