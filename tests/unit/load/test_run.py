import os

import pytest

from redrive.load import run as module
from redrive.load.account import Account
from redrive.load.processes import LoadError
from redrive.load.run import RunPlan, RunResult, figures, main

SENDING = {
    "messages": {"accepted": 400, "poison": 8, "failed": 3, "unknown": 0},
    "batches": 41,
    "failed_batches": 1,
    "seconds": 20.0,
    "latency_ms": {"p50": 12.0, "p95": 30.4, "p99": 51.0, "max": 63.0},
}


def result(*, processed=392, drained_s=11.2):
    account = Account(sent=400, unknown=0, processed=processed, dead_lettered=8, left=0)
    return RunResult(sending=SENDING, drained_s=drained_s, account=account)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """The command changes its process's environment variables."""
    monkeypatch.setattr(os, "environ", dict(os.environ))


@pytest.fixture
def ran(monkeypatch):
    """Makes the run a value."""
    plans = []

    def replace(outcome):
        def run(plan, *, say):
            plans.append(plan)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(module, "run", run)
        return plans

    return replace


def status_of(*arguments):
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    return exited.value.code


def test_figures():
    assert figures(RunPlan(), result()) == [
        "sent      2.0 batches/s, 20.0 messages/s: 41 batches, 400 messages (8 poison) in 20.0 s",
        "refused   3 messages, 1 whole batches",
        "latency   p50 12 ms, p95 30 ms, p99 51 ms, max 63 ms for a batch",
        "drained   after 11.2 s",
        "account   sent 400 = processed 392 + in the DLQ 8 + left in the queue 0",
    ]
    assert "drained   not within 120 s" in figures(RunPlan(), result(drained_s=None))


def test_balanced_account_is_status_0(ran, capsys):
    plans = ran(result())
    assert status_of("--seconds", "7", "--users", "3", "--poison-rate", "0.5", "--drain", "9") == 0
    assert plans == [RunPlan(seconds=7, users=3, poison_rate=0.5, drain_s=9)]
    assert capsys.readouterr().out.splitlines()[-1] == "balanced"


def test_difference_is_status_1_and_a_clear_line(ran, capsys, tmp_path):
    ran(result(processed=391))
    assert status_of("--json", str(tmp_path / "out.json")) == 1
    assert "FAILED    1 of 400 messages are neither" in capsys.readouterr().out
    assert '"difference": -1' in (tmp_path / "out.json").read_text()


def test_run_that_cannot_be_made_is_status_2_and_one_line(ran, capsys):
    ran(LoadError("Locust ended with status 3:\nsomething"))
    assert status_of() == 2
    assert capsys.readouterr().err == "redrive.load: Locust ended with status 3: something\n"


@pytest.mark.parametrize(
    "arguments", [["--seconds", "0"], ["--users", "x"], ["--batch-size", "11"], ["--poison-rate", "2"], ["--nonsense"]]
)
def test_bad_arguments_are_status_2_and_one_line(ran, capsys, arguments):
    plans = ran(result())
    assert status_of(*arguments) == 2
    assert plans == []
    (line,) = capsys.readouterr().err.splitlines()
    assert arguments[0] in line


def test_ctrl_c_is_status_130(monkeypatch, capsys):
    def run(plan, *, say):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run", run)
    assert status_of() == 130
    assert capsys.readouterr().err.splitlines()[-1] == "redrive.load: stopped"


def test_missing_locust_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    assert status_of() == 2
    assert "pip install 'redrive[load]'" in capsys.readouterr().err
