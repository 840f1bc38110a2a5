"""Load on a queue with Locust, and an account of every message sent.

Importing this package imports nothing else: Locust changes the interpreter when it is imported (gevent), so only the
modules that run inside of it do that, in a process of their own. `SqsUser` is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .sqs_user import SqsUser

__all__ = ["SqsUser"]


def __getattr__(name: str) -> Any:
    if name == "SqsUser":
        from .sqs_user import SqsUser

        return SqsUser
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
