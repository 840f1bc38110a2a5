"""Every question about queues put to moto, at a time that stands still: it differs where the table says so.

The simulator stands for AWS. When moto mends something the test says so, and its entry goes.
"""

from importlib.metadata import version

import pytest

from redrive.scenarios.parity import peer
from redrive.scenarios.probes import PROBES, Endpoint, Word
from redrive.scenarios.probes.environments import simulated

MOTO = peer("moto")
KNOWN = {deviation.id for deviation in MOTO.deviations}
ABOUT_QUEUES = [probe for probe in PROBES if probe.rule_id.startswith("S")]


@pytest.mark.parametrize("probe", ABOUT_QUEUES, ids=lambda probe: probe.id)
def test_moto_differs_where_the_table_says_so(probe, moto):
    if probe.id in KNOWN:
        assert probe.answer(simulated()).word is Word.AS_AWS, "the simulator does not do what AWS does"
    moto.begin()
    at = Endpoint(
        name="moto",
        version=version("moto"),
        sqs=moto.client,
        wait=lambda seconds: moto.passes(int(seconds * 1000)),
        virtual=False,
        mapping="the poller waits in real time",
    )
    answer = probe.answer(at)
    here = f"moto {version('moto')} (the table: {MOTO.version})"
    if probe.id in KNOWN:
        assert answer.word is Word.DIFFERS, f"{here} does what AWS does: take {probe.id} out of scenarios/parity.py"
    else:
        assert answer.word is not Word.DIFFERS, f"{here} differs: add {probe.id} to scenarios/parity.py: {answer.how}"
