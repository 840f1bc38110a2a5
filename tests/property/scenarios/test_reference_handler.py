"""The reference handler passes every scenario, with each sink that it has. `redrive verify` tries more plans."""

import pytest

from redrive.scenarios import Verdict
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.target import REFERENCE, load_target
from redrive.scenarios.verification import jobs_of, verify_scenario

JOBS = jobs_of(load_target(REFERENCE).consumer)
EXAMPLES = 2


@pytest.fixture(scope="module")
def simulated():
    with SimulatedEnvironment().running() as environment:
        yield environment


# What the default queue's batches are too small for is asked of a variant, and agreement of those only who do not say
# what their effects are.
ELSEWHERE = {job.name for job in JOBS if job.why_not() is not None}
ASKED = [job for job in JOBS if job.name not in ELSEWHERE]


@pytest.mark.parametrize("job", ASKED, ids=lambda job: job.name)
def test_reference_handler_holds(simulated, job):
    for module in job.needs:
        pytest.importorskip(module, reason="the Delta sink needs the extra redrive[delta]")
    result = verify_scenario(job, simulated, seed=1, examples=EXAMPLES, shrink=False)
    found = "\n".join(line for finding in result.violations for line in (finding.message, *finding.timeline))
    assert result.verdict is Verdict.HOLDS, result.reason or found
    examples = result.points or job.scenario.examples(EXAMPLES)
    assert result.examples == examples
    assert result.deliveries >= examples


def test_whole_catalogue_is_asked():
    compared = {name for name, scenario in CATALOGUE.items() if scenario.related is not None}
    assert {job.scenario.name for job in ASKED} == set(CATALOGUE) - compared


def test_little_is_left_out():
    assert {name for name in ELSEWHERE if CATALOGUE[name].related is None} == {"largest-batch"}
