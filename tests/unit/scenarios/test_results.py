"""The values of a verification and the JSON that ``--json`` writes."""

import json
from dataclasses import replace

import pytest

from redrive.fixtures.faults import CrashAt
from redrive.scenarios.judgement import Verdict
from redrive.scenarios.plan import Plan, PlannedMessage
from redrive.scenarios.plan_json import plan_from_json
from redrive.scenarios.results import Finding, Report, ScenarioResult

FINDING = Finding(
    invariant="no-loss",
    message="message 1, 'key-1', was acknowledged",
    business_keys=("key-1",),
    timeline=("message 1: 'key-1', valid", "  sent"),
    replay="redrive verify shop:handler --scenario happy-path --seed 7",
)
RESULTS = (
    ScenarioResult(name="happy-path", verdict=Verdict.HOLDS, examples=40, deliveries=512, seconds=0.41),
    ScenarioResult(
        name="crash", verdict=Verdict.VIOLATED, examples=3, deliveries=8, seconds=0.2, violations=(FINDING,)
    ),
    ScenarioResult(name="fifo-order", verdict=Verdict.SKIPPED, reason="not claimed: ordered"),
    ScenarioResult(name="late", verdict=Verdict.UNKNOWN, reason="nothing was shown", examples=1, deliveries=1),
)


def report(*results):
    return Report(
        version="0.1.0",
        target="shop:handler",
        environment="simulated",
        runtime="in-process",
        seed=7,
        scenarios=results or RESULTS,
    )


def test_json_has_exactly_the_keys_of_the_design_in_its_order():
    written = json.loads(json.dumps(report().as_json()))
    assert list(written) == ["redrive", "target", "environment", "runtime", "seed", "scenarios", "totals"]
    for scenario in written["scenarios"]:
        assert list(scenario) == [
            "name", "verdict", "reason", "examples", "points", "deliveries", "seconds", "violations", "notes"
        ]  # fmt: skip
    (violation,) = written["scenarios"][1]["violations"]
    assert list(violation) == ["invariant", "message", "business_keys", "timeline", "replay", "plan"]
    assert list(written["totals"]) == ["holds", "violated", "unknown", "skipped", "deliveries", "seconds"]


def test_json_says_at_which_rates_faults_were_added_if_any_were():
    written = replace(report(), faults={"duplicate": 0.1, "crash": 1.0}).as_json()
    assert list(written) == ["redrive", "target", "environment", "runtime", "seed", "faults", "scenarios", "totals"]
    assert list(json.loads(json.dumps(written))["faults"].items()) == [("duplicate", 0.1), ("crash", 1.0)]
    assert "faults" not in replace(report(), faults={}).as_json()


def test_json_says_what_the_values_say():
    written = json.loads(json.dumps(report().as_json()))
    assert written["redrive"] == "0.1.0"
    assert (written["target"], written["environment"], written["runtime"], written["seed"]) == (
        "shop:handler",
        "simulated",
        "in-process",
        7,
    )
    assert [scenario["verdict"] for scenario in written["scenarios"]] == ["holds", "violated", "skipped", "unknown"]
    assert [scenario["reason"] for scenario in written["scenarios"]] == [
        None,
        None,
        "not claimed: ordered",
        "nothing was shown",
    ]
    assert written["scenarios"][1]["violations"] == [
        {
            "invariant": "no-loss",
            "message": "message 1, 'key-1', was acknowledged",
            "business_keys": ["key-1"],
            "timeline": ["message 1: 'key-1', valid", "  sent"],
            "replay": "redrive verify shop:handler --scenario happy-path --seed 7",
            "plan": None,
        }
    ]


def test_json_has_the_plan_of_each_finding():
    plan = Plan(messages=(PlannedMessage(key="key-1", body="{}"),), faults=(CrashAt(invocation=0),))
    crashed = replace(RESULTS[1], violations=(replace(FINDING, plan=plan),))
    written = json.loads(json.dumps(report(crashed).as_json()))
    assert plan_from_json(written["scenarios"][0]["violations"][0]["plan"]) == plan


def test_json_says_which_options_shaped_the_target_if_any_did():
    assert replace(report(), options=("--fifo", "--env", "A=B")).as_json()["options"] == ["--fifo", "--env", "A=B"]
    assert "options" not in report().as_json()


def test_json_says_what_was_not_run_and_that_is_not_passed():
    cut_short = replace(report(RESULTS[0]), not_run=("crash", "late"))
    assert cut_short.as_json()["not_run"] == ["crash", "late"]
    assert not cut_short.passed
    assert replace(cut_short, not_run=()).passed
    assert "not_run" not in report().as_json()


def test_json_has_the_notes():
    noted = replace(RESULTS[0], notes=("dropped: 2 bodies", "more"), points=7)
    (written,) = json.loads(json.dumps(report(noted).as_json()))["scenarios"]
    assert (written["notes"], written["points"]) == (["dropped: 2 bodies", "more"], 7)


def test_totals_add_up():
    assert report().totals() == {
        "holds": 1,
        "violated": 1,
        "unknown": 1,
        "skipped": 1,
        "deliveries": 521,
        "seconds": 0.61,
    }


@pytest.mark.parametrize(
    ("verdicts", "passed"),
    [
        ("holds", True),
        ("holds skipped", True),
        ("skipped holds holds", True),
        ("holds violated", False),
        ("holds unknown", False),
        ("unknown", False),
        ("skipped", False),
        ("skipped skipped unknown", False),
    ],
)
def test_passed_needs_something_that_holds_and_nothing_violated_or_unknown(verdicts, passed):
    results = [ScenarioResult(name="s", verdict=Verdict(verdict)) for verdict in verdicts.split()]
    assert report(*results).passed is passed


def test_nothing_asked_is_nothing_passed():
    empty = Report(version="0", target="t", environment="e", runtime="r", seed=0, scenarios=())
    assert not empty.passed
