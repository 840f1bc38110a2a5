"""Moto's server measured as the command does it: our poller in front of its queues, and its URL by itself.

The questions about queues are put to moto in ``tests/moto/simulator/``, where an hour takes no time.
"""

import threading

import pytest

from redrive.fixtures.moto_server import moto_server
from redrive.scenarios.cli import main
from redrive.scenarios.parity import peer
from redrive.scenarios.probes import PROBES, Word
from redrive.scenarios.probes.environments import opened
from redrive.scenarios.probes.measuring import measure

MOTO = peer("moto")
ABOUT_THE_MAPPING = [probe for probe in PROBES if probe.rule_id.startswith("E")]
TOO_MANY_MESSAGES = {"S15"}


@pytest.fixture(scope="module")
def answers():
    stop = threading.Event()
    with opened("moto", stop=stop, progress=print) as endpoint:
        yield measure(endpoint, ABOUT_THE_MAPPING, stop=stop).answers
        left = endpoint.sqs.list_queues().get("QueueUrls", [])
        assert left == [], "queues that were made are deleted"


def test_poller_in_front_of_moto_differs_where_the_table_says_so(answers):
    known = {deviation.id for deviation in MOTO.deviations if deviation.id.startswith("E")}
    seen = {name: answer.how for name, answer in answers.items() if answer.word is Word.DIFFERS}
    assert set(seen) == known, seen


def test_table_says_which_rules_were_asked(answers):
    of_the_mapping = {name[:3] for name, answer in answers.items() if answer.word is not Word.NOT_ASKED}
    of_queues = {probe.rule_id for probe in PROBES if probe.rule_id.startswith("S")} - TOO_MANY_MESSAGES
    assert MOTO.asked == of_the_mapping | of_queues


def test_any_endpoint_can_be_measured_by_its_url(capsys):
    with moto_server() as url, pytest.raises(SystemExit) as ended:
        main(["parity", "S01", "S20", "E07", "--on", url])
    assert ended.value.code == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    address = url.removeprefix("http://")
    assert [line[:4] for line in lines] == [
        ["S01", address, "", "differs 3/4"],
        ["S20", address, "", "differs 2/3"],
        ["E07", address, "", "cannot be asked"],
    ]
    assert "E07-unknown: there is no mapping behind a URL of queues" in lines[2][4]
