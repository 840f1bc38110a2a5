"""Files that are written whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from .errors import InputError

__all__ = ["check_writable", "write_whole"]


def check_writable(path: Path) -> None:
    """Say so before the work rather than after it. Raises :class:`InputError`."""
    if not path.parent.is_dir():
        raise InputError(f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"cannot write {str(path)!r}: permission denied")


def write_whole(path: Path, text: str) -> None:
    r"""Put the text in the file, in place of what it holds: a reader sees the one or the other, and nothing between.

    What is no file (a pipe, a terminal), or in a folder that cannot be written, is written directly. Half a surrogate
    pair, which UTF-8 cannot have, is written as ``\udXXX``, as JSON has it too. Raises :class:`InputError`.
    """
    content = text.encode("utf-8", errors="backslashreplace")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        # A link goes on leading to where it led.
        place = path.resolve()
        if os.access(place.parent, os.W_OK):
            _replace(place, content)
        else:
            place.write_bytes(content)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error


def _replace(place: Path, content: bytes) -> None:
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        if place.exists():
            beside.chmod(place.stat().st_mode & 0o777)
        beside.replace(place)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
