"""Why something failed, in words that are safe to log."""

from collections.abc import Mapping

__all__ = ["safe_reason", "shown"]

_SHOWN_CHARS_MAX = 64


def safe_reason(error: BaseException) -> str:
    """The error's class, and for an AWS error its code. Never its message.

    Messages of SDKs and databases quote what they were given (botocore's ParamValidationError prints the
    value), so they would carry bodies into the logs.
    """
    name = type(error).__name__
    response = getattr(error, "response", None)
    details = response.get("Error") if isinstance(response, Mapping) else None
    code = details.get("Code") if isinstance(details, Mapping) else None
    return f"{name}({code})" if isinstance(code, str) and code else name


def shown(name: object) -> str:
    """A name from a record or an environment variable as one short line of ASCII."""
    text = ascii(name)
    return text if len(text) <= _SHOWN_CHARS_MAX else f"{text[: _SHOWN_CHARS_MAX - 3]}..."
