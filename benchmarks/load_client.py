"""How many messages a CPU second of the load's user sends: over the fast client against boto3, and two processes.

    python benchmarks/load_client.py
    python benchmarks/load_client.py --seconds 10 --repetitions 5

Real Locust runs, headless, as fast as the answers come: `locust -f load/locustfile.py --batches-per-second 0`, with 4
users for each process and batches of 10 messages of the default size. Each run has a server that answers at once, in a
process of its own (`answering_server.py`), which also counts the messages. Figures are of a window in the middle of a
run: without Locust's start and end.

- CPU: messages in the window for each second of CPU time, user and system, that Locust's process and all its children
  spent in it. One process, `--client fast` against `--client boto3`. The target is a ratio of 4.
- Scaling: messages for each second of the window, `--processes 2` (with its master) on two cores against one process
  on one core, both over the fast client. Everything that runs shares those cores, the server too, so that its cost is
  the same share of each: it stands for a service elsewhere. The target is a ratio of 1.8. On a machine where others
  work too, cores are not all ours; so the ratio of what was sent for each second of CPU that we got, times two, is
  printed beside it: where nothing else runs and nothing waits, the two are the same.

The runs alternate, and the medians are compared. Exit status 1 if a ratio is below its target.
"""

import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psutil

import redrive.load

CPU_TARGET = 4.0
SCALING_TARGET = 1.8
USERS = 4
WARM_UP_S = 1.5
START_WITHIN_S = 60.0
END_WITHIN_S = 60.0
LOCUSTFILE = Path(redrive.load.__file__).with_name("locustfile.py")
SERVER = Path(__file__).with_name("answering_server.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was seen between two moments of a run. `cpu_s` is of Locust's processes."""

    seconds: float
    cpu_s: float
    server_cpu_s: float
    messages: int

    @property
    def per_cpu_second(self) -> float:
        return self.messages / self.cpu_s

    @property
    def per_cpu_second_of_all(self) -> float:
        return self.messages / (self.cpu_s + self.server_cpu_s)

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What to run, on how many cores; None is all of them."""

    client: str
    processes: int = 1
    cores: int | None = None


FAST = Run(client="fast")
BOTO3 = Run(client="boto3")
ONE = Run(client="fast", cores=1)
TWO = Run(client="fast", processes=2, cores=2)


@contextmanager
def started(words: list[str], cores: set[int], **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that may use these cores, with all that it starts. It is ended on the way out."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)  # inherited
    try:
        process = subprocess.Popen([sys.executable, *words], text=True, **more)  # noqa: S603 - our own commands
    finally:
        os.sched_setaffinity(0, before)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def locust_words(run: Run, url: str) -> list[str]:
    """The command that sends to this server as fast as it can."""
    values = {
        "--locustfile": LOCUSTFILE,
        "--loglevel": "WARNING",
        "--users": USERS * run.processes,
        "--spawn-rate": 100,
        "--run-time": "10m",
        "--queue-url": f"{url}/123456789012/orders",
        "--region": "us-east-1",
        "--batches-per-second": 0,
        "--client": run.client,
        "--observe": "none",
    }
    if run.processes > 1:
        values["--processes"] = run.processes
    return ["-m", "locust", "--headless", "--only-summary", *(str(word) for pair in values.items() for word in pair)]


def environment() -> dict[str, str]:
    """Nothing that could change Locust, or lead away from the server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCUST_", "REDRIVE_"))}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
        # Whatever other master runs on this machine.
        **dict.fromkeys(("LOCUST_MASTER_BIND_PORT", "LOCUST_MASTER_NODE_PORT"), str(free_port())),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def measure(run: Run, seconds: float) -> Window:
    """Run it and look at the middle."""
    every = sorted(os.sched_getaffinity(0))
    cores = set(every if run.cores is None else every[: run.cores])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        counter = folder / "counter"
        counter.write_bytes(bytes(8))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        server = stack.enter_context(started([str(SERVER), str(counter)], cores, **pipes))
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        log = stack.enter_context((folder / "log").open("w+"))
        more = {"stdout": log, "stderr": log, "env": environment(), "cwd": folder}
        locust = stack.enter_context(started(locust_words(run, url), cores, **more))

        def look() -> tuple[float, float, float, int]:
            return (
                time.perf_counter(),
                cpu_s(locust.pid),
                cpu_s(server.pid),
                int.from_bytes(counter.read_bytes(), sys.byteorder),
            )

        deadline_s = time.monotonic() + START_WITHIN_S
        while not look()[-1]:
            if locust.poll() is not None or time.monotonic() > deadline_s:
                raise click.ClickException(f"Locust does not send: {(folder / 'log').read_text()}")
            time.sleep(0.1)
        time.sleep(WARM_UP_S)
        before = look()
        time.sleep(seconds)
        after = look()
    passed_s, sender_s, server_s, messages = (late - early for early, late in zip(before, after, strict=True))
    return Window(seconds=passed_s, cpu_s=sender_s, server_cpu_s=server_s, messages=int(messages))


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and all that it started."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


@click.command()
@click.option("--seconds", default=6.0, show_default=True, type=click.FloatRange(1), help="Of each window.")
@click.option("--repetitions", default=3, show_default=True, type=click.IntRange(1), help="Of each run.")
def main(seconds: float, repetitions: int) -> None:
    """Measure the load's client."""
    if len(os.sched_getaffinity(0)) < TWO.cores:
        raise click.ClickException("two cores are needed: two processes on one would measure the machine")
    click.echo(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    click.echo("run                       messages/s   messages per CPU second   server's CPU")
    windows: dict[Run, list[Window]] = {run: [] for run in (FAST, BOTO3, ONE, TWO)}
    for _ in range(repetitions):
        for run, seen in windows.items():
            window = measure(run, seconds)
            seen.append(window)
            name = f"{run.client}, {run.processes} on {run.cores or 'all'}"
            click.echo(
                f"{name:<24}  {window.per_second:>10,.0f}   {window.per_cpu_second:>23,.0f}   "
                f"{window.server_cpu_s / window.cpu_s:>11.0%}"
            )

    def ratio(run: Run, peer: Run, figure: str) -> float:
        high, low = (statistics.median(getattr(seen, figure) for seen in windows[each]) for each in (run, peer))
        return high / low

    cpu = ratio(FAST, BOTO3, "per_cpu_second")
    scaling = ratio(TWO, ONE, "per_second")
    by_cpu = TWO.processes * ratio(TWO, ONE, "per_cpu_second_of_all")
    click.echo(f"messages per CPU second, fast client / boto3: {cpu:.1f} (at least {CPU_TARGET})")
    click.echo(
        f"messages per second, two processes / one: {scaling:.2f} (at least {SCALING_TARGET}); by CPU: {by_cpu:.2f}"
    )
    sys.exit(cpu < CPU_TARGET or scaling < SCALING_TARGET)


if __name__ == "__main__":
    main()
