"""``redrive verify`` in processes: Ctrl-C says what was found so far, and no process stays behind however one ends."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.slow

DEADLINE_S = 120
"""A bound, and no claim: a process that imports everything takes ten times as long on a machine that is busy."""
SCENARIOS = ("happy-path", "duplicate-delivery", "producer-duplicate", "reordered", "concurrent-duplicate")

HANDLER = """
    import os, subprocess, sys, time
    from pathlib import Path

    def handler(event, context):
        Path(f"process-{os.getpid()}").touch()
        if not hasattr(sys, "child_of_handler"):
            sys.child_of_handler = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            Path(f"process-{sys.child_of_handler.pid}").touch()
        BUSY
        return {}
"""
BUSY = 'while Path("busy").exists(): pass'
"""What no thread can be kept from: only the end of its process ends it."""


@pytest.fixture
def start(tmp_path):
    """Starts the command as a terminal does, in a process group of its own; all of it is gone after the test."""
    started = []

    def run(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "redrive.scenarios.cli", *map(str, words)],
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    # What a test that fails leaves behind would hold the pipes open.
    for pid in processes_of_handlers(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for process in started:
        process.communicate()


def write(tmp_path, code=HANDLER, busy=BUSY):
    (tmp_path / "slow.py").write_text(textwrap.dedent(code).replace("BUSY", busy), encoding="utf-8")


def processes_of_handlers(folder):
    """The processes in which a handler ran, and those that it started."""
    return {int(path.name.partition("-")[2]) for path in folder.glob("process-*")}


def until(condition, what):
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {DEADLINE_S} s: {what}")


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def read_until(stream, words):
    read = ""
    while words not in read:
        line = stream.readline()
        assert line, f"ended without {words!r}: {read}"
        read += line
    return read


@pytest.fixture
def interrupted(start, tmp_path):
    """Ctrl-C once the first result is there; with two processes, others are in an endless handler by then."""

    def run(jobs):
        write(tmp_path, busy=BUSY if jobs > 1 else "time.perf_counter_ns() and sum(range(500_000))")
        options = [word for name in SCENARIOS for word in ("--scenario", name)]
        files = ("--json", "out.json", "--junit", "out.xml")
        process = start("verify", "slow.py:handler", *options, "--examples", 5, *files, "--jobs", jobs)
        err = read_until(process.stderr, "1/5 ")
        (tmp_path / "busy").touch()
        os.killpg(process.pid, signal.SIGINT)
        out, rest = process.communicate(timeout=DEADLINE_S)
        return process.returncode, out, err + rest

    return run


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_says_and_writes_what_was_found_so_far_and_leaves_no_process(interrupted, tmp_path, jobs):
    status, out, err = interrupted(jobs)
    assert status == 130, err
    written = json.loads((tmp_path / "out.json").read_text())
    names = [scenario["name"] for scenario in written["scenarios"]]
    assert 1 <= len(names) < 5
    assert sorted([*names, *written["not_run"]]) == sorted(SCENARIOS)
    assert out.endswith(f"interrupted: {len(names)} of 5 scenarios were run\n")
    for name in names:
        assert f"\n{name} " in f"\n{out}"
    (suite,) = ET.parse(tmp_path / "out.xml").getroot()
    assert (suite.get("tests"), suite.get("skipped")) == ("5", str(5 - len(names)))
    if jobs > 1:
        assert "Traceback" not in err
    until(lambda: not any(map(is_running, processes_of_handlers(tmp_path))), "what handlers started is gone")


def test_processes_end_with_the_one_that_started_them_however_it_ends(start, tmp_path):
    write(tmp_path)
    (tmp_path / "busy").touch()
    process = start("verify", "slow.py:handler", "--jobs", 2)
    until(lambda: len(processes_of_handlers(tmp_path)) == 4, "two processes run the handler, which started one each")
    process.kill()
    process.wait(DEADLINE_S)
    until(lambda: not any(map(is_running, processes_of_handlers(tmp_path))), "all are gone")


def test_process_that_dies_takes_the_verdict_of_its_scenario_and_no_other(start, tmp_path):
    write(
        tmp_path,
        """
            import os, signal
            from pathlib import Path
            def handler(event, context):
                if not Path("died").exists():
                    Path("died").touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                return {}
        """,
    )
    options = [word for name in SCENARIOS for word in ("--scenario", name)]
    process = start("verify", "slow.py:handler", *options, "--examples", 1, "--jobs", 2, "--json", "out.json")
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1, err
    scenarios = json.loads((tmp_path / "out.json").read_text())["scenarios"]
    assert sorted(scenario["verdict"] for scenario in scenarios) == ["holds"] * 4 + ["unknown"]
    assert "(the process that ran it was ended by SIGKILL)" in out


def test_after_the_end_no_process_stays(start, tmp_path):
    write(tmp_path)
    words = [word for name in SCENARIOS for word in ("--scenario", name)]
    process = start("verify", "slow.py:handler", *words, "--examples", 1, "--jobs", 2)
    _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, err
    assert processes_of_handlers(tmp_path)
    until(lambda: not any(map(is_running, processes_of_handlers(tmp_path))), "what handlers started is gone")
