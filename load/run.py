"""A load run as a command makes it: Locust alone, or a local stack, Locust on its queue, and the end of both."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .processes import LoadError, last_line, local_environment, locust_command, only_local
from .progress import Progress

__all__ = ["LocalStackPlan", "run_here", "run_locally"]

# What a run is that nobody has said anything of: short, and no faster than moto is. A shape has a time of its own.
_DEFAULTS: Final = {
    ("-u", "--users"): "2",
    ("-r", "--spawn-rate"): "2",
    ("-t", "--run-time"): "20s",
    ("--poison-rate",): "0.02",
}
# Locust tells these of what was measured; any other status is of a run that was not made.
_LOCUST_STATUSES: Final = frozenset({0, 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStackPlan:
    """The local stack to start: as the options of `redrive local up`."""

    environment: str
    target: str | None = None
    fifo: bool = False
    visibility_timeout_s: int = 5
    max_receive_count: int = 2

    @property
    def words(self) -> list[str]:
        """As `redrive local up` takes them. Only the reference handler replies."""
        return [
            f"--on={self.environment}",
            f"--visibility-timeout={self.visibility_timeout_s}",
            f"--max-receive-count={self.max_receive_count}",
            *(["--fifo"] if self.fifo else []),
            *(["--reply-queue"] if self.target is None else ["--", self.target]),
        ]


def run_here(words: Sequence[str]) -> int:
    """Run Locust with these arguments in the foreground, and return its status. Ctrl-C is Locust's to act on."""
    process = subprocess.Popen(locust_command(words))  # noqa: S603 - our own modules under our own interpreter
    return _status(process)


def run_locally(plan: LocalStackPlan, words: Sequence[str], *, variables: Mapping[str, str]) -> int:
    """Start the stack, run Locust on its queue, and end both. Returns Locust's status.

    Raises LoadError if the stack or the run could not be made, or the stack went away.
    """
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="redrive-load-")))
        log_path = folder / "local.log"
        known = only_local(variables)
        # Only until Locust begins, which has its own way of saying what goes on.
        with Progress() as progress:
            progress.say(f"starting {plan.environment} and the handler")
            ready, stack = running.enter_context(
                local_environment(plan.words, log_path=log_path, variables=known, say=progress.say)
            )
        process = subprocess.Popen(  # noqa: S603 - as above
            locust_command([*options_for(ready), *with_defaults(words, known)]),
            stdin=subprocess.PIPE,
            env={**known, "AWS_ACCESS_KEY_ID": ready["access_key_id"]},
        )
        try:
            status = _status(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()
        if stack.poll() is not None:
            raise LoadError(f"the local stack ended in the middle: {last_line(log_path) or 'it said nothing'}")
        return status


def options_for(ready: Mapping[str, Any]) -> list[str]:
    """Locust's arguments that lead it to the stack which said this of itself, and to nothing else."""
    options = [
        f"--queue-url={ready['queue_url']}",
        f"--endpoint-url={ready['endpoint_url']}",
        f"--region={ready['region']}",
        "--until-stdin-closes",
    ]
    if ready["reply_queue_url"] is not None:
        return [*options, "--observe=reply", f"--reply-queue-url={ready['reply_queue_url']}"]
    return options


def with_defaults(words: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    """The words, and what a local run needs that neither they nor the variables say."""
    given = {word.partition("=")[0] for word in words}
    given |= {word[:2] for word in words if word.startswith("-") and not word.startswith("--")}
    given |= {name for names in _DEFAULTS for name in names if _variables_of(name) & variables.keys()}
    if "--shape" in given or "REDRIVE_LOAD_SHAPE" in variables:
        given.add("--run-time")
    missing = [f"{names[-1]}={value}" for names, value in _DEFAULTS.items() if not given & set(names)]
    return [*missing, *words]


def _variables_of(option: str) -> set[str]:
    name = option.removeprefix("--").replace("-", "_").upper()
    return {f"LOCUST_{name}", f"REDRIVE_LOAD_{name}"}


def _status(process: subprocess.Popen[bytes]) -> int:
    """Wait for Locust, through Ctrl-C, which it has got as well: it ends the run, and writes down what it measured."""
    interrupted = False
    while True:
        try:
            status = process.wait()
            break
        except KeyboardInterrupt:
            if interrupted:
                process.kill()
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    return status if status in _LOCUST_STATUSES else 2
