"""What a command's options make of a target: bodies, queue, resources, variables. A value that other processes get."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redrive.fixtures.runtimes.in_process import HandlerError, HandlerSource, locate
from redrive.fixtures.stacks import fake_environment

from .consumer import Aws, Claim, Consumer, QueueSpec
from .errors import InputError, TargetError, UnknownName, one_line

__all__ = ["NO_OPTIONS", "BodyTemplate", "Resources", "TableSpec", "TargetOptions", "parse_variable"]

_KEY = "{key}"
_BATCH_SIZE_WITHOUT_WINDOW = 10  # E01: above it AWS wants a batching window
_KINDS = ("S", "N")


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyTemplate:
    """Gives the body for a business key: ``text`` with the key in place of each ``{key}``, all else as it is.

    ``given`` is what was given on the command line, the text itself or ``@`` and a file.
    """

    given: str
    text: str

    @classmethod
    def parse(cls, given: str) -> "BodyTemplate":
        """The text, or with ``@`` before it the contents of that file; ``@@`` is an ``@`` that the text begins with.

        Raises :class:`InputError`.
        """
        if given.startswith("@@"):
            return cls(given=given, text=given[1:])
        if not given.startswith("@"):
            return cls(given=given, text=given)
        path = given[1:]
        try:
            # No translation of line ends: a body is what the file holds, byte for byte.
            text = Path(path).read_bytes().decode("utf-8")
        except OSError as error:
            raise InputError(f"cannot read the body {path!r}: {error.strerror}") from error
        except ValueError as error:
            raise InputError(f"cannot read the body {path!r}: {one_line(error)}") from error
        return cls(given=given, text=text)

    def __call__(self, key: str) -> str:
        return self.text.replace(_KEY, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """A DynamoDB table to be made on demand: its name and its key attributes, each with its type, S or N."""

    given: str
    name: str
    keys: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, given: str) -> "TableSpec":
        """``NAME[:HASHKEY[,RANGEKEY]]``; a key is ``id`` or, of another type than S, ``sequence=N``.

        Without keys, the hash key is ``id``. Raises :class:`InputError`.
        """
        name, colon, rest = given.partition(":")
        words = rest.split(",") if colon else ["id"]
        keys = []
        for word in words:
            attribute, equals, kind = word.partition("=")
            keys.append((attribute, kind if equals else "S"))
        if not name or len(keys) > 2 or any(not key or kind not in _KINDS for key, kind in keys):
            raise InputError(
                f"--table {given}: not of the form NAME[:HASHKEY[,RANGEKEY]], "
                f"where a key is a name, or NAME=N for a number"
            )
        return cls(given=given, name=name, keys=tuple(keys))

    def create(self, aws: Aws) -> None:
        """Make the table."""
        roles = ("HASH", "RANGE")
        aws.client("dynamodb").create_table(
            TableName=self.name,
            KeySchema=[
                {"AttributeName": key, "KeyType": role} for (key, _), role in zip(self.keys, roles, strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in self.keys],
            BillingMode="PAY_PER_REQUEST",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """A consumer's ``setup``: make the tables and buckets, then call ``function``, a ``module:function``, with aws."""

    tables: tuple[TableSpec, ...] = ()
    buckets: tuple[str, ...] = ()
    function: str | None = None

    def __call__(self, aws: Aws) -> None:
        for table in self.tables:
            table.create(aws)
        for bucket in self.buckets:
            aws.client("s3").create_bucket(Bucket=bucket)
        if self.function is not None:
            _function(self.function)(aws)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions:
    """What was said of the target beside its name. The default says nothing.

    ``environment`` and ``paths`` add to whatever the target is. The rest makes a consumer of a bare handler: a
    :class:`Consumer` says all that itself. ``None`` is what nothing was said of.
    """

    body: BodyTemplate | None = None
    poison: BodyTemplate | None = None
    fifo: bool = False
    tables: tuple[TableSpec, ...] = ()
    buckets: tuple[str, ...] = ()
    setup: str | None = None
    claims: tuple[str, ...] = ()
    batch_size: int | None = None
    max_receive_count: int | None = None
    visibility_timeout_s: int | None = None
    function_timeout_s: int | None = None
    partial_batch: bool = True
    environment: tuple[tuple[str, str], ...] = ()
    paths: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for claim in self.claims:
            if claim not in set(Claim):
                raise UnknownName("claim", claim, tuple(Claim))
        for path in self.paths:
            if not Path(path).is_dir():
                raise InputError(f"--path {path}: there is no such folder")

    @property
    def makes_resources(self) -> bool:
        """Whether there is something that ``setup`` of the consumer will make."""
        return bool(self.tables or self.buckets or self.setup)

    def words(self) -> list[str]:
        """The words of a command that give these options."""
        return [*self.words_for_handlers(), *_pairs("--env", [f"{name}={value}" for name, value in self.environment]),
                *_pairs("--path", self.paths)]  # fmt: skip

    def words_for_handlers(self) -> list[str]:
        """Those of the words that a :class:`Consumer` cannot take."""
        return [
            *_pairs("--body", [] if self.body is None else [self.body.given]),
            *_pairs("--poison", [] if self.poison is None else [self.poison.given]),
            *(["--fifo"] if self.fifo else []),
            *_pairs("--table", [table.given for table in self.tables]),
            *_pairs("--bucket", self.buckets),
            *_pairs("--setup", [] if self.setup is None else [self.setup]),
            *_pairs("--claim", self.claims),
            *_pair("--batch-size", self.batch_size),
            *_pair("--max-receive-count", self.max_receive_count),
            *_pair("--visibility-timeout", self.visibility_timeout_s),
            *_pair("--function-timeout", self.function_timeout_s),
            *([] if self.partial_batch else ["--no-partial-batch"]),
        ]

    def consumer(self, handler: str, bare: Consumer) -> Consumer:
        """The consumer of a bare handler: ``bare`` is what it is without options."""
        size = self.batch_size
        queue = QueueSpec(
            fifo=self.fifo,
            report_batch_item_failures=self.partial_batch,
            **_said(
                batch_size=size,
                batching_window_s=1 if size is not None and size > _BATCH_SIZE_WITHOUT_WINDOW else None,
                max_receive_count=self.max_receive_count,
                visibility_timeout_s=self.visibility_timeout_s,
                function_timeout_s=self.function_timeout_s,
            ),
        )
        return replace(
            bare,
            handler=handler,
            queue=queue,
            claims=self._claims(bare),
            environment=dict(self.environment),
            setup=self._resources(),
            **_said(valid=self.body, poison=self.poison),
        )

    def added_to(self, consumer: Consumer) -> Consumer:
        """A consumer with the variables added, in its variants too."""
        if not self.environment:
            return consumer
        variants = tuple(replace(variant, consumer=self.added_to(variant.consumer)) for variant in consumer.variants)
        return replace(consumer, environment={**consumer.environment, **dict(self.environment)}, variants=variants)

    def put_paths(self) -> None:
        """Put the import roots first in ``sys.path``, the first of them first of all."""
        for path in reversed(self.paths):
            absolute = str(Path(path).resolve())
            if absolute in sys.path:
                sys.path.remove(absolute)
            sys.path.insert(0, absolute)

    def check_setup(self) -> None:
        """Look for the module of ``setup``. Raises :class:`TargetError` if there is none."""
        if self.setup is not None:
            _locate(self.setup)

    @contextmanager
    def variables(self) -> Iterator[None]:
        """Have the environment variables set, for a module that looks at them as it is imported."""
        if not self.environment:
            yield
            return
        wants_folder = any("{tmp}" in value for _, value in self.environment)
        with ExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory(prefix="redrive-")) if wants_folder else ""
            variables = {name: value.replace("{tmp}", folder) for name, value in self.environment}
            stack.enter_context(fake_environment(variables))
            yield

    def _claims(self, bare: Consumer) -> frozenset[Claim]:
        """Whoever takes a FIFO queue relies on order; without partial batches nobody promises that neighbours pass."""
        if self.claims:
            return frozenset(Claim(claim) for claim in self.claims)
        claims = {Claim(claim) for claim in bare.claims}
        if self.fifo:
            claims.add(Claim.ORDERED)
        if not self.partial_batch:
            claims.discard(Claim.PARTIAL_BATCH)
        return frozenset(claims)

    def _resources(self) -> Resources | None:
        if not self.makes_resources:
            return None
        return Resources(tables=self.tables, buckets=self.buckets, function=self.setup)


