"""``redrive verify --fault NAME=RATE``: what is refused, what is reported, and how it is replayed."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from redrive.fixtures.named_faults import NAMED_FAULTS
from redrive.scenarios.cli import main

pytestmark = pytest.mark.slow

HONEST = """
from redrive.scenarios import Consumer
consumer = Consumer(handler=lambda event, context: {}, valid=str, claims=CLAIMS)
"""
TWICE = """
import os
from pathlib import Path
from redrive.scenarios import Consumer

def done():
    path = Path(os.environ["DONE"])
    return path.read_text().split() if path.exists() else []

def handler(event, context):
    Path(os.environ["DONE"]).write_text(" ".join([*done(), *(record["body"] for record in event["Records"])]))

consumer = Consumer(handler=handler, valid=str, effects=lambda aws: done(), environment={"DONE": "{tmp}/done"})
"""
"""It writes down what it has done, and never looks whether it has done it already."""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [name for name in sys.modules if name.startswith("cli_faults_")]:
        del sys.modules[name]


@pytest.fixture
def verify(capsys):
    """Runs the command in this process; gives exit status, standard output and standard error."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["verify", *map(str, words), "--jobs", "1"])
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def consumer():
    """Writes a consumer that acknowledges everything, with these claims; gives its target."""

    def write(*claims):
        name = f"cli_faults_{'_'.join(claims) or 'nothing'}"
        Path(f"{name}.py").write_text(HONEST.replace("CLAIMS", repr(set(claims))), encoding="utf-8")
        return f"{name}.py:consumer"

    return write


def read_json(name):
    """The report but for times."""
    written = json.loads(Path(name).read_text(encoding="utf-8"))
    for part in (*written["scenarios"], written["totals"]):
        assert part.pop("seconds") >= 0
    return written


class TestWhatCannotBeAdded:
    @pytest.fixture
    def refused(self, verify, consumer):
        def run(*words):
            status, out, err = verify(consumer("ordered"), *words, "--json", "out.json")
            assert (status, out) == (2, "")
            assert err.startswith("redrive: ")
            assert (err[-1], err.count("\n")) == ("\n", 1)
            assert not Path("out.json").exists()
            return err.removeprefix("redrive: ").rstrip("\n")

        return run

    def test_no_such_fault(self, refused):
        assert refused("--fault", "flood=0.1") == f"no fault named 'flood'; there are: {', '.join(NAMED_FAULTS)}"

    def test_no_rate(self, refused):
        said = "--fault crash does not say how often: give a rate, as in --fault crash=0.1"
        assert refused("--fault", "crash") == said

    @pytest.mark.parametrize("rate", ["0", "1.5", "often", ""])
    def test_rate_that_is_none(self, refused, rate):
        said = f"--fault crash={rate}: '{rate}' is not a rate, which is a number above 0 and at most 1"
        assert refused("--fault", f"crash={rate}") == said

    def test_twice(self, refused):
        said = refused("--fault", "crash=0.1", "--fault", "slow=1", "--fault", "crash=0.1")
        assert said == "--fault crash is given twice: give one rate"

    def test_fault_that_cannot_strike_there(self, refused):
        said = refused("--on", "moto", "--fault", "clock-skew=0.1")
        assert said == "--fault clock-skew cannot strike with --on moto, which has no virtual time"

    def test_nothing_that_a_fifo_queue_has(self, refused):
        said = refused("--scenario", "fifo-order", "--fault", "duplicate=0.1", "--fault", "reorder=0.1")
        assert said == (
            "nothing is left of --fault: FIFO queues do not have duplicate, reorder, "
            "and all that is asked is on FIFO queues"
        )


