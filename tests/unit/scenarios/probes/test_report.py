"""The table, the lines, the JSON and the document; and that docs/parity.md is about the questions that there are."""

import io
import json
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console

from redrive.scenarios.cli import main
from redrive.scenarios.parity import peer
from redrive.scenarios.probes import PROBES, UNASKED, Answer, Word
from redrive.scenarios.probes.measuring import Measured
from redrive.scenarios.probes.report import document, lines, print_parity, summary
from redrive.scenarios.probes.result import Parity, chosen_rules, probes_of
from redrive.simulator.rules import RULES

ROOT = Path(__file__).parents[4]
DOCUMENT = ROOT / "docs" / "parity.md"


def measured(name, *, differs=(), not_asked=(), version="1.0", seconds=1.0):
    answers = {}
    for probe in PROBES:
        if probe.id in differs:
            answers[probe.id] = Answer(word=Word.DIFFERS, how=(f"what of {probe.id}: x | y (AWS: *z*)",))
        elif probe.id in not_asked:
            answers[probe.id] = Answer(word=Word.NOT_ASKED, how=("it is closed",))
        else:
            answers[probe.id] = Answer(word=Word.AS_AWS)
    return Measured(environment=name, version=version, mapping="poller", answers=answers, seconds=seconds)


def parity(*environments, ids=()):
    return Parity(redrive="0.1.0", date="2026-01-02", rules=chosen_rules(ids), environments=environments)


def cell(rule_id, environment):
    result = parity(environment)
    (rule,) = [rule for rule in RULES if rule.id == rule_id]
    return str(result.cell(rule, environment))


def test_cell_is_what_the_probes_of_a_rule_come_to():
    assert len(probes_of("S01")) == 4
    assert cell("S01", measured("x")) == "as AWS"
    assert cell("S01", measured("x", differs={"S01-empty"})) == "differs 1/4"
    assert cell("S01", measured("x", differs={"S01-empty"}, not_asked={"S01-bytes"})) == "differs 1/3"
    assert cell("S01", measured("x", not_asked={"S01-bytes"})) == "as AWS"
    assert cell("S01", measured("x", not_asked={probe.id for probe in PROBES})) == "cannot be asked"
    assert cell("S17", measured("x")) == "cannot be asked"
    assert cell("E09", measured("x")) == "as chosen"


def test_counts_are_of_rules():
    one = measured("x", differs={"S01-empty", "S01-bytes", "S02-ids"}, not_asked={"S15-limit"})
    asked = len(RULES) - len(UNASKED)
    assert parity(one).counts(one) == {Word.AS_AWS: asked - 3, Word.DIFFERS: 2, Word.NOT_ASKED: len(UNASKED) + 1}
    assert summary(parity(one), one) == f"x 1.0: {asked - 3} as AWS, 2 differs, {len(UNASKED) + 1} cannot be asked"


def test_table_is_readable_at_100_columns():
    environments = [measured(name, differs={"S01-empty"}) for name in ("simulated", "moto", "localstack")]
    console = Console(width=100, record=True, force_terminal=False, file=io.StringIO())
    print_parity(parity(*environments), console)
    shown = console.export_text().splitlines()
    rows = {line[:3]: line for line in shown if re.match(r"[SE]\d\d ", line)}
    assert sorted(rows) == sorted(rule.id for rule in RULES)
    assert all(len(line.rstrip()) <= 100 for line in rows.values())
    assert rows["S01"].count("differs 1/4") == 3
    assert rows["S17"].count("not asked") == 3
    assert "  S01-empty: an empty body is refused" in shown
    assert "    what of S01-empty: x | y (AWS: *z*)" in shown


def test_lines_have_five_fields():
    printed = [line.split("\t") for line in lines(parity(measured("x", differs={"S01-empty"}), ids=("S01", "S17")))]
    assert printed[0][:4] == ["S01", "x", "1.0", "differs 1/4"]
    assert printed[0][4] == "S01-empty: what of S01-empty: x | y (AWS: *z*)"
    assert printed[1] == ["S17", "x", "1.0", "cannot be asked", UNASKED["S17"]]


def test_document_does_not_depend_on_how_long_it_took():
    texts = {
        document(parity(measured("http://127.0.0.1:9324", version="", seconds=seconds)), command="redrive parity")
        for seconds in (1.0, 2.0)
    }
    (text,) = texts
    assert "Measured on 2026-01-02 with redrive 0.1.0." in text
    assert "| 127.0.0.1:9324 | unknown |" in text


