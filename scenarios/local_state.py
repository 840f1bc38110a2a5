"""What runs locally, as files: one for each process, in the user's folder for state.

A process that is gone, or whose number another one has by now, is not running: its file is removed where it is seen.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from .errors import EnvironmentFailed

__all__ = ["Running", "end", "folder", "log_of", "recorded", "running"]

_PAUSE_S: Final = 0.05
_PS_WITHIN_S: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A local environment that runs.

    ``since`` is ISO 8601 in UTC, and ``process_start`` what the system says of when ``pid`` was started.
    """

    environment: str
    endpoint_url: str
    queue_url: str
    dlq_url: str
    table_name: str | None
    pid: int
    since: str
    process_start: str

    def as_json(self) -> dict[str, Any]:
        """What a program wants to know."""
        return {name: value for name, value in asdict(self).items() if name != "process_start"}


def folder() -> Path:
    """``redrive/local`` in ``XDG_STATE_HOME``, or in ``~/.local/state``."""
    named = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".local" / "state") / "redrive" / "local"


def log_of(pid: int) -> Path:
    """What a process in the background writes to, for as long as it runs."""
    return folder() / f"{pid}.log"


@contextmanager
def recorded(
    *, environment: str, endpoint_url: str, queue_url: str, dlq_url: str, table_name: str | None
) -> Iterator[Running]:
    """This process is among those that run, for as long as this lasts. Raises :class:`EnvironmentFailed`."""
    pid = os.getpid()
    entry = Running(
        environment=environment,
        endpoint_url=endpoint_url,
        queue_url=queue_url,
        dlq_url=dlq_url,
        table_name=table_name,
        pid=pid,
        since=datetime.now(UTC).isoformat(timespec="seconds"),
        process_start=_start_of(pid) or "",
    )
    path = folder() / f"{pid}.json"
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(asdict(entry)), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise EnvironmentFailed(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    try:
        yield entry
    finally:
        _forget(pid)


def running() -> list[Running]:
    """What runs, the oldest first. Files of what does not are removed."""
    found = []
    for path in sorted(folder().glob("[0-9]*.json")):
        entry = _read(path)
        if entry is not None and _start_of(entry.pid) == entry.process_start:
            found.append(entry)
        elif path.stem.isdecimal():
            _forget(int(path.stem))
    return sorted(found, key=lambda entry: (entry.since, entry.pid))


def end(entry: Running, *, within_s: float) -> bool:
    """End a process: politely, and after ``within_s`` for good. Whether it went politely.

    What it has started ends with it, however it ends.
    """
    _send(entry, signal.SIGTERM)
    if _gone(entry, within_s):
        return True
    _send(entry, signal.SIGKILL)
    _gone(entry, within_s)
    _forget(entry.pid)
    return False


def _forget(pid: int) -> None:
    for path in (folder() / f"{pid}.json", log_of(pid)):
        with suppress(OSError):
            path.unlink()


def _send(entry: Running, number: signal.Signals) -> None:
    # It may have ended, and another process may have its number.
    if _start_of(entry.pid) != entry.process_start:
        return
    with suppress(ProcessLookupError):
        if number is signal.SIGKILL and os.getpgid(entry.pid) == entry.pid:
            os.killpg(entry.pid, number)  # a group of its own: nobody else is in it
        else:
            os.kill(entry.pid, number)


def _gone(entry: Running, within_s: float) -> bool:
    give_up_s = time.monotonic() + within_s
    while _start_of(entry.pid) == entry.process_start:
        if time.monotonic() >= give_up_s:
            return False
        time.sleep(_PAUSE_S)
    return True


def _read(path: Path) -> Running | None:
    try:
        return Running(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _start_of(pid: int) -> str | None:
    """When a process was started, in the system's own words; None if there is none, or only what is left of one."""
    if Path("/proc/self/stat").is_file():
        try:
            # The name of the program, in brackets, may have anything in it.
            words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if words[0] in "ZX" else words[19]
    done = subprocess.run(  # noqa: S603 - a number, to a program that every POSIX system has
        ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=_PS_WITHIN_S,
        check=False,
    )
    return done.stdout.strip() or None
