"""LocalStack's own environment, in the user's cache folder: made once, from pinned packages with hashes.

It is apart from this one because LocalStack brings a ``moto`` of its own. pip is asked to make it, with the user's
configuration of pip: index, proxy, certificates. Two that start at once wait for each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final

from .plugins.entry_points import ENTRY_POINTS

__all__ = [
    "InstallationError",
    "cache_folder",
    "function_python",
    "localstack_python",
    "pinned_version",
    "write_filesystem",
    "write_plugins",
]

_HERE: Final = Path(__file__).parent
_REQUIREMENTS: Final = _HERE / "requirements.txt"
_FUNCTION_REQUIREMENTS: Final = _HERE / "function_requirements.txt"
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", re.MULTILINE)
_SAY_EVERY: Final = 20
# From the index, and from a folder of the user's.
_ONE_MORE: Final = ("Collecting ", "Processing ")
_CLIENT: Final = "awslambdaric"
_NOT_FOR_PIP: Final = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")

_COPIED: Final = {
    "redrive.fixtures": "__init__.py",
    "redrive.fixtures.runtimes": "*.py",
    "redrive.infra": "__init__.py",
    "redrive.infra.localstack": "__init__.py",
    "redrive.infra.localstack.plugins": "*.py",
}
_FILESYSTEM: Final = "filesystem"

Progress = Callable[[str], object]


class InstallationError(Exception):
    """There is no environment. One line that says why, and what to do."""


def cache_folder() -> Path:
    """Where environments are kept: ``redrive`` in ``XDG_CACHE_HOME``, or in ``~/.cache``."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if Path(named).is_absolute() else Path.home() / ".cache") / "redrive"


def pinned_version(requirements: Path = _REQUIREMENTS, package: str = "localstack-core") -> str:
    """The version that a file of pinned requirements has for a package."""
    versions: dict[str, str] = dict(_PIN.findall(requirements.read_text(encoding="utf-8")))
    return versions[package]


def localstack_python(progress: Progress) -> Path:
    """The interpreter of LocalStack's environment, which is made first if it is not there.

    Raises :class:`InstallationError`, and leaves nothing half made.
    """
    name = f"localstack-{pinned_version()}"
    return _environment(name, _REQUIREMENTS, f"LocalStack {pinned_version()}", progress, finish=_write_catalogue)


def function_python(progress: Progress) -> Path:
    """The interpreter for Python functions: this one if it has ``awslambdaric``, or one made like LocalStack's.

    Raises :class:`InstallationError`.
    """
    if importlib.util.find_spec(_CLIENT) is not None:
        return Path(sys.executable)
    return _environment("functions", _FUNCTION_REQUIREMENTS, "what runs Python functions", progress)


def write_filesystem(python: Path, folder: Path) -> None:
    """Make what a LocalStack run by this interpreter takes for the root of its file system: for it alone, and small."""
    shutil.copytree(python.parents[1] / _FILESYSTEM, folder)


def write_plugins(folder: Path) -> None:
    """Put the plugins into a folder for LocalStack's import path: copies of what they import, and entry points."""
    for package, pattern in _COPIED.items():
        source, target = import_module(package).__path__[0], folder.joinpath(*package.split("."))
        target.mkdir(parents=True)
        for file in Path(source).glob(pattern):
            shutil.copyfile(file, target / file.name)
    metadata = folder / "redrive_localstack-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: redrive-localstack\nVersion: 1\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")


def _environment(
    name: str,
    requirements: Path,
    what: str,
    progress: Progress,
    *,
    finish: Callable[[Path], None] = lambda _: None,
) -> Path:
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache_folder() / f"{name}-py{version}-{digest}"
    python = Path("bin") / "python"
    # It gets its name when it is complete; what bears it needs no lock.
    if not _works(folder / python):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _lock(folder.with_name(f"{folder.name}.lock"), what, progress):
                if not _works(folder / python):
                    _make(folder, requirements, what, progress, finish)
        except OSError as error:
            raise InstallationError(f"{what} cannot be installed in {folder.parent}: {error}") from error
    return folder / python


def _works(python: Path) -> bool:
    """Whether the environment is there, and the interpreter that it was made from still is."""
    return python.exists()


@contextlib.contextmanager
def _lock(path: Path, what: str, progress: Progress) -> Iterator[None]:
    """Held by one process at a time; a process that dies lets it go."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"{what} is being installed by another process: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path, requirements: Path, what: str, progress: Progress, finish: Callable[[Path], None]) -> None:
    count = len(_PIN.findall(requirements.read_text(encoding="utf-8")))
    progress(f"installing {what} into {folder} ({count} packages, once)")
    partial = folder.with_name(f"{folder.name}.partial")
    # Left behind by somebody who was killed; or a whole one, whose interpreter is gone.
    for old in (partial, folder):
        shutil.rmtree(old, ignore_errors=True)
    try:
        _run(_venv_command(partial), "make a virtual environment", lambda _: None)
        _run([*_pip_command(partial), "--requirement", str(requirements)], f"install {what}", _Count(count, progress))
        finish(partial)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    progress(f"installed {what}")


class _Count:
    """Reads pip's lines, and says how far it has come."""

    def __init__(self, count: int, progress: Progress) -> None:
        self._count = count
        self._progress = progress
        self._collected = 0

    def __call__(self, line: str) -> None:
        if line.startswith(_ONE_MORE):
            self._collected += 1
            if self._collected % _SAY_EVERY == 0:
                self._progress(f"  {self._collected} of {self._count} packages")
        elif line.startswith("Installing collected"):
            self._progress(f"  {self._collected} packages are here, unpacking them")


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None


def _venv_command(folder: Path) -> list[str]:
    # One with a pip of its own takes several times as long, and needs ensurepip.
    without = ("--without-pip",) if _has_pip() else ()
    return [sys.executable, "-m", "venv", *without, str(folder)]


def _pip_command(folder: Path) -> list[str]:
    """pip for an environment: this interpreter's if it has one, or the environment's own."""
    python = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python] if _has_pip() else [python, "-m", "pip"]
    options = ("--require-hashes", "--no-deps", "--no-input", "--progress-bar=off", "--disable-pip-version-check")
    return [*pip, "install", *options]


def _write_catalogue(environment: Path) -> None:
    """LocalStack looks through all of AWS's API models, for seconds, unless it finds what it wrote down last time."""
    root = {"OVERRIDE_IN_DOCKER": "0", "FILESYSTEM_ROOT": str(environment / _FILESYSTEM)}
    command = [str(environment / "bin" / "python"), "-m", "localstack.aws.spec"]
    (environment / _FILESYSTEM / "usr" / "lib" / "localstack").mkdir(parents=True)
    _run(command, "write LocalStack's catalogue of services", lambda _: None, root)


def _run(
    command: list[str], doing: str, on_line: Callable[[str], None], variables: Mapping[str, str] = MappingProxyType({})
) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_PIP}
    errors = ""
    with subprocess.Popen(  # noqa: S603 - Python's own venv and pip
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env={**environment, "PIP_USER": "0", **variables},
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                on_line(line)
                errors = line.strip() if line.startswith("ERROR") or not errors.startswith("ERROR") else errors
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise InstallationError(
            f"cannot {doing}: {errors or f'status {process.returncode}'} "
            "(pip's index and proxy are those of `pip config list`; another try starts anew)"
        )
