"""The options that say what a target is beside its name; the same for each command that takes a target."""

from collections.abc import Callable
from typing import Any

import click

from ..consumer import Claim
from ..errors import InputError
from ..target_options import BodyTemplate, TableSpec, TargetOptions, parse_variable

__all__ = ["target_options", "with_target_options"]

_COUNT = click.IntRange(1)

_OPTIONS = (
    click.option(
        "--body",
        metavar="TEMPLATE",
        help='A good body, with {key} where the business key goes: \'{"order": "{key}"}\'. @PATH takes it from a file; '
        "@@ stands for an @ at the beginning.",
    ),
    click.option(
        "--poison", metavar="TEMPLATE", help="A body that must end in the dead-letter queue, given like --body."
    ),
    click.option("--fifo", is_flag=True, help="The queue is a FIFO queue; the handler then claims to keep the order."),
    click.option(
        "--table",
        "tables",
        multiple=True,
        metavar="NAME[:HASHKEY[,RANGEKEY]]",
        help="A DynamoDB table to make, empty, before each run. A key is a text, or with =N a number: "
        "orders:customer,placed=N. Without keys, the hash key is id. May be given again.",
    ),
    click.option(
        "--bucket",
        "buckets",
        multiple=True,
        metavar="NAME",
        help="An S3 bucket to make before each run; may be given again.",
    ),
    click.option(
        "--setup",
        metavar="MODULE:FUNCTION",
        help="Called with aws (boto3's client and resource) before each run, after tables and buckets are made.",
    ),
    click.option(
        "--claim",
        "claims",
        multiple=True,
        metavar="NAME",
        help=f"What the handler promises, in place of what is taken for granted: {', '.join(Claim)}. "
        "May be given again.",
    ),
    click.option(
        "--batch-size", type=_COUNT, help="Messages in a batch, at most. Above 10 with a batching window of 1 s."
    ),
    click.option("--max-receive-count", type=_COUNT, help="Deliveries before a message is dead-lettered."),
    click.option("--visibility-timeout", "visibility_timeout_s", type=_COUNT, metavar="SECONDS", help="Of the queue."),
    click.option("--function-timeout", "function_timeout_s", type=_COUNT, metavar="SECONDS", help="Of the function."),
    click.option(
        "--no-partial-batch",
        "no_partial_batch",
        is_flag=True,
        help="The mapping does not have ReportBatchItemFailures: a batch succeeds or fails as a whole.",
    ),
    click.option(
        "--env",
        "variables",
        multiple=True,
        metavar="KEY=VALUE",
        help="An environment variable of the handler. {tmp} stands for a folder that is empty at the beginning of each "
        "run. May be given again.",
    ),
    click.option(
        "--path",
        "paths",
        multiple=True,
        metavar="DIR",
        help="Where imports are looked for first, as the root of the function's package; may be given again.",
    ),
)


def with_target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all of the options. It takes them as ``**shaped``, for :func:`target_options`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def target_options(
    *,
    body: str | None,
    poison: str | None,
    fifo: bool,
    tables: tuple[str, ...],
    buckets: tuple[str, ...],
    setup: str | None,
    claims: tuple[str, ...],
    batch_size: int | None,
    max_receive_count: int | None,
    visibility_timeout_s: int | None,
    function_timeout_s: int | None,
    no_partial_batch: bool,
    variables: tuple[str, ...],
    paths: tuple[str, ...],
) -> TargetOptions:
    """The value of what was given. Raises :class:`UsageError` for what is no template, table, claim or variable."""
    made = [TableSpec.parse(given) for given in tables]
    _none_twice("--table", [table.name for table in made])
    _none_twice("--bucket", buckets)
    named = [parse_variable(given) for given in variables]
    _none_twice("--env", [name for name, _ in named])
    return TargetOptions(
        body=None if body is None else BodyTemplate.parse(body),
        poison=None if poison is None else BodyTemplate.parse(poison),
        fifo=fifo,
        tables=tuple(made),
        buckets=buckets,
        setup=setup,
        claims=tuple(dict.fromkeys(claims)),
        batch_size=batch_size,
        max_receive_count=max_receive_count,
        visibility_timeout_s=visibility_timeout_s,
        function_timeout_s=function_timeout_s,
        partial_batch=not no_partial_batch,
        environment=tuple(named),
        paths=paths,
    )


def _none_twice(option: str, names: tuple[str, ...] | list[str]) -> None:
    for name in names:
        if list(names).count(name) > 1:
            raise InputError(f"{option} {name} is given twice: give it once")