def test_what_was_seen_is_no_markup():
    assert r"what of S01-empty: x \| y (AWS: \*z\*)" in document(
        parity(measured("x", differs={"S01-empty"})), command="redrive parity"
    )


def section(title):
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return "" if found is None else found[1]


WRITE = "write it again: redrive parity --on simulated,moto,localstack --output docs/parity.md"


def test_written_document_is_about_the_rules_that_there_are():
    rows = re.findall(r"^\| ([SE]\d\d) \| (.*?) \|", section("Rule by rule"), re.MULTILINE)
    assert rows == [(rule.id, rule.title) for rule in RULES], WRITE


def test_written_document_is_about_the_questions_that_there_are():
    rows = re.findall(r"^\| ([SE]\d\d-\w+) \| (.*?) \|$", section("What was asked"), re.MULTILINE)
    assert [(probe_id, re.sub(r"\\(.)", r"\1", aws)) for probe_id, aws in rows] == [
        (probe.id, probe.aws) for probe in PROBES
    ], WRITE


def test_written_document_and_the_table_of_moto_say_the_same():
    written = re.findall(r"^- \*\*([SE]\d\d-\w+)\*\*", section("How moto differs"), re.MULTILINE)
    assert sorted(written) == sorted(deviation.id for deviation in peer("moto").deviations), WRITE


def test_written_document_has_at_least_35_rules_for_each_of_three_environments():
    (header,) = re.findall(r"^\| rule \| \| (.*) \|$", section("Rule by rule"), re.MULTILINE)
    assert header == "simulated | moto | localstack"
    cells = re.findall(r"^\| [SE]\d\d \| .*? \| (.*?) \| (.*?) \| (.*?) \|$", section("Rule by rule"), re.MULTILINE)
    for column in zip(*cells, strict=True):
        assert sum(each != "not asked" for each in column) >= 35


def run(*words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code


def test_command_prints_a_line_for_each_rule_and_environment(capsys, tmp_path, monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "parity.json"
    assert run("parity", "s10", "E07", "--on", "simulated", "--json", str(path), "--date", "2026-01-02") == 0
    printed = capsys.readouterr()
    assert [line.split("\t")[:2] for line in printed.out.splitlines()] == [["S10", "simulated"], ["E07", "simulated"]]
    assert "3/3 E07-unknown: as AWS" in printed.err
    written = json.loads(path.read_text(encoding="utf-8"))
    (environment,) = written["environments"]
    assert (written["date"], environment["rules"]) == ("2026-01-02", {"S10": "as AWS", "E07": "as AWS"})
    assert [probe["id"] for probe in environment["probes"]] == ["S10-moved", "S10-range", "E07-unknown"]


def test_command_shows_a_table_on_a_terminal(capsys, monkeypatch):
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)
    assert run("parity", "S09", "--on", "simulated") == 0
    out = capsys.readouterr().out
    assert "Deleting a message that is gone succeeds" in out
    assert "1 as AWS, 0 differs, 0 cannot be asked" in out


def test_command_writes_a_document_with_the_date_it_is_given(tmp_path, monkeypatch, capsys):
    asked = [probe for probe in PROBES if probe.rule_id == "S09"]
    monkeypatch.setattr(sys.modules["redrive.scenarios.probes.result"], "PROBES", tuple(asked))
    monkeypatch.setattr(sys.modules["redrive.scenarios.cli.parity"], "PROBES", tuple(asked))
    path = tmp_path / "parity.md"
    assert run("parity", "--on", "simulated", "--output", str(path), "--date", "2026-01-02") == 0
    capsys.readouterr()
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"<!-- Written by `redrive parity --on simulated --output {path}`.")
    assert "Measured on 2026-01-02" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--on", "mars"), "no environment named 'mars'; there are: simulated, moto, localstack, a URL"),
        (("--on", ","), "--on names nothing to measure"),
        (("S99",), "no rule named 'S99'; there are: S01 to S24, E01 to E25"),
        (("S09", "--output", "x.md"), "--output writes about all rules: leave the ids out"),
        (
            ("--output", "no-such-folder/x.md"),
            "cannot write 'no-such-folder/x.md': there is no folder 'no-such-folder'",
        ),
    ],
)
def test_command_that_cannot_run_is_one_line(capsys, words, said):
    assert run("parity", *words) == 2
    assert capsys.readouterr() == ("", f"redrive: {said}\n")


def test_command_for_an_endpoint_that_does_not_answer_is_one_line_and_exit_status_2(capsys):
    assert run("parity", "S09", "--on", "http://127.0.0.1:1") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(r"redrive: http://127\.0\.0\.1:1 does not make queues: [^\n]+\n", printed.err)
