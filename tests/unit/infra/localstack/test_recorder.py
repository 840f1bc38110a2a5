"""The recorder protocol, from the side that tells."""

import json
import logging

import pytest

from redrive.infra.localstack.plugins.recorder import Ending, LostDeletions, Recorder
from redrive.simulator import function

from ....recording_server import posts_taken


@pytest.fixture
def listening():
    """A server that keeps what it is told; gives its URL, the calls, and a list with the one answer that it gives."""
    calls, answers = [], [(200, b"{}")]

    def take(path, body):
        calls.append((path, body.decode()))
        return answers[0]

    with posts_taken(take) as url:
        yield url, calls, answers


@pytest.fixture
def lost():
    return LostDeletions()


def test_endings_are_the_simulators():
    assert {ending.name: ending.value for ending in Ending} == {one.name: one.value for one in function.Ending}


def test_event_is_sent_on_as_it_is(listening, lost):
    url, calls, _ = listening
    digits = "9" * 5_000
    Recorder(url=f"{url}/run/7/", lost=lost).began({"function": "f", "pid": 1}, f'{{"a":  {digits}}}')
    [(path, body)] = calls
    assert path == "/run/7/began"
    assert body.endswith(f', "event": {{"a":  {digits}}}}}')
    said = json.loads(body, parse_int=str)
    assert (said["function"], said["pid"], said["event"]) == ("f", "1", {"a": digits})
    assert len(said["at_ms"]) == 13


def test_answer_to_the_end_says_what_is_lost(listening, lost):
    url, calls, answers = listening
    answers[0] = (200, b'{"lose_deletes": ["one", "two", 3]}')
    Recorder(url=url, lost=lost).ended("request-1", Ending.TIMED_OUT, None)
    assert lost.take({"one", "three", "3"}) == {"one"}
    assert lost.take({"one", "two"}) == {"two"}
    [(path, body)] = calls
    assert path == "/ended"
    said = json.loads(body)
    assert (said["request_id"], said["ending"], said["payload"]) == ("request-1", "timed out", None)


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"lose_deletes": "one"}', b"\xff"])
def test_answers_that_say_nothing(listening, lost, answer):
    url, _, answers = listening
    answers[0] = (200, answer)
    Recorder(url=url, lost=lost).ended("request-1", Ending.RETURNED, "null")
    assert lost.take({"o", "one"}) == set()


def test_recorder_that_is_gone_is_warned_of_once(lost, caplog):
    recorder = Recorder(url="http://127.0.0.1:9", lost=lost)
    recorder.began({}, "{}")
    recorder.ended("request-1", Ending.RETURNED, "null")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "http://127.0.0.1:9 does not answer" in caplog.text


def test_recorder_that_fails_is_warned_of(listening, lost, caplog):
    url, calls, answers = listening
    answers[0] = (500, b'{"lose_deletes": ["one"]}')
    Recorder(url=url, lost=lost).ended("request-1", Ending.RETURNED, "null")
    assert len(calls) == 1
    assert "status 500" in caplog.text
    assert lost.take({"one"}) == set()


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:80",
        "https://127.0.0.1:80",
        "http://127.0.0.1",
        "http://127.0.0.1:port",
        "http://127.0.0.1:80@example.com:80",
        "http://192.0.2.1:80",
        "127.0.0.1:80",
    ],
)
def test_recorder_is_on_this_host_alone(url, lost, caplog):
    recorder = Recorder(url=url, lost=lost)
    recorder.began({}, "{}")
    assert recorder.url is None
    assert "is refused: a recorder is at http://127.0.0.1:PORT" in caplog.text


def test_nobody_asked_for_a_recorder(lost, caplog):
    recorder = Recorder(url=None, lost=lost)
    recorder.began({}, "{}")
    recorder.ended("request-1", Ending.RETURNED, "null")
    assert caplog.text == ""


def test_deletion_is_lost_once(lost):
    lost.add(["one", "one"])
    assert [lost.take({"one", "two"}), lost.take({"one"})] == [{"one"}, set()]
