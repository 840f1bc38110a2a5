"""Every rogue is caught, by the invariant that its one bug is about."""

import importlib
import pkgutil
import subprocess
import sys
from collections import Counter

import pytest

from redrive.scenarios import rogues
from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.invariants import INVARIANTS
from redrive.scenarios.judgement import Verdict
from redrive.scenarios.rogues import ROGUES
from redrive.scenarios.target import load_target
from redrive.scenarios.verification import jobs_of, verify_scenario

pytestmark = pytest.mark.once

NO_ROGUES = {"shop"}


@pytest.fixture(scope="module")
def environment():
    with SimulatedEnvironment().running() as running:
        yield running


def ask(name, environment, *, shrink):
    rogue = ROGUES[name]
    (job,) = jobs_of(load_target(rogue.target).consumer, [rogue.scenario])
    result = verify_scenario(job, environment, replay="redrive verify …", shrink=shrink)
    assert result.verdict is Verdict.VIOLATED, f"{result.verdict}: {result.reason}"
    return {finding.invariant: finding for finding in result.violations}


def messages_in(finding):
    return sum(line.startswith("message ") for line in finding.timeline)


def faults_in(finding):
    # A fault shows with every message that it concerns.
    return len({line for line in finding.timeline if "FAULT: " in line and "invocation" in line})


@pytest.mark.parametrize("name", ROGUES)
def test_rogue_is_caught_by_its_invariant(name, environment):
    assert ROGUES[name].caught_by in ask(name, environment, shrink=False)


def test_table_names_every_module_and_nothing_else():
    modules = {module.name for module in pkgutil.iter_modules(rogues.__path__)}
    assert set(ROGUES) == modules - NO_ROGUES


def test_table_names_invariants_and_scenarios_that_exist():
    for rogue in ROGUES.values():
        assert rogue.caught_by in CATALOGUE[rogue.scenario].invariants, rogue.name


def test_there_are_rogues_of_every_family():
    count = Counter(rogue.family for rogue in ROGUES.values())
    assert set(count) == {scenario.family for scenario in CATALOGUE.values()}
    assert min(count.values()) >= 3, count


def test_every_invariant_has_a_rogue_that_it_must_catch():
    assert {rogue.caught_by for rogue in ROGUES.values()} == set(INVARIANTS)


@pytest.mark.parametrize("name", ROGUES)
def test_docstring_says_what_people_believe_and_what_happens(name):
    doc = importlib.import_module(f"{rogues.__name__}.{name}").__doc__ or ""
    summary, _, rest = doc.partition("\n\n")
    assert summary
    assert summary.endswith(".")
    belief, _, reality = rest.partition("What happens:")
    assert belief.startswith("People believe:")
    assert reality.strip()


def test_importing_the_table_imports_no_rogue():
    code = (
        "import sys, redrive.scenarios.rogues as rogues;"
        "print([name for name in sys.modules if name.startswith(rogues.__name__ + '.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What each shortest history must come down to: messages, faults, and what its timeline has to say.
SHORTEST = {
    "swallowed_exception": (
        1,
        1,
        [
            "FAULT: no AWS call of invocation 1 gets through from call 1 on",
            "invocation 1 returned and reported success for this message",
            "deleted: invocation 1 acknowledged it",
        ],
    ),
    "check_then_act": (
        1,
        1,
        [
            "FAULT: a second invocation gets the messages of invocation 1",
            "delivered to invocation 2",
            "its effect is there",
        ],
    ),
    "leased_counts_as_done": (
        1,
        2,
        [
            "FAULT: a second invocation gets the messages of invocation 1",
            "deleted: invocation 2 acknowledged it",
            "invocation 1 crashed",
        ],
    ),
    "stale_failures": (
        2,
        0,
        ["batchItemFailures[0] has an itemIdentifier that is not in the batch: its whole batch comes back"],
    ),
    "fifo_reports_only_the_failed": (
        2,
        1,
        [
            "message group 'group-a'",
            "returned and reported this message as failed",
            "its effect is there",
        ],
    ),
}


@pytest.mark.parametrize("name", SHORTEST)
def test_shortest_history_is_as_short_as_it_can_be_and_says_what_happened(name, environment):
    messages, faults, sayings = SHORTEST[name]
    finding = ask(name, environment, shrink=True)[ROGUES[name].caught_by]
    told = "\n".join(finding.timeline)
    assert (messages_in(finding), faults_in(finding)) == (messages, faults), told
    for saying in sayings:
        assert saying in told


@pytest.mark.parametrize("name", ["swallowed_exception", "check_then_act", "fifo_reports_only_the_failed"])
def test_same_seed_gives_the_same_finding(name, environment):
    assert ask(name, environment, shrink=True) == ask(name, environment, shrink=True)


def test_shortest_history_of_a_race_shows_both_effects(environment):
    finding = ask("check_then_act", environment, shrink=True)["effects-once"]
    assert sum(line.endswith("its effect is there") for line in finding.timeline) == 2
    assert finding.business_keys == ("key-1",)