class TestWhatIsAdded:
    def test_report_says_which_faults_were_added(self, verify, consumer):
        words = ("--scenario", "happy-path", "--examples", 2, "--fault", "duplicate=0.5", "--fault", "throttle=1")
        status, out, err = verify(consumer(), *words, "--json", "out.json")
        assert status == 0
        assert out.endswith("seed 0, duplicate=0.5, throttle=1.0\n")
        assert "not added" not in err
        written = read_json("out.json")
        assert list(written) == [
            "redrive", "target", "environment", "runtime", "seed", "faults", "scenarios", "totals"
        ]  # fmt: skip
        assert written["faults"] == {"duplicate": 0.5, "throttle": 1.0}

    def test_report_says_nothing_of_faults_without_them(self, verify, consumer):
        status, out, _ = verify(consumer(), "--scenario", "happy-path", "--examples", 1, "--json", "out.json")
        assert (status, "faults" in read_json("out.json")) == (0, False)
        assert out.endswith("seed 0\n")

    def test_S17_S18_what_a_fifo_queue_does_not_have_is_said_to_be_left_out_there(self, verify, consumer):
        words = ("--scenario", "fifo-order", "--scenario", "happy-path", "--examples", 2)
        status, _, err = verify(consumer("ordered"), *words, "--fault", "duplicate=0.5", "--fault", "late-visibility=1")
        assert status == 0
        assert "\n  not added in fifo-order: duplicate, which FIFO queues do not have\n" in err

    def test_S17_S18_the_same_where_standard_queues_are_asked_as_well(self, verify, consumer):
        words = ("--scenario", "fifo-order", "--scenario", "happy-path", "--examples", 1, "--fault", "duplicate=0.5")
        status, _, err = verify(consumer("ordered"), *words)
        assert status == 0
        assert "\n  not added in fifo-order: duplicate, which FIFO queues do not have\n" in err

    def test_scenario_that_is_skipped_is_left_out_of_nothing(self, verify, consumer):
        words = ("--scenario", "fifo-order", "--scenario", "happy-path", "--examples", 1, "--fault", "duplicate=0.5")
        status, _, err = verify(consumer(), *words)
        assert status == 0
        assert "not added" not in err

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("duplicate", "FAULT: it becomes visible once more"),
            ("crash", "FAULT: invocation 1 crashes"),
            ("timeout", "FAULT: invocation 1 hangs"),
        ],
    )
    def test_finding_shows_the_fault_that_it_needs_and_no_other_and_is_replayed_with_all(self, verify, name, shown):
        Path("cli_faults_twice.py").write_text(TWICE, encoding="utf-8")
        words = ("cli_faults_twice.py:consumer", "--scenario", "happy-path", "--seed", 3, "--examples", 20)
        faults = ("--fault", "late-visibility=0.5", "--fault", f"{name}=0.3", "--fault", "throttle=0.5")
        assert verify(*words, *faults[:2], *faults[4:])[0] == 0, "another fault is enough, so this test shows nothing"

        status, out, _ = verify(*words, *faults, "--json", "out.json")
        assert status == 1
        (replay,) = re.findall(r"^ *replay: (.+)$", out, re.MULTILINE)
        assert replay == (
            "redrive verify cli_faults_twice.py:consumer --scenario happy-path --seed 3 --examples 20 "
            f"--fault late-visibility=0.5 --fault {name}=0.3 --fault throttle=0.5"
        )
        report = read_json("out.json")
        (finding,) = report["scenarios"][0]["violations"]
        assert finding["invariant"] == "effects-once"
        assert [shown in line for line in finding["timeline"] if "FAULT" in line] == [True]
        assert sum(line.startswith("message ") for line in finding["timeline"]) == 1

        assert verify(*shlex.split(replay)[2:], "--json", "again.json")[0] == 1
        assert read_json("again.json") == report

    def test_order_of_the_options_changes_nothing_that_is_found(self, verify):
        Path("cli_faults_twice.py").write_text(TWICE, encoding="utf-8")
        words = ("cli_faults_twice.py:consumer", "--scenario", "happy-path", "--json", "out.json")
        found = []
        for first, second in (("crash=0.3", "throttle=0.5"), ("throttle=0.5", "crash=0.3")):
            assert verify(*words, "--fault", first, "--fault", second)[0] == 1
            (finding,) = read_json("out.json")["scenarios"][0]["violations"]
            found.append({**finding, "replay": None})
        assert found[0] == found[1]


def test_help_lists_the_faults(verify):
    status, out, _ = verify("--help")
    assert status == 0
    assert "--fault NAME=RATE" in out
    listed = dict(re.findall(r"^    ([a-z-]+) {2,}(.+)$", out.partition("Faults:\n")[2], re.MULTILINE))
    assert listed == {name: named.summary for name, named in NAMED_FAULTS.items()}


def test_readme_lists_the_faults():
    import redrive.scenarios

    text = (Path(redrive.scenarios.__file__).parent / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## Faults\n(.+?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    listed = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", section[1], re.MULTILINE)
    assert listed == [(name, named.summary) for name, named in NAMED_FAULTS.items()]
    (standard_only,) = re.findall(r"FIFO queues do not have (.+?):", " ".join(section[1].split()))
    assert re.findall(r"`([a-z-]+)`", standard_only) == [n for n, f in NAMED_FAULTS.items() if f.standard_only]
