"""A report as JUnit XML, for what shows test results: a test suite with a test case for each scenario."""

import re
from xml.etree import ElementTree as ET

from .judgement import Verdict
from .results import Report, ScenarioResult

__all__ = ["junit_xml"]

# What XML 1.0 does not have, not even escaped: most control characters, half surrogate pairs, two noncharacters.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REPLACEMENT = "\ufffd"


def junit_xml(report: Report) -> str:
    """The report as a document. What was not run because of an interruption is skipped."""
    suites = ET.Element("testsuites")
    totals = report.totals()
    suite = ET.SubElement(
        suites,
        "testsuite",
        name="redrive verify",
        tests=str(len(report.scenarios) + len(report.not_run)),
        failures=str(totals[Verdict.VIOLATED]),
        errors=str(totals[Verdict.UNKNOWN]),
        skipped=str(totals[Verdict.SKIPPED] + len(report.not_run)),
        time=f"{totals['seconds']:.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(report).items():
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    for result in report.scenarios:
        _add_case(suite, report, result)
    for scenario in report.not_run:
        case = ET.SubElement(suite, "testcase", classname=_clean(report.target), name=_clean(scenario), time="0.000")
        ET.SubElement(case, "skipped", message="not run: interrupted")
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _properties(report: Report) -> dict[str, str]:
    return {
        "redrive": report.version,
        "target": report.target,
        "environment": report.environment,
        "runtime": report.runtime,
        "seed": str(report.seed),
        **{f"fault {name}": str(rate) for name, rate in report.faults.items()},
    }


def _add_case(suite: ET.Element, report: Report, result: ScenarioResult) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(report.target),
        name=_clean(result.name),
        time=f"{result.seconds:.3f}",
    )
    reason = _clean(result.reason or "")
    match result.verdict:
        case Verdict.VIOLATED:
            # One element, as some readers see only the first.
            names = ", ".join(finding.invariant for finding in result.violations)
            failure = ET.SubElement(case, "failure", type=_clean(names), message=_clean(_messages(result)))
            failure.text = _clean(_histories(result))
        case Verdict.UNKNOWN:
            ET.SubElement(case, "error", type="unknown", message=reason).text = reason
        case Verdict.SKIPPED:
            ET.SubElement(case, "skipped", message=reason)
        case Verdict.HOLDS:
            pass
    if result.notes:
        # After the outcome, which is where schemas of the format have it.
        ET.SubElement(case, "system-out").text = _clean("\n".join(result.notes))


def _messages(result: ScenarioResult) -> str:
    return "; ".join(f"{finding.invariant}: {finding.message}" for finding in result.violations)


def _histories(result: ScenarioResult) -> str:
    parts = [
        "\n".join([f"{finding.invariant}: {finding.message}", *finding.timeline, f"replay: {finding.replay}"])
        for finding in result.violations
    ]
    return "\n\n".join(parts)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub(_REPLACEMENT, text)