NO_OPTIONS = TargetOptions()
"""Nothing is said beside the name."""


def parse_variable(given: str) -> tuple[str, str]:
    """``KEY=VALUE``. Raises :class:`InputError`."""
    name, equals, value = given.partition("=")
    if not equals or not name or "\0" in given:
        raise InputError(f"--env {given}: not of the form KEY=VALUE")
    return name, value


def _function(name: str) -> Any:
    """The function that ``--setup`` names. Raises :class:`TargetError`."""
    source = _locate(name)
    if source.search_path is not None and source.search_path not in sys.path:
        sys.path.insert(0, source.search_path)
    found: Any = importlib.import_module(source.module)
    for attribute in source.attribute.split("."):
        found = getattr(found, attribute, None)
    if not callable(found):
        raise TargetError(f"--setup: module {source.module!r} has no function {source.attribute!r}")
    return found


def _locate(name: str) -> HandlerSource:
    try:
        return locate(name)
    except HandlerError as error:
        raise TargetError(f"--setup: {error}") from error


def _pairs(option: str, values: Any) -> list[str]:
    # As one word where the value could be taken for an option.
    return [word for value in values for word in ([f"{option}={value}"] if value.startswith("-") else [option, value])]


def _pair(option: str, value: int | None) -> list[str]:
    return [] if value is None else [option, str(value)]


def _said(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
