"""The options of ``redrive verify --on aws``, and what it says and asks before it does anything in an account."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from redrive.infra.aws_stack import Leftover

from ..aws_verification import AwsVerification, plan_on_queue, plan_on_stack, running
from ..environment_kinds import AWS
from ..environments.aws_account import open_account
from ..environments.environment import Environment
from ..errors import InputError
from ..report import Progress
from ..results import Report
from ..scheduling import verify as run_verification
from ..target import Target

__all__ = ["AwsOptions", "aws_options", "verify_on_aws", "with_aws_options"]

_OPTIONS = (
    click.option(
        "--queue-url",
        metavar="URL",
        help="With --on aws: verify what is deployed behind this queue, which nobody else uses meanwhile. Without it "
        "the reference handler is deployed for the run, and removed.",
    ),
    click.option("--region", metavar="NAME", help="With --on aws: the region. [default: as configured for AWS]"),
    click.option("--profile", metavar="NAME", help="With --on aws: the profile. [default: as configured for AWS]"),
    click.option(
        "--dry-run",
        is_flag=True,
        help="With --on aws: say what would be created and about what it would cost, and create nothing.",
    ),
    click.option("--yes", is_flag=True, help="With --on aws: do not ask before anything is created or sent."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsOptions:
    """What was given of them."""

    queue_url: str | None = None
    region: str | None = None
    profile: str | None = None
    dry_run: bool = False
    yes: bool = False

    def check(self, environment: str, *, command: str | None = None, processes: int | None = None) -> None:
        """Raise :class:`InputError` for what does not go together with the environment of that name."""
        given = {
            "--queue-url": self.queue_url,
            "--region": self.region,
            "--profile": self.profile,
            "--dry-run": self.dry_run,
            "--yes": self.yes,
        }
        if environment != AWS.name:
            unfit = [name for name, value in given.items() if value]
            if unfit:
                raise InputError(f"{unfit[0]} is for --on aws alone: leave it out, or add --on aws")
        elif command is not None:
            raise InputError("--on aws verifies what is deployed there: leave out --exec")
        elif processes not in {None, 1}:
            raise InputError("--on aws runs one scenario after the other: leave out --jobs")


def with_aws_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all of the options. It takes them by name, for :func:`aws_options`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def aws_options(given: dict[str, Any]) -> AwsOptions:
    """Take the options out of the arguments of a command."""
    names = ("queue_url", "region", "profile", "dry_run", "yes")
    return AwsOptions(**{name: given.pop(name) for name in names})


def verify_on_aws(
    target: Target,
    options: AwsOptions,
    names: Sequence[str],
    *,
    seed: int,
    examples: int | None,
    finish: Callable[[Report], int],
) -> int:
    """Plan, show, ask, create, verify, and remove; the exit status.

    ``finish`` is given the report before anything is removed, which takes minutes, and gives the exit status. Raises
    :class:`UsageError` for what keeps it from being run, and ``click.Abort`` if the answer is no.
    """
    account = open_account(profile=options.profile, region=options.region)
    if options.queue_url is None:
        planned = plan_on_stack(target, account, names, examples=examples)
    else:
        planned = plan_on_queue(target, account, names, queue_url=options.queue_url, examples=examples)
    for line in planned.lines():
        click.echo(line)
    if options.dry_run:
        click.echo("nothing was created or sent: --dry-run")
        return 0
    if not planned.asked:
        reasons = "; ".join(sorted({job.why_not() or "" for job in planned.jobs}))
        raise InputError(f"none of these scenarios can be asked on AWS: {reasons}")
    if not options.yes:
        what = f"send messages to {options.queue_url}" if planned.site is not None else "create these resources"
        click.confirm(f"{what} in account {account.account}, region {account.region}?", abort=True)
    left: list[Leftover] = []
    try:
        with running(planned, progress=_say, on_left=left.extend) as environment:
            return finish(_run(planned, environment, seed=seed))
    finally:
        for leftover in left:
            _tell(leftover)


def _run(planned: AwsVerification, environment: Environment, *, seed: int) -> Report:
    target, jobs = planned.target, planned.jobs
    notes = [] if target.note is None else [target.note]
    with Progress(f"verifying {target.name}, {len(jobs)} scenarios", total=len(jobs), notes=notes) as progress:
        return run_verification(
            target,
            jobs=jobs,
            seed=seed,
            examples=planned.examples,
            place=replace(planned.place, made=environment),
            on_start=progress.started,
            on_result=lambda result: progress.done(result.name, result.verdict),
        )


def _say(line: str) -> None:
    click.echo(line, err=True)


def _tell(leftover: Leftover) -> None:
    click.echo(f"NOT REMOVED: {leftover.resource.type} {leftover.resource.name}: {leftover.reason}", err=True)
    for command in leftover.commands:
        click.echo(f"  {command}", err=True)
