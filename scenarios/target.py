"""Targets: what the user names on the command line, made into a consumer and a handler that can be loaded afresh."""

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from redrive.fixtures.runtimes.in_process import ExecutionEnvironment, HandlerError, HandlerSource, locate

from .consumer import Claim, Consumer
from .errors import InputError, TargetError, one_line
from .target_options import NO_OPTIONS, TargetOptions

__all__ = [
    "REFERENCE",
    "SHARED_MODULES",
    "HandlerOf",
    "Target",
    "check_handler",
    "handler_of",
    "is_installed",
    "load_elsewhere",
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
    """A target as named, its consumer, how that was come by if it needs saying, and what options made it so."""

    name: str
    consumer: Consumer
    note: str | None = None
    options: TargetOptions = NO_OPTIONS


def load_target(name: str, options: TargetOptions = NO_OPTIONS) -> Target:
    """Load ``package.module:attribute`` or ``path/to/file.py:attribute``: a handler or a :class:`Consumer`.

    A handler that its module has a consumer for is verified as that consumer. A bare handler becomes a consumer with
    default bodies or those of ``options``, of which only what can be seen from outside is judged. Raises
    :class:`TargetError`, and :class:`InputError` for options that the target does not take.
    """
    options.put_paths()
    try:
        source = locate(name)
    except HandlerError as error:
        raise TargetError(str(error)) from error
    options.check_setup()
    try:
        with options.variables():
            module = _import(source)
    except TargetError:
        # A module that wants its resources as it is imported gets them when it is checked, which says what is wrong.
        if not options.makes_resources:
            raise
        return _of_bare(name, options)
    found = _attribute(module, source)
    if isinstance(found, Consumer):
        handler_of(found)
        return _of_consumer(name, found, options, note=None)
    if not callable(found):
        raise TargetError(f"{name} is {type(found).__name__}, neither a handler nor a Consumer")
    for attribute, value in vars(module).items():
        if isinstance(value, Consumer) and (value.handler == name or _is_for(value, found, source)):
            note = f"judged as the consumer {attribute!r} of {source.module}"
            return _of_consumer(name, value, options, note=note)
    return _of_bare(name, options)


def load_elsewhere(name: str, options: TargetOptions = NO_OPTIONS) -> Target:
    """A target that is a command line or a URL alone: a bare handler, of which there is nothing to import here.

    Raises as :func:`load_target`.
    """
    options.put_paths()
    options.check_setup()
    return replace(_of_bare(f"{__name__}:elsewhere", options), name=name)


def elsewhere(_event: Any, _context: Any) -> Any:
    """Stands for a handler that is not in this process. Raises :class:`TargetError`."""
    raise TargetError("this handler runs in a process of its own or behind a URL")


def _of_consumer(name: str, consumer: Consumer, options: TargetOptions, *, note: str | None) -> Target:
    refused = [word.partition("=")[0] for word in options.words_for_handlers() if word.startswith("--")]
    if refused:
        what = f"{name} is {note}" if note is not None else f"{name} is a Consumer"
        raise InputError(f"{what}, which says this itself: leave out {', '.join(dict.fromkeys(refused))}")
    notes = [*([] if note is None else [note]), *([] if consumer.effects is not None else [_UNSEEN])]
    return Target(name=name, consumer=options.added_to(consumer), note="; ".join(notes) or None, options=options)


def _of_bare(name: str, options: TargetOptions) -> Target:
    bodies = "default bodies" if options.body is None else "bodies as given"
    consumer = options.consumer(name, _bare(name))
    return Target(name=name, consumer=consumer, note=f"a bare handler, with {bodies}; {_UNSEEN}", options=options)


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
        claims=frozenset({Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS, Claim.IDEMPOTENT}),
    )
