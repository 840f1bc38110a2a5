"""JUnit XML: what holds, fails, errs and is skipped, for readers of attributes and for readers of text."""

from xml.etree import ElementTree as ET

import pytest

from redrive.scenarios.judgement import Verdict
from redrive.scenarios.junit import junit_xml
from redrive.scenarios.results import Finding, Report, ScenarioResult


def finding(invariant, message="gone", timeline=("message 1: 'key-1', valid", "  sent")):
    return Finding(
        invariant=invariant,
        message=message,
        business_keys=("key-1",),
        timeline=timeline,
        replay=f"redrive verify shop:handler --scenario {invariant}",
    )


RESULTS = (
    ScenarioResult(name="happy-path", verdict=Verdict.HOLDS, seconds=0.4125),
    ScenarioResult(
        name="crash[delta]",
        verdict=Verdict.VIOLATED,
        seconds=2.0,
        violations=(finding("no-loss"), finding("effects-once", "twice")),
    ),
    ScenarioResult(name="late", verdict=Verdict.UNKNOWN, reason="nothing was shown"),
    ScenarioResult(name="fifo-order", verdict=Verdict.SKIPPED, reason="not claimed: ordered"),
)


def suite_of(*results, **options):
    report = Report(
        version="0.1.0",
        target="shop:handler",
        environment="simulated",
        runtime="in-process",
        seed=7,
        scenarios=results,
        **options,
    )
    text = junit_xml(report)
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n')
    root = ET.fromstring(text.encode("utf-8"))
    assert root.tag == "testsuites"
    (suite,) = root
    return suite


def cases(suite):
    return {case.get("name"): case for case in suite.iter("testcase")}


def test_counts_are_those_of_the_cases():
    suite = suite_of(*RESULTS)
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped", "time")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "2.413",
    }
    for tag, count in (("testcase", 4), ("failure", 1), ("error", 1), ("skipped", 1)):
        assert len(list(suite.iter(tag))) == count


def test_each_scenario_is_a_case_with_its_target_and_time():
    found = cases(suite_of(*RESULTS))
    assert list(found) == ["happy-path", "crash[delta]", "late", "fifo-order"]
    assert {case.get("classname") for case in found.values()} == {"shop:handler"}
    assert [case.get("time") for case in found.values()] == ["0.412", "2.000", "0.000", "0.000"]
    assert list(found["happy-path"]) == []


def test_failure_says_what_is_broken_and_shows_each_history_with_its_replay():
    (failure,) = cases(suite_of(*RESULTS))["crash[delta]"]
    assert failure.tag == "failure"
    assert failure.get("type") == "no-loss, effects-once"
    assert failure.get("message") == "no-loss: gone; effects-once: twice"
    assert failure.text == (
        "no-loss: gone\nmessage 1: 'key-1', valid\n  sent\nreplay: redrive verify shop:handler --scenario no-loss\n\n"
        "effects-once: twice\nmessage 1: 'key-1', valid\n  sent\n"
        "replay: redrive verify shop:handler --scenario effects-once"
    )


def test_unknown_is_an_error_and_skipped_is_skipped_with_the_reason():
    found = cases(suite_of(*RESULTS))
    (error,), (skipped,) = found["late"], found["fifo-order"]
    assert (error.tag, error.get("message"), error.text) == ("error", "nothing was shown", "nothing was shown")
    assert (skipped.tag, skipped.get("message")) == ("skipped", "not claimed: ordered")


def test_properties_say_how_it_was_run():
    suite = suite_of(*RESULTS, faults={"crash": 0.5})
    properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert properties == {
        "redrive": "0.1.0",
        "target": "shop:handler",
        "environment": "simulated",
        "runtime": "in-process",
        "seed": "7",
        "fault crash": "0.5",
    }


def test_notes_are_the_output_of_their_case():
    noted = ScenarioResult(name="crash", verdict=Verdict.UNKNOWN, reason="why", notes=("one\x00", "two"))
    error, output = cases(suite_of(noted))["crash"]
    assert (error.tag, output.tag, output.text) == ("error", "system-out", "one\ufffd\ntwo")


def test_what_was_not_run_is_skipped():
    suite = suite_of(RESULTS[0], not_run=("late", "crash[delta]"))
    assert (suite.get("tests"), suite.get("skipped")) == ("3", "2")
    (skipped,) = cases(suite)["late"]
    assert (skipped.tag, skipped.get("message")) == ("skipped", "not run: interrupted")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\x00\x08\x0b\x0c\x1b[31m\x1f", "\ufffd\ufffd\ufffd\ufffd\ufffd[31m\ufffd"),
        ("\ud800 \udfff", "\ufffd \ufffd"),
        ("\ufffe\uffff", "\ufffd\ufffd"),
        ("<failure>&\"'", "<failure>&\"'"),
        ("]]>", "]]>"),
        ("Größe \U0001f600 \ufffd \x85", "Größe \U0001f600 \ufffd \x85"),
    ],
)
def test_what_xml_does_not_have_is_replaced_and_what_it_has_is_kept(given, shown):
    broken = finding("no-loss", message=given, timeline=(given,))
    suite = suite_of(
        ScenarioResult(name="crash", verdict=Verdict.VIOLATED, violations=(broken,)),
        ScenarioResult(name="late", verdict=Verdict.UNKNOWN, reason=given),
    )
    (failure,), (error,) = cases(suite)["crash"], cases(suite)["late"]
    assert failure.get("message") == f"no-loss: {shown}"
    assert shown in failure.text
    assert error.text == shown
