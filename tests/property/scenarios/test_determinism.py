"""The same seed gives the same plans, histories and report, in whatever process and company."""

import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from redrive.scenarios.catalogue import CATALOGUE
from redrive.scenarios.environments.simulated import SimulatedEnvironment
from redrive.scenarios.history import History
from redrive.scenarios.scheduling import verify
from redrive.scenarios.target import REFERENCE, handler_of, load_target
from redrive.scenarios.verification import jobs_of, verify_scenario

EXAMPLES = 2
SCENARIOS = ("concurrent-duplicate", "crash-after-effect", "partial-failure")
ROGUE = "redrive.scenarios.rogues.check_then_act:handler"


def report(target, names, *, seed=7, processes=1, examples=EXAMPLES, **options):
    """The JSON of a verification, but for times."""
    loaded = load_target(target)
    jobs = jobs_of(loaded.consumer, names)
    made = verify(loaded, jobs=jobs, seed=seed, examples=examples, processes=processes, **options)
    written = json.loads(json.dumps(made.as_json()))
    for part in (*written["scenarios"], written["totals"]):
        assert part.pop("seconds") >= 0
    return written


@pytest.fixture(scope="module")
def reference_report():
    return report(REFERENCE, SCENARIOS)


@pytest.fixture(scope="module")
def rogue_report():
    return report(ROGUE, ("happy-path", "concurrent-duplicate"))


def scenario_of(written, name):
    return next(scenario for scenario in written["scenarios"] if scenario["name"] == name)


def test_reference_handler_holds_whatever_the_number_of_examples(reference_report):
    assert [scenario["verdict"] for scenario in reference_report["scenarios"]] == ["holds"] * 3
    assert [scenario["examples"] for scenario in reference_report["scenarios"]] == [EXAMPLES] * 3


def test_same_seed_gives_the_same_report(reference_report):
    assert report(REFERENCE, SCENARIOS) == reference_report


def test_other_processes_give_the_same_report(reference_report):
    assert report(REFERENCE, SCENARIOS, processes=2) == reference_report


@pytest.mark.once
def test_other_processes_add_the_same_faults():
    options = {"examples": 4, "fault_rates": {"crash": 0.3, "duplicate": 0.3, "clock-skew": 0.5}}
    one, other = (report(REFERENCE, SCENARIOS[:2], processes=processes, **options) for processes in (1, 2))
    assert one == other
    assert one["faults"] == options["fault_rates"]
    assert one["scenarios"] != report(REFERENCE, SCENARIOS[:2], examples=4)["scenarios"]


def test_scenario_alone_gives_what_it_gave_among_others(reference_report):
    alone = report(REFERENCE, SCENARIOS[1:2])
    assert alone["scenarios"] == [scenario_of(reference_report, SCENARIOS[1])]


def test_finding_of_a_scenario_alone_is_the_one_it_gave_among_others(rogue_report):
    alone = report(ROGUE, ["concurrent-duplicate"])
    (finding, *_) = alone["scenarios"][0]["violations"]
    assert finding["invariant"] == "effects-once"
    assert alone["scenarios"] == [scenario_of(rogue_report, "concurrent-duplicate")]
    assert finding["replay"] == (
        f"redrive verify {ROGUE} --scenario concurrent-duplicate --seed 7 --examples {EXAMPLES}"
    )


class NothingHappens:
    """An environment that only remembers what it was to run."""

    def __init__(self):
        self.plans = []

    def run(self, plan, consumer, handler, *, seed):
        self.plans.append(plan)
        return History(plan=plan, queue=consumer.queue, events=(), finished=True, looks_at_effects=True, start_ms=0)


def plans_of(seed):
    """The plans that a verification with this seed runs."""
    (job,) = jobs_of(load_target(REFERENCE).consumer, ["duplicate-delivery"])
    environment = NothingHappens()
    verify_scenario(job, environment, seed=seed, examples=12)
    return environment.plans


def test_another_seed_gives_other_plans():
    one, other = plans_of(1), plans_of(2)
    assert one == plans_of(1)
    assert one != other
    assert len({repr(plan) for plan in one}) > 3


@pytest.fixture(scope="module")
def simulated():
    with SimulatedEnvironment().running() as environment:
        yield environment


@pytest.mark.parametrize("name", ["fifo-interrupted", "dependency-lost"])
def test_same_plan_gives_the_same_history_byte_for_byte(simulated, name):
    consumer = load_target(REFERENCE).consumer
    handler = handler_of(consumer)

    @settings(
        max_examples=2,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(CATALOGUE[name].plans(consumer))
    def check(plan):
        one, other = (simulated.run(plan, consumer, handler, seed=11) for _ in range(2))
        assert repr(one) == repr(other)
        assert one.events

    check()


def test_another_seed_gives_other_message_ids(simulated):
    consumer = load_target(REFERENCE).consumer
    plans = []

    @settings(max_examples=1, database=None, derandomize=True, phases=[Phase.generate])
    @given(CATALOGUE["happy-path"].plans(consumer))
    def draw(plan):
        plans.append(plan)

    draw()
    one, other = (simulated.run(plans[0], consumer, handler_of(consumer), seed=seed) for seed in (1, 2))
    assert one.fates[0].message_id != other.fates[0].message_id
    assert [fate.acknowledged for fate in one.fates] == [fate.acknowledged for fate in other.fates]
