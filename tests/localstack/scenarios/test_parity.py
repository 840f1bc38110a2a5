"""LocalStack measured with its own mapping: it differs where docs/parity.md says so.

Without the one question that takes longer than a minute.
"""

import re
import threading
from pathlib import Path

import pytest

from redrive.scenarios.probes import PROBES, Word
from redrive.scenarios.probes.environments import opened
from redrive.scenarios.probes.measuring import measure

DOCUMENT = Path(__file__).parents[3] / "docs" / "parity.md"
ASKED = [probe for probe in PROBES if probe.takes_s < 60]


@pytest.fixture(scope="module")
def measured(localstack_server):
    stop = threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALSTACK_ENDPOINT", localstack_server.endpoint_url)
        with opened("localstack", stop=stop, progress=print) as endpoint:
            yield measure(endpoint, ASKED, stop=stop)
            left = endpoint.sqs.list_queues(QueueNamePrefix="redrive-parity-").get("QueueUrls", [])
            assert left == [], "queues that were made are deleted"


def test_it_differs_where_the_document_says_so(measured):
    text = DOCUMENT.read_text(encoding="utf-8")
    section = re.search(r"^## How localstack differs\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    written = set(re.findall(r"^- \*\*([SE]\d\d-\w+)\*\*", section[1], re.MULTILINE))
    seen = {name: answer.how for name, answer in measured.answers.items() if answer.word is Word.DIFFERS}
    assert set(seen) == written & {probe.id for probe in ASKED}, seen


def test_its_own_mapping_answers_nearly_all_questions(measured):
    assert measured.mapping == "native"
    not_asked = {name for name, answer in measured.answers.items() if answer.word is Word.NOT_ASKED}
    assert not_asked == {"S15-limit"}
