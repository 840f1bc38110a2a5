"""Targets: what the user names on the command line, made into a consumer and a handler that can be loaded afresh."""

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from redrive.fixtures.runtimes.in_process import ExecutionEnvironment, HandlerError, HandlerSource, locate

from .consumer import Claim, Consumer
from .errors import TargetError, one_line

__all__ = [
    "REFERENCE",
    "SHARED_MODULES",
    "HandlerOf",
    "Target",
    "check_handler",
    "handler_of",
    "is_installed",
    "load_target",
]

HandlerOf = HandlerSource | Callable[[Any, Any], Any]

SHARED_MODULES = ("redrive.fixtures", "redrive.simulator", "redrive.scenarios", "redrive.load", "redrive.infra")
"""Our own modules are nobody's execution environment; a handler of ours is imported afresh all the same."""

_UNSEEN = "it does not say what its effects are, so only what can be seen from outside is judged"

REFERENCE = "redrive.scenarios.reference:consumer"
"""What is verified where no target is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target as named, its consumer, and how that was come by if it needs saying."""

    name: str
    consumer: Consumer
    note: str | None = None


def load_target(name: str) -> Target:
    """Load ``package.module:attribute`` or ``path/to/file.py:attribute``: a handler or a :class:`Consumer`.

    A handler that its module has a consumer for is verified as that consumer. A bare handler becomes a consumer with
    default bodies, of which only what can be seen from outside is judged. Raises :class:`TargetError`.
    """
    try:
        source = locate(name)
    except HandlerError as error:
        raise TargetError(str(error)) from error
    module = _import(source)
    found = _attribute(module, source)
    if isinstance(found, Consumer):
        handler_of(found)
        return Target(name=name, consumer=found, note=None if found.effects is not None else _UNSEEN)
    if not callable(found):
        raise TargetError(f"{name} is {type(found).__name__}, neither a handler nor a Consumer")
    for attribute, value in vars(module).items():
        if isinstance(value, Consumer) and (value.handler == name or _is_for(value, found, source)):
            note = f"judged as the consumer {attribute!r} of {source.module}"
            if value.effects is None:
                note += f"; {_UNSEEN}"
            return Target(name=name, consumer=value, note=note)
    return Target(name=name, consumer=_bare(name), note=f"a bare handler, with default bodies; {_UNSEEN}")


def handler_of(consumer: Consumer) -> HandlerOf:
    """The consumer's handler as something to make execution environments of. Raises :class:`TargetError`."""
    handler: str | HandlerOf = consumer.handler
    if isinstance(handler, str):
        try:
            return locate(handler)
        except HandlerError as error:
            raise TargetError(str(error)) from error
    module = sys.modules.get(handler.__module__)
    name: str = getattr(handler, "__qualname__", "")
    importable = module is not None and getattr(module, name, None) is handler
    if module is not None and module.__name__ != "__main__" and importable:
        try:
            return locate(f"{module.__name__}:{name}")
        except HandlerError:
            return handler
    return handler


def check_handler(consumer: Consumer) -> None:
    """Import the handler once, for a clear word if that fails. Raises :class:`TargetError`."""
    source = handler_of(consumer)
    if not isinstance(source, HandlerSource):
        return
    environment = ExecutionEnvironment(source, shared=SHARED_MODULES)
    try:
        with environment.active():
            environment.load()
    except HandlerError as error:
        raise TargetError(str(error)) from error
    except (Exception, SystemExit) as error:
        raise TargetError(_failed_import(source, error)) from error


def is_installed(module: str) -> bool:
    """Whether there is such a module, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _import(source: HandlerSource) -> ModuleType:
    if source.search_path is not None and source.search_path not in sys.path:
        sys.path.insert(0, source.search_path)
    try:
        module = importlib.import_module(source.module)
    except (Exception, SystemExit) as error:
        raise TargetError(_failed_import(source, error)) from error
    if source.search_path is not None:
        place = Path(source.search_path, *source.module.split("."))
        file = getattr(module, "__file__", None) or "another module"
        if file not in {f"{place}.py", str(place / "__init__.py")}:
            raise TargetError(f"a file of another name is needed: the module {source.module!r} is {file} already")
    return module


def _failed_import(source: HandlerSource, error: BaseException) -> str:
    return f"importing {source.module!r} failed with {one_line(error)} (--debug shows where)"


def _attribute(module: ModuleType, source: HandlerSource) -> Any:
    found: Any = module
    for name in source.attribute.split("."):
        if not hasattr(found, name):
            raise TargetError(f"module {source.module!r} has no attribute {source.attribute!r}")
        found = getattr(found, name)
    return found


def _is_for(consumer: Consumer, handler: object, source: HandlerSource) -> bool:
    return consumer.handler is handler or consumer.handler == f"{source.module}:{source.attribute}"


def _bare(name: str) -> Consumer:
    return Consumer(
        handler=name,
        valid=lambda key: json.dumps({"id": key}),
        claims=frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS}),
    )
