"""The list of rules, its document and the tests: that none of them says what the others do not."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from redrive.scenarios.cli import main
from redrive.scenarios.parity import PEERS, Deviation, Peer, peer
from redrive.simulator.rules import _TESTS, RULES, Rule, rule_ids_of_test

ROOT = Path(__file__).parents[2]
LIST = "simulator/rules.py"
DOCUMENT = "docs/rules.md"
ROOMS = ("reference_handler", "fixtures", "simulator", "scenarios", "load", "infra")
IDS = [f"S{number:02}" for number in range(1, 25)] + [f"E{number:02}" for number in range(1, 26)]


def collected_from(body: list[ast.stmt], within: str) -> Iterator[str]:
    """The node ids of the tests that pytest collects from a module or class."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield f"{within}::{node.name}"
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from collected_from(node.body, f"{within}::{node.name}")


def all_tests() -> Iterator[str]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        yield from collected_from(tree.body, path.relative_to(ROOT).as_posix())


def name_of(test: str) -> str:
    return test.rpartition("::")[2]


WRITTEN = {test: rule_ids_of_test(name_of(test)) for test in all_tests()}
"""Every test that there is, by node id, with the rules that it is named after."""


def line_with(words: str) -> str:
    """Where in the list these words are first, to be clicked on."""
    for number, line in enumerate((ROOT / LIST).read_text(encoding="utf-8").splitlines(), start=1):
        if words in line:
            return f"{LIST}:{number}"
    raise AssertionError(f"{words} is nowhere in {LIST}")


def how_to_list(tests: list[str]) -> str:
    """What to write where, so that these tests are listed; of many the first, the simulator's own before others."""
    lines = ["One to three of these lines list what there is:"]
    for test in sorted(tests, key=lambda test: not test.startswith("tests/unit/simulator/"))[:6]:
        path, _, name = test.partition("::")
        if path in _TESTS:
            lines.append(f'  {line_with(path)}: below it "{name}",')
        else:
            lines.append(f'  {line_with("_TESTS = {")}: below it "{path}": ("{name}",),')
    return "\n".join(lines)


def test_rules_are_complete_and_in_order() -> None:
    assert [rule.id for rule in RULES] == IDS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_is_held_by_tests_that_are_named_after_it(rule: Rule) -> None:
    named = [test for test, ids in WRITTEN.items() if rule.id in ids]
    assert named, f"no test holds {rule.id} ({rule.title}): write def test_{rule.id}_…, best in tests/unit/simulator/"
    assert rule.tests, f"{rule.id} lists no test. {how_to_list(named)}"
    assert len(rule.tests) <= 3, f"{line_with(name_of(rule.tests[3]))}: {rule.id} lists more than three tests"


@pytest.mark.parametrize("test", [f"{path}::{name}" for path, names in _TESTS.items() for name in names])
def test_listed_test_exists_and_is_of_a_rule(test: str) -> None:
    line = line_with(f'"{test.partition("::")[2]}"')
    assert any(test in rule.tests for rule in RULES), f"{line}: {name_of(test)} is named after no rule: take it out"
    if test not in WRITTEN:
        ids = rule_ids_of_test(name_of(test))
        moved = [other for other in WRITTEN if name_of(other) == name_of(test)]
        named = moved or [other for other, of in WRITTEN.items() if set(ids) & set(of)]
        pytest.fail(f"{line}: there is no {test}: take it out. {how_to_list(named)}")


def test_listed_tests_are_listed_once() -> None:
    names = [name for names in _TESTS.values() for name in names]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("test", [test for test, ids in WRITTEN.items() if ids])
