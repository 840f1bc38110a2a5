"""The command line.

Exit status: 0 all invariants hold, 1 something is violated or unknown, 2 it could not run, 130 it was interrupted.
"""

import sys
from collections.abc import Sequence

import click

from redrive.load.cost_command import cost_command
from redrive.load.run_command import load

from ..errors import UsageError
from ..interruption import kept
from .invoke import invoke
from .listing import scenarios
from .local import local
from .parity import parity
from .replay import replay
from .rogues import rogues
from .rules import rules
from .verify import verify

__all__ = ["main", "redrive"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="redrive")
@click.option("--debug", is_flag=True, help="Show a traceback where there would be one line.")
def redrive(debug: bool) -> None:
    """Prove an SQS to Lambda consumer right, or see the shortest history that breaks it."""


redrive.add_command(verify)
redrive.add_command(scenarios)
redrive.add_command(rogues)
redrive.add_command(rules)
redrive.add_command(parity)
redrive.add_command(invoke)
redrive.add_command(replay)
redrive.add_command(local)
redrive.add_command(load)
redrive.add_command(cost_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit. What the user did wrong is one line on standard error and exit status 2."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"] or ["--help"]
    # As with ``python -m``: targets are looked for from where the user stands.
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        with kept():
            status = redrive.main(args=words, prog_name="redrive", standalone_mode=False)
    except click.ClickException as error:
        _fail(_usage(error))
    except (click.Abort, KeyboardInterrupt):
        click.echo("redrive: stopped", err=True)
        sys.exit(130)
    except UsageError as error:
        if debug:
            raise
        _fail(str(error))
    sys.exit(status if isinstance(status, int) else 0)


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    where = f" (see {context.command_path} --help)" if context is not None else ""
    return f"{error.format_message()}{where}"


def _fail(message: str) -> None:
    click.echo(f"redrive: {' '.join(message.split())}", err=True)
    sys.exit(2)
