"""The record of the run that has just ended, put together from what the process knows."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any, Final

from ..reporting.record import ErrorCount

__all__ = ["errors_of", "settings_of", "versions", "without_credentials"]

_PACKAGES: Final = ("redrive", "locust", "boto3", "gevent")
_OF_LOCUST: Final = ("num_users", "spawn_rate", "run_time", "processes", "expect_workers")
_PLAIN: Final = (str, int, float, bool)
_USER_IN_URL: Final = re.compile(r"(?<=://)[^\s/?#\"']*@")


def versions() -> dict[str, str]:
    """Of what took part in the measurement."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def settings_of(options: Any, ours: Iterable[str], **more: Any) -> dict[str, Any]:
    """The arguments that the run was given: ours by name, and those of Locust's that decide what is sent."""
    given = {name: getattr(options, name, None) for name in (*_OF_LOCUST, *ours)}
    return {
        name: without_credentials(value) if isinstance(value, str) else value
        for name, value in {**given, **more}.items()
        if isinstance(value, _PLAIN) and value is not False and value != ""
    }


def without_credentials(text: str) -> str:
    """A text whose URLs do not say who asks: a report is passed on."""
    return _USER_IN_URL.sub("", text)


def errors_of(errors: Mapping[Any, Any]) -> tuple[ErrorCount, ...]:
    """Locust's errors, the most frequent first."""
    found = [
        ErrorCount(
            request=f"{error.method} {error.name}",
            error=without_credentials(" ".join(str(error.error).split())),
            count=error.occurrences,
        )
        for error in errors.values()
    ]
    return tuple(sorted(found, key=lambda error: (-error.count, error.request, error.error)))
