"""``redrive rogues``: the list, and the matrix of rogues and honest handlers against the catalogue."""

import json
import sys
import textwrap
from pathlib import Path

import pytest

from redrive.scenarios import InputError
from redrive.scenarios.cli import main
from redrive.scenarios.judgement import Verdict
from redrive.scenarios.rogue_matrix import Matrix, Row, honest_targets
from redrive.scenarios.rogues import ROGUES, Rogue

ROGUE = Rogue(name="loses", target="loses:handler", family="failure", caught_by="no-loss", scenario="crash")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [name for name in sys.modules if name.startswith("honest_")]:
        del sys.modules[name]


@pytest.fixture
def redrive(capsys):
    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return ended.value.code, *capsys.readouterr()

    return run


def write(name, code):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(textwrap.dedent(code), encoding="utf-8")


class TestList:
    def test_a_line_for_each(self, redrive):
        status, out, err = redrive("rogues")
        assert (status, err) == (0, "")
        listed = [line.split("\t") for line in out.splitlines()]
        assert [fields[0] for fields in listed] == list(ROGUES)
        for name, family, summary, caught_by, scenario in listed:
            rogue = ROGUES[name]
            assert (family, caught_by, scenario) == (rogue.family, rogue.caught_by, rogue.scenario)
            assert summary.endswith(".")

    def test_imports_no_rogue(self, redrive):
        before = set(sys.modules)
        redrive("rogues")
        assert not {name for name in set(sys.modules) - before if ".rogues." in name}

    @pytest.mark.parametrize("words", [("--honest", "."), ("--only", "not_idempotent"), ("--on", "moto")])
    def test_what_is_for_a_run_wants_a_place_for_its_output(self, redrive, words):
        status, out, err = redrive("rogues", *words)
        assert (status, out) == (2, "")
        assert "give --json too" in err


@pytest.mark.slow
@pytest.mark.once
class TestRun:
    WORDS = ("--examples", 1, "--jobs", 1)

    def test_rogue_is_caught_and_honest_handler_is_clean(self, redrive):
        write("honest/honest_nothing.py", "def handler(event, context): return {}\n")
        only = ("--only", "returns_list_of_ids", "--only", "honest_nothing")
        status, out, err = redrive("rogues", "--json", "-", "--honest", "honest", *only, *self.WORDS)
        written = json.loads(out)
        assert status == 0, err
        (rogue,), (honest,) = written["rogues"], written["honest"]
        expected = ROGUES["returns_list_of_ids"]
        assert (rogue["name"], rogue["family"], rogue["caught_by"], rogue["scenario"], rogue["caught"]) == (
            "returns_list_of_ids", expected.family, expected.caught_by, expected.scenario, True,
        )  # fmt: skip
        assert rogue["verdicts"][expected.scenario] == "violated"
        assert expected.caught_by in rogue["invariants"]
        assert (honest["name"], honest["clean"], honest["verdicts"]["happy-path"]) == ("honest_nothing", True, "holds")
        assert written["totals"] == {"rogues": 1, "caught": 1, "honest": 1, "clean": 1}
        assert "2/2 honest_nothing: clean\n" in err
        assert "1 of 1 rogues are caught, 1 of 1 honest handlers are clean\n" in err

    def test_alarm_at_an_honest_handler_is_exit_status_1_and_so_is_one_that_cannot_be_loaded(self, redrive):
        write("honest_invalid.py", "def handler(event, context): return []\n")
        write("honest_broken.py", "import no_such_module_anywhere\ndef handler(event, context): return {}\n")
        only = ("--only", "honest_invalid", "--only", "honest_broken")
        status, out, err = redrive("rogues", "--json", "out.json", "--honest", ".", *only, *self.WORDS)
        written = {row["name"]: row for row in json.loads(Path("out.json").read_text())["honest"]}
        assert (status, out) == (1, "0 of 0 rogues are caught, 0 of 2 honest handlers are clean\n")
        assert "happy-path is violated" in err
        assert not written["honest_invalid"]["clean"]
        assert "No module named 'no_such_module_anywhere'" in written["honest_broken"]["reason"]

    def test_no_such_rogue(self, redrive):
        status, _, err = redrive("rogues", "--json", "-", "--only", "nobody")
        assert (status, err.partition("redrive: ")[2].startswith("no rogue named 'nobody'; there are: ")) == (2, True)

    def test_place_that_cannot_be_written(self, redrive):
        assert redrive("rogues", "--json", "nowhere/out.json")[0] == 2


class TestHonestFolder:
    def test_consumer_before_handler_and_files_with_neither_are_left_out(self, tmp_path):
        write("honest_a.py", "def handler(event, context): ...\nconsumer = 1\n")
        write("honest_b.py", "async def handler(event, context): ...\n")
        write("honest_c.py", "consumer: object = 1\n")
        write("honest_d.py", "from elsewhere import app as handler\n")
        write("honest_shared.py", "TABLE = 1\n")
        write("other.py", "def handler(event, context): ...\n")
        assert honest_targets(tmp_path) == {
            "honest_a": f"{tmp_path}/honest_a.py:consumer",
            "honest_b": f"{tmp_path}/honest_b.py:handler",
            "honest_c": f"{tmp_path}/honest_c.py:consumer",
            "honest_d": f"{tmp_path}/honest_d.py:handler",
        }

    def test_none(self, tmp_path):
        with pytest.raises(InputError, match="has a consumer or a handler"):
            honest_targets(tmp_path)
        with pytest.raises(InputError, match="there is no folder"):
            honest_targets(tmp_path / "nowhere")
        write("honest_a.py", "def (")
        with pytest.raises(InputError, match=r"cannot read .*invalid syntax"):
            honest_targets(tmp_path)


class TestMatrix:
    def row(self, **options):
        return Row(name="loses", **options)

    def test_caught_is_by_its_invariant_in_its_scenario(self):
        assert self.row(violated={"crash": ("no-invention", "no-loss")}).is_caught_as(ROGUE)
        assert not self.row(violated={"crash": ("no-invention",)}).is_caught_as(ROGUE)
        assert not self.row(violated={"happy-path": ("no-loss",)}).is_caught_as(ROGUE)
        assert not self.row(reason="it died").is_caught_as(ROGUE)

    @pytest.mark.parametrize(
        ("verdicts", "clean"),
        [("holds skipped", True), ("holds violated", False), ("holds unknown", False), ("skipped", False), ("", False)],
    )
    def test_clean_is_without_an_alarm_and_not_without_anything(self, verdicts, clean):
        made = {f"s{number}": Verdict(verdict) for number, verdict in enumerate(verdicts.split())}
        assert self.row(verdicts=made).clean is clean

    def test_passed_is_all_caught_all_clean_and_all_run(self):
        caught, clean = self.row(violated={"crash": ("no-loss",)}), self.row(verdicts={"s": Verdict.HOLDS})
        good = {"seed": 0, "examples": 1, "rogues": [(ROGUE, caught)], "honest": [clean]}
        assert Matrix(**good).passed
        assert not Matrix(**{**good, "rogues": [(ROGUE, clean)]}).passed
        assert not Matrix(**{**good, "honest": [caught]}).passed
        assert not Matrix(**good, not_run=("other",)).passed
        assert Matrix(**good, not_run=("other",)).as_json()["not_run"] == ["other"]
