"""The benchmarks work, at a size that is over in a moment. What they measure is not judged here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]


def run(*words):
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_simulator_prints_speed_growth_memory_and_the_ratio_to_moto():
    out = run("benchmarks/simulator.py", "--sizes", "100,200", "--memory", "500", "--moto", "20")
    assert re.search(r"^ +100 .* 1\.00$", out, re.MULTILINE)
    assert re.search(r"^ +200 ", out, re.MULTILINE)
    assert re.search(r"history: [\d,]+ bytes per delivery", out)
    assert re.search(r"moto [\d.]+ and the poller: 20 messages .* times as fast", out)


def test_simulator_with_faults_loses_nothing_and_tells_the_same_story_twice():
    out = run("benchmarks/simulator.py", "--faults", "--messages", "5000")
    assert out.count("no-loss: holds") == 2
    assert re.search(r"Reappeared [1-9]", out)
    assert re.search(r"DeadLettered [1-9]", out)
    assert re.search(r"Struck [1-9]", out)
    assert "the same seed gave the same history" in out


def test_environments_prints_the_time_of_one_workload_in_each_and_the_ratios():
    out = run("benchmarks/environments.py", "--messages", "20", "--on", "simulated,moto")
    assert re.search(r"^20 messages, the reference handler, batches of 10$", out, re.MULTILINE)
    assert re.search(r"^simulated +[\d.]+ +[\d,]+ +2  1\.0$", out, re.MULTILINE)
    assert re.search(r"^moto +[\d.]+ +[\d,]+ +\d+  [\d.]+$", out, re.MULTILINE)


def test_capacity_prints_what_was_found_beside_the_truth():
    out = run("benchmarks/capacity.py", "--seeds", "1")
    assert re.search(r"^ +1 +10 +0\.50 s +20\.0 +[\d.]+-[\d.]+ ", out, re.MULTILINE)
    assert len(re.findall(r"-[\d.]+ +0\.\d|-[\d.]+ +1\.\d", out)) == 6
