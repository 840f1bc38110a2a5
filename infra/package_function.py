"""Builds the function's zip: the reference handler's folder at its root, the same bytes every time.

`python -m redrive.infra.package_function --output build/function.zip --with-dependencies`

The Lambda runtime brings boto3, and does not bring protobuf: `--with-dependencies` puts it into the zip, or a layer
has it. Exit status 2 and one line on stderr say what could not be done.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import importlib.util
import os
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

__all__ = [
    "ARCHITECTURES",
    "REQUIREMENTS",
    "Package",
    "PackagingError",
    "build_package",
    "find_handler_folder",
    "install_dependencies",
    "main",
]

ARCHITECTURES = ("arm64", "x86_64")
"""Lambda's names for its two instruction sets."""

REQUIREMENTS = ("protobuf>=6.33.5,<7",)
"""What the reference handler needs and the Lambda runtime lacks."""

_HANDLER_PACKAGE = "redrive.reference_handler"
_FOLDER_IN_ZIP = "reference_handler"
_ENTRY_POINT = "app.py"
_WHEEL_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
_WHEEL_PLATFORMS = ("manylinux2014", "manylinux_2_28")
_PYTHON_VERSIONS = ("3.11", "3.12", "3.13")
_PIP_TIMEOUT_S = 300

# What a running function does not read.
_LEFT_OUT_FOLDERS = frozenset({"__pycache__", "tests"})
_LEFT_OUT_SUFFIXES = frozenset({".pyc", ".pyo", ".pyi", ".md", ".proto"})
_LEFT_OUT_FILES = frozenset({"py.typed"})

# The earliest time that a zip can hold, and plain readable files: Lambda runs the code as another user.
_ENTRY_TIME = (1980, 1, 1, 0, 0, 0)
_ENTRY_MODE = stat.S_IFREG | 0o644
_CREATED_ON_UNIX = 3


class PackagingError(Exception):
    """The zip cannot be built. The message is one line for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A zip that was built. `sha256` is base64, as Lambda's `CodeSha256` and Terraform's `filebase64sha256` have it."""

    path: Path
    entries: tuple[str, ...]
    size_bytes: int
    sha256: str


def find_handler_folder() -> Path:
    """The reference handler's folder, found without importing it. Raises PackagingError if it is not installed."""
    try:
        spec = importlib.util.find_spec(_HANDLER_PACKAGE)
    except ModuleNotFoundError:
        spec = None
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location)
        if (folder / _ENTRY_POINT).is_file():
            return folder
    raise PackagingError(f"{_HANDLER_PACKAGE} with its {_ENTRY_POINT} is not installed in this Python")


def install_dependencies(target: Path, *, architecture: str, python_version: str) -> None:
    """Install the function's requirements for Lambda into `target`, with pip and from wheels only.

    `architecture` is one of ARCHITECTURES, `python_version` is like "3.13". Raises PackagingError with pip's reason.
    """
    machine = _WHEEL_MACHINES[architecture]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    command += ["--target", str(target), "--only-binary", ":all:", "--no-compile"]
    command += ["--implementation", "cp", "--python-version", python_version]
    for platform in _WHEEL_PLATFORMS:
        command += ["--platform", f"{platform}_{machine}"]
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours, and no shell reads it
            [*command, *REQUIREMENTS], capture_output=True, text=True, timeout=_PIP_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise PackagingError(f"pip did not install {', '.join(REQUIREMENTS)} within {_PIP_TIMEOUT_S} s") from None
    if done.returncode != 0:
        reason = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise PackagingError(f"pip cannot install {', '.join(REQUIREMENTS)} for {architecture}: {reason}")


