"""Ctrl-C: deferred to where it does no harm, and raised again where something hid it or swallowed it."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from redrive.scenarios.interruption import deferred, held_back, kept, recall, safe_point, sleep


@pytest.fixture(autouse=True)
def put_back():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    hook = sys.unraisablehook
    yield
    assert signal.getsignal(signal.SIGINT) == before[signal.SIGINT]
    assert sys.unraisablehook is hook
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupt():
    signal.raise_signal(signal.SIGINT)


def hidden_interrupt():
    """One that somebody does not let through."""
    with pytest.raises(KeyboardInterrupt):
        interrupt()


@contextmanager
def interrupted():
    """What is within is interrupted, and says so in the end."""
    with pytest.raises(KeyboardInterrupt):
        yield


class Finalised:
    def __init__(self, at_end):
        self.at_end = at_end

    def __del__(self):
        self.at_end()


def test_it_waits_for_a_safe_point_and_is_raised_by_one_of_them():
    done = []
    with interrupted(), deferred():
        interrupt()
        with pytest.raises(KeyboardInterrupt):
            safe_point()
        safe_point()
        done.append("all of it")
    assert done


def test_held_back_it_comes_at_the_end_and_a_process_started_within_does_not_hear_of_it():
    done = []
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('not interrupted')"
    with interrupted(), held_back():
        signal.raise_signal(signal.SIGINT)  # to this thread, whichever others there are
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        done.append(child.stdout)
    assert done == ["not interrupted\n"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_without_a_safe_point_it_is_raised_at_the_end():
    done = []
    with interrupted(), deferred():
        interrupt()
        done.append("all of it")
    assert done


def test_second_one_is_raised_at_once():
    with interrupted(), deferred():
        interrupt()
        interrupt()
        pytest.fail("went on")


def test_one_after_one_that_a_safe_point_raised_waits_again():
    cleaned_up = []
    with interrupted(), deferred():
        try:
            interrupt()
            safe_point()
        finally:
            interrupt()
            cleaned_up.append("all of it")
    assert cleaned_up


@pytest.mark.parametrize("context", [deferred, kept])
def test_error_amid_the_cleaning_up_does_not_hide_it(context):
    error = AssertionError("left half done")

    def work():
        with context():
            try:
                interrupt()
                safe_point()
            finally:
                raise error

    with pytest.raises(KeyboardInterrupt) as raised:
        work()
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("context", [deferred, kept])
def test_error_without_it_is_as_ever(context):
    with pytest.raises(AssertionError, match="wrong"), context():
        raise AssertionError("wrong")


def test_kept_one_is_raised_where_it_comes():
    with interrupted(), kept():
        interrupt()
        pytest.fail("went on")


def test_hidden_one_is_raised_by_recall_as_often_as_it_is_asked():
    with interrupted(), kept():
        recall()
        safe_point()
        hidden_interrupt()
        safe_point()
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                recall()


def test_hidden_one_is_raised_at_the_end():
    done = []
    with interrupted(), kept():
        hidden_interrupt()
        done.append("all of it")
    assert done


def test_hidden_one_is_raised_by_what_defers_the_next():
    with interrupted(), kept():
        hidden_interrupt()
        with deferred():
            pytest.fail("went on")


def test_one_that_meets_a_finaliser_is_raised_at_the_end_and_nothing_is_told_of_it(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    done = []
    with interrupted(), kept():
        Finalised(interrupt)
        done.append("all of it")
    assert done
    assert told == []


def test_errors_of_finalisers_are_told_as_before(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_type))
    with kept(), deferred():
        Finalised(lambda: 1 // 0)
    assert told == [ZeroDivisionError]


def test_what_one_verification_heard_is_nothing_to_the_next():
    for context in (kept, deferred):
        with interrupted(), context():
            hidden_interrupt() if context is kept else interrupt()
        with context():
            recall()
            safe_point()


def test_what_the_inner_one_raised_is_dealt_with():
    with kept():
        with interrupted(), kept():
            hidden_interrupt()
        recall()


def test_what_a_run_raised_is_not_dealt_with_before_the_verification_ends():
    with interrupted(), kept():
        with suppress(KeyboardInterrupt), deferred():
            interrupt()
        with pytest.raises(KeyboardInterrupt):
            recall()


def test_runs_within_runs_defer_it_to_their_end():
    done = []
    with interrupted(), deferred():
        with deferred():
            pass
        interrupt()
        done.append("all of it")
    assert done


@pytest.mark.parametrize("context", [deferred, kept])
def test_iterating_that_is_given_up_early_is_no_error(context):
    def results():
        with context():
            yield from (1, 2)

    generator = results()
    next(generator)
    hidden_interrupt() if context is kept else interrupt()
    generator.close()


def test_handlers_of_others_stay():
    heard = []

    def handler(number, frame):
        heard.append(number)

    with taken_by(handler), deferred(), kept():
        interrupt()
        safe_point()
    assert heard == [signal.SIGINT]


def test_handler_that_is_set_within_stays():
    def handler(number, frame):
        raise AssertionError("not heard")

    before = signal.getsignal(signal.SIGINT)
    with kept():
        signal.signal(signal.SIGINT, handler)
    after = signal.signal(signal.SIGINT, before)
    assert after is handler


@contextmanager
def taken_by(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_sigterm_is_deferred_where_it_means_the_same():
    done = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with interrupted(), deferred():
        signal.raise_signal(signal.SIGTERM)
        done.append("went on")
        with pytest.raises(KeyboardInterrupt):
            safe_point()
    assert done
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with deferred():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_sleeping_is_a_safe_point_and_lasts_as_long_as_it_is_told(monkeypatch):
    slept = []
    now_s = [0.0]

    def pass_time(duration_s):
        slept.append(duration_s)
        now_s[0] += duration_s

    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(time, "sleep", pass_time)
    sleep(0.12)
    assert sum(slept) == pytest.approx(0.12)
    assert max(slept) < 0.12
    slept.clear()
    with interrupted(), deferred():
        interrupt()
        sleep(1)
    assert slept == []


def test_other_threads_replace_nothing_and_are_not_interrupted():
    def work():
        with deferred(), kept():
            handlers.append(signal.getsignal(signal.SIGINT))
            safe_point()
            recall()
        ended.append("all of it")

    handlers, ended = [], []
    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [before]
    with interrupted(), deferred():
        interrupt()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(ended) == 2
