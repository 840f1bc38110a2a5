"""Whether a function's zip can be unpacked: everything in it stays inside of its folder."""

from __future__ import annotations

import posixpath
import stat
import zipfile
from typing import IO, Final

__all__ = ["ZipRefused", "check_zip"]

_TARGET_BYTES_MAX: Final = 4096


class ZipRefused(Exception):
    """The zip is not unpacked. One line that says which entry is to blame."""


def check_zip(file: IO[bytes]) -> None:
    """Raises :class:`ZipRefused` if an entry would be written, or a link would lead, outside of the zip's folder."""
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                _check_entry(archive, entry)
    except zipfile.BadZipFile as error:
        raise ZipRefused(f"the function's code is no zip file: {error}") from error


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    # As it is written there: ZipInfo has already changed the separators in `filename`.
    name = entry.orig_filename
    if not _is_inside(name.replace("\\", "/")):
        raise ZipRefused(f"the function's zip has an entry outside of its folder: {name!r}")
    if stat.S_ISLNK(entry.external_attr >> 16):
        target = archive.read(entry)[:_TARGET_BYTES_MAX].decode(errors="replace")
        if not _is_inside(posixpath.join(posixpath.dirname(name), target)) or posixpath.isabs(target):
            raise ZipRefused(f"the function's zip has a link that leads out of its folder: {name!r} to {target!r}")


def _is_inside(path: str) -> bool:
    if posixpath.isabs(path) or path[1:2] == ":":
        return False
    return posixpath.normpath(path).split("/")[0] != ".."
