"""What runs locally: leaving it in the background, listing it, ending it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click

from ..errors import EnvironmentFailed, InputError
from ..local_state import Running, end, folder, log_of, running

__all__ = ["detach", "down", "status"]

_LOOK_EVERY_S = 0.05
_END_WITHIN_S = 8.0
_LAST_WORD = "redrive: "


def detach(words: Sequence[str]) -> int:
    """Run ``redrive local up`` with these words in the background, and return when it is ready.

    What it says until then is said here. Raises :class:`EnvironmentFailed`, with its last word, if it ends first.
    """
    log = _new_log()
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 - this very command
            [sys.executable, "-m", "redrive.scenarios.cli", "local", "up", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        log = log.rename(log_of(child.pid))
        entry = _wait_until_ready(child, log)
    except BaseException:
        child.terminate()
        child.wait()
        log.unlink(missing_ok=True)
        raise
    click.echo(f"{_line(entry)}\n\nIt runs in the background, and writes to {log}; redrive local down ends it.")
    click.echo(json.dumps(entry.as_json()))
    return 0


def _new_log() -> Path:
    try:
        folder().mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder(), suffix=".new")
    except OSError as error:
        raise EnvironmentFailed(f"cannot write in {str(folder())!r}: {error.strerror or error}") from error
    os.close(descriptor)
    return Path(name)


def _wait_until_ready(child: subprocess.Popen[bytes], log: Path) -> Running:
    state = folder() / f"{child.pid}.json"
    with log.open(encoding="utf-8", errors="replace") as output:
        last = ""
        while True:
            ended = child.poll() is not None
            is_ready = state.is_file()
            for line in output:
                last = line.strip() or last
                # What may be its last word is told in the end.
                if not ended and not is_ready and not line.startswith(_LAST_WORD):
                    click.echo(line.rstrip("\n"), err=True)
            if is_ready:
                found = [entry for entry in running() if entry.pid == child.pid]
                if found:
                    return found[0]
            if ended:
                raise EnvironmentFailed(last.removeprefix(_LAST_WORD) or f"it ended with status {child.returncode}")
            time.sleep(_LOOK_EVERY_S)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON: a list of what runs.")
def status(as_json: bool) -> int:
    """Say what runs: where, its queue, its process, and since when."""
    found = running()
    if as_json:
        click.echo(json.dumps([entry.as_json() for entry in found], indent=2))
        return 0
    for entry in found:
        click.echo(_line(entry))
    if not found:
        click.echo("nothing runs; redrive local up starts something")
    return 0


@click.command()
@click.option("--all", "everything", is_flag=True, help="Everything that runs.")
@click.option("--pid", type=int, metavar="N", help="The one with this process.")
def down(everything: bool, pid: int | None) -> int:
    """End what runs, and say what that was."""
    found = running()
    if pid is not None:
        chosen = [entry for entry in found if entry.pid == pid]
        if not chosen:
            raise InputError(f"nothing of ours runs as process {pid}: redrive local status lists what does")
    elif len(found) > 1 and not everything:
        raise InputError(f"{len(found)} run: say --all, or --pid with one of {', '.join(str(e.pid) for e in found)}")
    else:
        chosen = found
    for entry in chosen:
        politely = end(entry, within_s=_END_WITHIN_S)
        click.echo(f"ended {_line(entry)}{'' if politely else ', which had to be killed'}")
    if not chosen:
        click.echo("nothing runs")
    return 0


def _line(entry: Running) -> str:
    return (
        f"{entry.environment} at {entry.endpoint_url}, queue {entry.queue_url}, "
        f"process {entry.pid}, since {entry.since}"
    )
