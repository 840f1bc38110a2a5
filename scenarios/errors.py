"""What a user did wrong, as exceptions. What redrive found about their code is a value (:mod:`.judgement`).

UsageError
├── TargetError        no such module, file or attribute; a handler that fails to import
├── UnknownName        no such scenario, environment, sample event
├── InputError         a file that cannot be read, JSON that does not parse, an event that is none
└── EnvironmentFailed  an environment that cannot be started or reached
"""

__all__ = ["EnvironmentFailed", "InputError", "TargetError", "UnknownName", "UsageError", "one_line"]


class UsageError(Exception):
    """The command could not run. The message is one line that says what to do; exit status 2."""


class TargetError(UsageError):
    """The target cannot be had, or is neither a handler nor a consumer."""


class UnknownName(UsageError):
    """A name that is not in a list of ours."""

    def __init__(self, kind: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no {kind} named {name!r}; there are: {', '.join(known)}")


class InputError(UsageError):
    """Something given to the command cannot be read or understood."""


class EnvironmentFailed(UsageError):
    """An environment that cannot be started or reached."""


def one_line(error: BaseException) -> str:
    """The error's type and message on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
