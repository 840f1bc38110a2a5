"""Which versions of LocalStack the patches are for."""

from __future__ import annotations

from typing import Final

__all__ = ["KNOWN_VERSIONS", "PATCHES", "patches_for"]

KNOWN_VERSIONS: Final = frozenset({"4.13.1"})
"""Those whose poller has been read, and the tests have been run against."""

PATCHES: Final = ("bodies", "attributes", "groups", "size", "deletions")


def patches_for(version: str) -> tuple[str, ...]:
    """The names of the patches that are applied to this version; none to one that is not known."""
    return PATCHES if version in KNOWN_VERSIONS else ()
