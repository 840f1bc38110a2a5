"""Measuring: some questions at once, in what order, and that nothing stays behind when it is stopped."""

import threading
from collections import Counter

import pytest
from botocore.exceptions import EndpointConnectionError

from redrive.scenarios.errors import EnvironmentFailed, InputError, UnknownName
from redrive.scenarios.probes import Endpoint, Probe, Word
from redrive.scenarios.probes.environments import Stopped, check_names, opened, simulated
from redrive.scenarios.probes.measuring import AT_ONCE, measure
from redrive.scenarios.probes.probe import fact
from redrive.scenarios.probes.queues import queue
from redrive.scenarios.probes.simulated_sqs import SimulatedSqs

WITHIN_S = 20


def probe(name, ask, takes_s=1):
    return Probe(id=f"S01-{name}", aws="something", ask=ask, takes_s=takes_s)


def good(_):
    yield fact("one", 1, 1)


class Locked:
    """A client of the simulator for many threads."""

    def __init__(self):
        self.sqs = SimulatedSqs(lambda: 0)
        self.lock = threading.Lock()

    def __getattr__(self, name):
        def call(**request):
            with self.lock:
                return getattr(self.sqs, name)(**request)

        return call


def real(stop, sqs=None):
    def wait(seconds):
        if stop.wait(seconds):
            raise Stopped

    return Endpoint(name="real", version="2", sqs=sqs, wait=wait, virtual=False, mapping="there is none")


def test_answers_are_in_the_order_of_the_questions_however_they_came():
    stop, second_done = threading.Event(), threading.Event()

    def first(_):
        assert second_done.wait(WITHIN_S)
        yield fact("one", 1, 2)

    def second(_):
        yield fact("one", 1, 1)

    def told(asked, _answer):
        order.append(asked.id)
        if asked.id == "S01-second":
            second_done.set()

    order = []
    measured = measure(real(stop), [probe("first", first), probe("second", second)], stop=stop, on_answer=told)
    assert order == ["S01-second", "S01-first"]
    assert [(name, answer.word) for name, answer in measured.answers.items()] == [
        ("S01-first", Word.DIFFERS),
        ("S01-second", Word.AS_AWS),
    ]
    assert (measured.environment, measured.version, measured.mapping) == ("real", "2", None)


def test_difference_counts_if_it_is_seen_twice():
    stop, times = threading.Event(), Counter()

    def differing(name, often):
        def ask(_):
            times[name] += 1
            yield fact("one", int(times[name] > often), 1)

        return ask

    told = []
    probes = [probe("once", differing("once", 1)), probe("always", differing("always", 9)), probe("good", good)]
    probes.append(probe("long", differing("long", 1), takes_s=60))
    measured = measure(real(stop), probes, stop=stop, on_answer=lambda asked, _: told.append(asked.id))
    assert [answer.word for answer in measured.answers.values()] == [
        Word.AS_AWS,
        Word.DIFFERS,
        Word.AS_AWS,
        Word.DIFFERS,
    ]
    assert times == {"once": 2, "always": 2, "long": 1}
    assert len(told) == 4


def test_questions_that_take_long_are_put_first():
    stop, begun = threading.Event(), []

    def asking(name):
        def ask(_):
            begun.append(name)
            yield fact("one", 1, 1)

        return ask

    probes = [probe(f"q{number}", asking(number), takes_s=number) for number in range(3 * AT_ONCE)]
    measure(real(stop), probes, stop=stop)
    assert max(begun[:AT_ONCE]) == 3 * AT_ONCE - 1
    assert begun.index(3 * AT_ONCE - 1) < AT_ONCE
    assert begun.index(0) >= 2 * AT_ONCE


def test_interrupted_measurement_deletes_what_it_made():
    stop, made = threading.Event(), threading.Event()
    sqs = Locked()

    def long(at):
        with queue(at) as q:
            q.send("a")
            made.set()
            at.wait(3_600)
            yield fact("one", 1, 1)

    def short(_):
        assert made.wait(WITHIN_S)
        yield fact("one", 1, 1)

    def interrupt(_probe, _answer):
        assert len(sqs.sqs.queues) == 2
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(real(stop, sqs), [probe("long", long), probe("short", short)], stop=stop, on_answer=interrupt)
    assert stop.is_set()
    assert sqs.sqs.queues == {}


def test_endpoint_that_goes_away_or_makes_no_sense_is_said_and_the_others_are_asked():
    def gone(_):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        yield

    def nonsense(_):
        yield fact("one", int("x"), 1)

    stop = threading.Event()
    probes = [probe("gone", gone), probe("nonsense", nonsense), probe("good", good)]
    words = measure(real(stop), probes, stop=stop).answers
    assert [answer.word for answer in words.values()] == [Word.NOT_ASKED, Word.NOT_ASKED, Word.AS_AWS]
    assert words["S01-gone"].how[0].startswith("it did not answer: EndpointConnectionError")
    assert words["S01-nonsense"].how[0].startswith("its answer cannot be understood: ValueError")


def test_error_of_ours_is_not_hidden_where_time_is_virtual():
    with pytest.raises(ValueError, match="invalid literal"):
        measure(simulated(), [probe("nonsense", lambda _: [fact("one", int("x"), 1)])], stop=threading.Event())


@pytest.mark.parametrize(
    ("names", "error", "said"),
    [
        (("moto", "mars"), UnknownName, "no environment named 'mars'; there are: simulated, moto, localstack, a URL"),
        (("ftp://127.0.0.1",), InputError, "'ftp://127.0.0.1' is no endpoint: http://127.0.0.1:9324 is one"),
        (("http://",), InputError, "'http://' is no endpoint: http://127.0.0.1:9324 is one"),
        (("moto", "moto"), InputError, "each environment is measured once: name it once"),
    ],
)
def test_what_is_no_environment_is_said(names, error, said):
    with pytest.raises(error) as raised:
        check_names(names)
    assert str(raised.value) == said


def test_url_that_does_not_answer_is_one_line():
    stop = threading.Event()
    with (
        pytest.raises(EnvironmentFailed, match=r"^http://127\.0\.0\.1:1 does not make queues: EndpointConn[^\n]*$"),
        opened("http://127.0.0.1:1", stop=stop, progress=print),
    ):
        pass