def build_package(output: Path, *, handler_folder: Path, dependencies: Path | None = None) -> Package:
    """Write the zip to `output`, in one step: a reader sees the old file or the new one.

    The same files give the same bytes (with the same zlib): times, permissions and order are fixed. The contents of
    `dependencies`, a folder as pip's `--target` makes it, stand at the root of the zip beside the handler.
    Raises PackagingError if a file cannot be read, is a symbolic link, would be in the zip twice, or if `output`
    cannot be written.
    """
    if output.resolve().is_relative_to(handler_folder.resolve()):
        raise PackagingError(f"{output} is inside the function's own code, and would be in the next zip")
    files = _collect(handler_folder, PurePosixPath(_FOLDER_IN_ZIP))
    if dependencies is not None:
        beside = _collect(dependencies, PurePosixPath())
        if twice := sorted(name for name in beside if PurePosixPath(name).parts[0] == _FOLDER_IN_ZIP):
            raise PackagingError(f"{twice[0]} comes with the dependencies, and is the name of the handler's folder")
        files |= beside
    try:
        data = _write(files, output)
    except OSError as error:
        raise PackagingError(f"cannot write {output}: {error.strerror or error}") from error
    return Package(
        path=output,
        entries=tuple(sorted(files)),
        size_bytes=len(data),
        sha256=base64.b64encode(hashlib.sha256(data).digest()).decode(),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns 0, or 2 with one line on stderr; a wrong option exits with 2 as well."""
    options = _parse(arguments)
    try:
        package = _build(options)
    except PackagingError as error:
        print(f"package_function: {error}", file=sys.stderr)
        return 2
    print(f"{package.path}: {len(package.entries)} files, {package.size_bytes} bytes, sha256 {package.sha256}")
    return 0


def _build(options: argparse.Namespace) -> Package:
    handler_folder = find_handler_folder()
    if not options.with_dependencies:
        return build_package(options.output, handler_folder=handler_folder)
    with tempfile.TemporaryDirectory(prefix="redrive-package-") as folder:
        install_dependencies(Path(folder), architecture=options.architecture, python_version=options.python)
        return build_package(options.output, handler_folder=handler_folder, dependencies=Path(folder))


def _collect(folder: Path, prefix: PurePosixPath) -> dict[str, bytes]:
    """Contents by name in the zip, of every file below `folder` that a running function may read."""
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if _LEFT_OUT_FOLDERS.intersection(inside.parts) or inside.name in _LEFT_OUT_FILES:
            continue
        if inside.suffix in _LEFT_OUT_SUFFIXES or any(part.startswith(".") for part in inside.parts):
            continue
        # A link could lead out of the folder, to another file on another machine.
        if path.is_symlink():
            raise PackagingError(f"{path} is a symbolic link; the zip takes plain files only")
        if path.is_file():
            files[str(prefix / inside.as_posix())] = _read(path)
    return files


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PackagingError(f"cannot read {path}: {error.strerror or error}") from error


def _write(files: dict[str, bytes], output: Path) -> bytes:
    output.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=output.parent, prefix=output.name, suffix=".partial")
    os.close(descriptor)
    partial = Path(name)
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for entry, content in sorted(files.items()):
                info = zipfile.ZipInfo(entry, _ENTRY_TIME)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.create_system = _CREATED_ON_UNIX
                info.external_attr = _ENTRY_MODE << 16
                archive.writestr(info, content, compresslevel=9)
        data = partial.read_bytes()
        partial.chmod(0o644)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    return data


class _OneLineParser(argparse.ArgumentParser):
    """argparse puts the usage before an error; here the error is the only line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _OneLineParser(prog="package_function", description="Builds the zip of the reference handler for Lambda.")
    parser.add_argument("--output", type=Path, required=True, metavar="PATH", help="the zip to write")
    parser.add_argument(
        "--with-dependencies", action="store_true", help=f"put {', '.join(REQUIREMENTS)} into the zip (uses pip)"
    )
    parser.add_argument(
        "--architecture",
        choices=ARCHITECTURES,
        default="arm64",
        help="instruction set of the dependencies (default: arm64)",
    )
    parser.add_argument(
        "--python",
        choices=_PYTHON_VERSIONS,
        default="3.13",
        help="Lambda's Python version, for the dependencies (default: 3.13)",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
