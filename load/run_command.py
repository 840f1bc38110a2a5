"""`redrive load`: Locust with our locustfile, on the user's queue or on a local stack that is started for it.

Exit status: 0 the account balances, 1 it does not or a request failed, 2 the run could not be made, 130 it was
interrupted.
"""

from __future__ import annotations

import importlib.util
import os
from typing import Any, Final

import click

from .compare_command import compare_command
from .processes import LoadError
from .run import LocalStackPlan, run_here, run_locally

__all__ = ["load"]

_INTERRUPTED: Final = 130


class _WithDefault(click.Group):
    """A group whose name alone, or with options, runs `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        return super().resolve_command(ctx, args if args[0] in self.commands else ["run", *args])


@click.group(cls=_WithDefault)
def load() -> None:
    """Measure a deployed consumer under load: throughput, latency end to end, and an account of every message.

    Without a command it is redrive load run: redrive load run --help says more.
    """


load.add_command(compare_command)


@load.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True})
@click.option(
    "--on",
    "environment",
    type=click.Choice(("moto", "localstack")),
    help="Start a local stack with the reference handler, send to it, and end it. Its figures are the emulator's.",
)
@click.option("--target", metavar="TARGET", help="With --on: another handler behind the queue, as for redrive verify.")
@click.option("--fifo", is_flag=True, help="With --on: FIFO queues.")
@click.option(
    "--visibility-timeout",
    "visibility_timeout_s",
    type=click.IntRange(1, 43_200),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="With --on.",
)
@click.option(
    "--max-receive-count",
    type=click.IntRange(1, 1_000),
    default=2,
    show_default=True,
    metavar="N",
    help="With --on: deliveries before the DLQ.",
)
@click.option("--web", is_flag=True, help="Locust's web UI instead of a run that begins at once.")
@click.argument("locust_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[LOCUST ARGUMENTS]…")
def run(environment: str | None, web: bool, locust_arguments: tuple[str, ...], **of_the_stack: Any) -> int:
    """Run Locust, which gets every argument that is not listed here: -u 20 -t 2m --rate 50 --poison-rate 0.01 …

    Without --on, --queue-url says where to send. docs/load.md lists what redrive adds to Locust's arguments.
    """
    if importlib.util.find_spec("locust") is None:
        raise click.UsageError("Locust is not installed: pip install 'redrive[load]'")
    words = [*([] if web else ["--headless", "--only-summary"]), *locust_arguments]
    try:
        if environment is None:
            return run_here(words)
        plan = LocalStackPlan(environment=environment, **of_the_stack)
        return run_locally(plan, words, variables=os.environ)
    except LoadError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("redrive: stopped", err=True)
        return _INTERRUPTED
