"""The room as a whole: no SDK, no input or output, no wall clock, no global randomness."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import redrive.simulator

ROOM = Path(redrive.simulator.__file__).parent
FILES = sorted(ROOM.rglob("*.py"))
FORBIDDEN = {
    *("boto3", "botocore", "moto", "requests", "hypothesis", "time_machine"),
    *("time", "datetime", "calendar", "sched", "zoneinfo"),
    *("socket", "http", "urllib", "ssl", "selectors", "select"),
    *("threading", "_thread", "asyncio", "concurrent", "multiprocessing", "queue", "signal"),
    *("os", "io", "pathlib", "shutil", "tempfile", "subprocess", "sys", "logging"),
    *("secrets", "numpy", "importlib", "builtins", "ctypes", "platform", "locale"),
}


def imports(tree):
    """Each import as (module, name): ``import a.b`` is (a.b, None)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_room_imports_neither_sdk_nor_clock_nor_threads_nor_files(path):
    for module, name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        assert module.partition(".")[0] not in FORBIDDEN
        if module == "uuid":
            assert name == "UUID", "uuid4 and uuid1 ask the operating system"
        if module == "random":
            assert name in {None, "Random"}, "the functions of the module share one global generator"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_room_takes_randomness_from_a_generator_that_is_passed_in(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random":
            assert node.attr == "Random"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "Random":
            assert node.args, "without a seed a generator asks the operating system for one"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input", "hash", "id", "__import__", "exec", "eval"}


WITHOUT_THE_WORLD = """
import os, pkgutil, random, sys, time, uuid

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"boto3", "botocore", "moto", "socket", "_socket", "asyncio", "datetime",
                                      "subprocess", "secrets", "hypothesis", "ssl", "http"}:
            raise ImportError(f"{name} is blocked")

def gone(*args, **options):
    raise AssertionError("the world is gone")

for name in ("datetime", "socket", "_socket"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Blocked())

import redrive.simulator
for module in pkgutil.iter_modules(redrive.simulator.__path__):
    __import__("redrive.simulator." + module.name)

for module, names in {
    time: ["time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep", "gmtime", "localtime"],
    random: ["random", "randrange", "randint", "choice", "shuffle", "sample", "getrandbits", "seed", "SystemRandom"],
    uuid: ["uuid1", "uuid4"],
    os: ["urandom", "getpid", "open", "stat", "getenv"],
}.items():
    for name in names:
        setattr(module, name, gone)
import builtins
builtins.open = gone

from redrive.simulator import Ending, Faults, MappingConfig, Outcome, QueueConfig, Simulation
from redrive.simulator.driver import EPOCH_MS
from redrive.simulator.faults import DuplicateDelivery, LostDelete

for fifo in (False, True):
    faults = [LostDelete(message=1)] + ([] if fifo else [DuplicateDelivery(message=2)])
    answers = [Outcome(ending=Ending.RAISED), Outcome(ending=Ending.RETURNED, duration_ms=10)] * 50
    simulation = Simulation(
        QueueConfig(fifo=fifo, max_receive_count=3, content_based_deduplication=True, visibility_timeout_s=60),
        MappingConfig(batch_size=3),
        lambda invocation: answers.pop(),
        seed=7,
        faults=Faults(faults),
        shuffled=not fifo,
    )
    for number in range(12):
        simulation.send_at(EPOCH_MS + number % 3, f"body {number}", group=f"group-{number % 4}")
    assert simulation.run(EPOCH_MS + 10**8)
    assert len(simulation.queue) == 0
    for event in simulation.trace:
        sys.stdout.write(repr([sorted(part) if isinstance(part, frozenset) else part for part in event]) + "\\n")
"""


def run_without_the_world(hash_seed):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_THE_WORLD],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": hash_seed},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_room_works_with_sdk_sockets_clock_files_and_global_randomness_gone():
    assert run_without_the_world("0").count("\n") > 60


def test_same_seed_tells_the_same_story_in_another_process_whatever_its_hash_seed():
    assert run_without_the_world("1") == run_without_the_world("2")