def test_what_is_named_after_a_rule_is_named_after_one_that_exists(test: str) -> None:
    unknown = set(WRITTEN[test]) - set(IDS)
    assert not unknown, f"{test} is named after {', '.join(sorted(unknown))}, which is no rule: rename it"


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("test_S10_moved_to_the_dead_letter_queue", ("S10",)),
        ("test_E20_E21_E22_event_is_complete", ("E20", "E21", "E22")),
        ("test_E07_is_not_S10", ("E07",)),
        ("test_S7_lacks_a_digit", ("S7",)),
        ("test_S100_has_one_too_many", ("S100",)),
        ("test_S3a_is_no_id", ()),
        ("test_poison_of_S10", ()),
        ("test_s10_in_small_letters", ()),
        ("S10", ()),
    ],
)
def test_rules_are_the_ids_that_a_test_begins_with(name: str, ids: tuple[str, ...]) -> None:
    assert rule_ids_of_test(name) == ids


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_mentioned_in_code_and_documents_is_a_rule(room: str) -> None:
    for path in sorted(path for ending in ("py", "md", "tf", "yaml") for path in (ROOT / room).rglob(f"*.{ending}")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for mentioned in re.findall(r"\b[SE]\d\d\b", line):
                assert mentioned in IDS, f"{path.relative_to(ROOT)}:{number} mentions {mentioned}, which is no rule"


def test_titles_are_one_short_line_that_fits_a_table() -> None:
    for rule in RULES:
        assert re.fullmatch(r"[^\n\t|]{20,110}(?<![.;])", rule.title), f"{line_with(rule.title)}: {rule.title!r}"
    assert len({rule.title for rule in RULES}) == len(RULES)


def test_sources_have_links_and_only_what_aws_leaves_open_is_a_choice() -> None:
    for source in {source for rule in RULES for source in rule.sources}:
        assert re.fullmatch(r"https://\S+", source.url) or source.name.startswith("follows from "), source
    assert [rule.id for rule in RULES if rule.choice] == ["E09"]


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the one who runs the tests has told rich."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def run(*words: str) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code


def test_document_is_what_the_command_prints(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("rules", "--markdown") == 0
    printed = capfdbinary.readouterr().out
    assert (ROOT / DOCUMENT).read_bytes() == printed, f"write it again: redrive rules --markdown > {DOCUMENT}"


def test_document_links_to_files_that_exist() -> None:
    links = re.findall(r"\]\((?!https:)([^)]+)\)", (ROOT / DOCUMENT).read_text(encoding="utf-8"))
    assert len(links) >= len(RULES)
    for link in links:
        assert (ROOT / DOCUMENT).parent.joinpath(link).is_file(), link


def test_without_a_terminal_there_is_one_line_of_four_fields_for_each_rule(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("rules") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [rule_id for rule_id, _, _, _ in lines] == IDS
    for rule, (_, title, sources, tests) in zip(RULES, lines, strict=True):
        assert title == rule.title
        assert all(source.name in sources and source.url in sources for source in rule.sources)
        assert tests.split(",") == list(rule.tests)


def test_rules_can_be_asked_for_by_their_ids(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rules", "E09", "s10", "e09") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("E09\tbatchItemFailures that is no list fails the batch\tchoice\ttests/unit/")
    assert second.startswith("S10\t")


def test_on_a_terminal_there_is_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "240"}.items():
        monkeypatch.setenv(name, value)
    assert run("rules", "S09", "E09") == 0
    out = capsys.readouterr().out
    for words in ("id", "rule", "source", "test", "S09", "SQS API, DeleteMessage", "API_DeleteMessage.html", "choice"):
        assert words in out
    assert "test_S09_deleting_a_message_that_is_gone_succeeds" in out
    assert "S10" not in out


LENIENT = Peer(
    environment="elsewhere",
    distribution="no-such-distribution",
    version="1.2",
    asked=frozenset({"S09", "S10"}),
    deviations=(
        Deviation(id="S10-late", aws="moves at the next receive", peer="too late"),
        Deviation(id="S10-id", aws="the message id stays", peer="gives a new one"),
    ),
)


@pytest.mark.parametrize("compared", PEERS, ids=lambda compared: compared.environment)
def test_deviations_are_of_rules_that_were_asked_and_say_both_sides_in_a_line(compared: Peer) -> None:
    ids = [deviation.id for deviation in compared.deviations]
    assert ids == sorted(set(ids), key=lambda deviation_id: (IDS.index(deviation_id[:3]), ids.index(deviation_id)))
    assert compared.asked <= set(IDS)
    for deviation in compared.deviations:
        assert re.fullmatch(r"[SE]\d\d-[a-z]+", deviation.id)
        assert deviation.rule_id in compared.asked
        for side in (deviation.aws, deviation.peer):
            assert re.fullmatch(r"[^\n\t]{10,110}(?<![.;])", side), f"{deviation.id}: {side!r}"


def test_environments_are_found_by_name() -> None:
    assert peer("moto").distribution == "moto"
    with pytest.raises(KeyError):
        peer("elsewhere")


def test_parity_has_a_line_for_each_rule_and_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["redrive.scenarios.cli.rules"], "PEERS", (LENIENT,))
    assert run("rules", "--parity", "S09", "S10", "E09") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(rule, environment, answer) for rule, environment, _, _, answer in lines] == [
        ("S09", "simulated", "as AWS"),
        ("S09", "elsewhere", "as AWS"),
        ("S10", "simulated", "as AWS"),
        (
            "S10",
            "elsewhere",
            "differs: too late (AWS: moves at the next receive); differs: gives a new one (AWS: the message id stays)",
        ),
        ("E09", "simulated", "choice"),
        ("E09", "elsewhere", "not asked"),
    ]
    assert lines[1][2:4] == ["1.2", "not installed"]


def test_parity_has_every_rule_of_every_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("rules", "--parity") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    environments = ["simulated", *(compared.environment for compared in PEERS)]
    assert [(line[0], line[1]) for line in lines] == [(rule_id, one) for rule_id in IDS for one in environments]
    (installed,) = {line[3] for line in lines if line[1] == "moto"}
    assert installed == version("moto")


def test_parity_on_a_terminal_is_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "240"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.modules["redrive.scenarios.cli.rules"], "PEERS", (LENIENT,))
    assert run("rules", "--parity", "S10") == 0
    out = capsys.readouterr().out
    for words in ("elsewhere 1.2", "simulated", "as AWS", "differs: gives a new one (AWS: the message id stays)"):
        assert words in out
    assert "elsewhere: compared at 1.2, here not installed" in out
    assert "S09" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--parity", "--markdown"), "--markdown prints the rules: leave --parity out"),
        (("S99",), "no rule named 'S99'; there are: S01 to S24, E01 to E25"),
        (("S09", "poison"), "no rule named 'poison'; there are: S01 to S24, E01 to E25"),
        (("--markdown", "S09"), "--markdown prints all the rules: leave the ids out"),
    ],
)
def test_what_cannot_be_listed_is_one_line(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert run("rules", *words) == 2
    assert capsys.readouterr() == ("", f"redrive: {said}\n")
