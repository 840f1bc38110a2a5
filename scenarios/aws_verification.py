"""A whole verification on AWS: what it would create and cost, and then its creation, its runs, and its removal."""

import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from redrive.infra.aws_cost import Estimate, Work, estimate
from redrive.infra.aws_plan import StackPlan, plan_stack
from redrive.infra.aws_stack import Deployed, Leftover, StackFailed, deployed
from redrive.infra.journal_handler import HANDLER, HANDLER_VARIABLE
from redrive.infra.journal_package import INNER_HANDLER, build_journalled
from redrive.infra.package_function import PackagingError

from .aws_scenarios import AwsPlace, aws_jobs, of_stack, spec_of_stack
from .consumer import Consumer
from .environment_kinds import AWS
from .environments.aws import AwsEnvironment
from .environments.aws_account import Account
from .environments.aws_site import Site, site_of_queue, site_of_stack
from .environments.environment import Environment
from .errors import EnvironmentFailed, InputError, one_line
from .poller import epoch_ms
from .reference import HANDLER as REFERENCE_HANDLER
from .target import Target
from .verification import DEFAULT_EXAMPLES, Job

__all__ = ["AwsVerification", "plan_on_queue", "plan_on_stack", "running"]

_POINTER: Final = "/order"
_MESSAGES_OF_A_RUN: Final = 8
_SECONDS_OF_A_RUN: Final = 60.0
_SECONDS_OF_A_STACK: Final = 300.0

Build = Callable[[Path], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsVerification:
    """What is to be done in an account: ``jobs``, on a queue that is there (``site``) or on ``stacks`` to be created.

    ``notes`` are for the user to know before it begins.
    """

    account: Account
    target: Target
    jobs: tuple[Job, ...]
    place: AwsPlace
    examples: int
    stacks: tuple[StackPlan, ...] = ()
    site: Site | None = None
    notes: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[Job, ...]:
        """The jobs that are not skipped."""
        return tuple(job for job in self.jobs if job.why_not() is None)

    def cost(self) -> Estimate:
        """What it may cost, at most but for what nobody expects."""
        parts = [self._cost(fifo=fifo) for fifo in sorted({job.scenario.fifo for job in self.asked})]
        return sum(parts, start=Estimate(costs=()))

    def _cost(self, *, fifo: bool) -> Estimate:
        jobs = [job for job in self.asked if job.scenario.fifo == fifo]
        # What is compared with others is run with each message alone as well.
        runs = sum(job.scenario.examples(self.examples) * (8 if job.scenario.related else 1) for job in jobs)
        messages = runs * _MESSAGES_OF_A_RUN
        work = Work(
            messages=messages,
            deliveries=messages * (self.place.queue.max_receive_count or 5),
            seconds=runs * _SECONDS_OF_A_RUN + (_SECONDS_OF_A_STACK if self.stacks else 0.0),
            fifo=fifo,
            creates=bool(self.stacks),
        )
        return estimate(work)

    def lines(self) -> list[str]:
        """What would be created, and what it may cost."""
        where = [f"on AWS: {self.account}"]
        if self.site is not None:
            where.append(f"on the queue {self.site.queue.url}, where messages are sent and nothing is created")
        resources = [f"  {each.type:<34} {each.name}" for stack in self.stacks for each in stack.resources]
        created = [f"{len(resources)} resources are created, and removed in the end:", *resources] if resources else []
        runs = f"{len(self.asked)} scenarios of {len(self.jobs)}, {self.examples} examples each at most"
        cost = [f"  {line}" for line in self.cost().lines()] if self.asked else []
        return [*where, *created, runs, *cost, *self.notes]


def plan_on_stack(target: Target, account: Account, names: Sequence[str], *, examples: int | None) -> AwsVerification:
    """Plan to deploy the reference handler for the run.

    Raises :class:`InputError` for any other handler: that is verified where its own people have deployed it.
    """
    consumer = target.consumer
    if consumer.handler != REFERENCE_HANDLER or consumer.environment.get("REDRIVE_SINK") != "dynamodb":
        raise InputError(
            f"{target.name} is not deployed by redrive, which knows nothing of its role and its tables: deploy it, and "
            "give --queue-url"
        )
    spec = spec_of_stack(consumer)
    place = AwsPlace(queue=spec)
    run_id = uuid.uuid4().hex[:10]
    made = partial(_plan, run_id, account, spec.max_receive_count or 3)
    # Its effects are read only once the tables are there.
    jobs = aws_jobs(of_stack(consumer, ()), names, place, fifo_queue=True, standard_queue=True)
    kinds = sorted({job.scenario.fifo for job in jobs if job.why_not() is None})
    stacks = tuple(made(fifo=fifo) for fifo in kinds)
    tables = [stack.table for stack in stacks]
    return AwsVerification(
        account=account,
        target=replace(target, consumer=of_stack(consumer, tables)),
        jobs=aws_jobs(of_stack(consumer, tables), names, place, fifo_queue=True, standard_queue=True),
        place=place,
        examples=examples or place.examples(DEFAULT_EXAMPLES),
        stacks=stacks,
    )


def _plan(run_id: str, account: Account, max_receive_count: int, *, fifo: bool) -> StackPlan:
    return plan_stack(
        run_id,
        account=account.account,
        region=account.region,
        fifo=fifo,
        batch_size=10,
        max_receive_count=max_receive_count,
        function_timeout_s=AWS.function_timeout_s,
        visibility_timeout_s=AWS.visibility_timeout_s,
        business_key_pointer=_POINTER,
    )


def plan_on_queue(
    target: Target, account: Account, names: Sequence[str], *, queue_url: str, examples: int | None
) -> AwsVerification:
    """Plan to verify what is deployed behind a queue. Raises :class:`EnvironmentFailed` if it cannot be used."""
    site = site_of_queue(account.aws, queue_url, since_ms=epoch_ms())
    place = AwsPlace(queue=site.spec, options=("--queue-url", queue_url))
    fifo = site.queue.fifo
    jobs = aws_jobs(target.consumer, names, place, fifo_queue=fifo, standard_queue=not fifo, unseen=site.unseen)
    notes = [] if site.unseen is None else [f"invocations are not seen, so less is asked: {site.unseen}"]
    if target.consumer.setup is not None:
        notes.append("the consumer's setup is not called: on AWS it is deployed already")
    return AwsVerification(
        account=account,
        target=target,
        jobs=jobs,
        place=place,
        examples=examples or place.examples(DEFAULT_EXAMPLES),
        site=site,
        notes=tuple(notes),
    )


@contextmanager
def running(
    verification: AwsVerification,
    *,
    progress: Callable[[str], object],
    on_left: Callable[[Sequence[Leftover]], object],
    build: Build = build_journalled,
) -> Iterator[Environment]:
    """Create what is planned; the environment to run the jobs in. All is removed in the end, whatever happens.

    ``on_left`` is told what could not be removed. Raises :class:`EnvironmentFailed`.
    """
    aws = verification.account.aws
    since_ms = epoch_ms()
    try:
        with ExitStack() as steps:
            sites = [] if verification.site is None else [verification.site]
            if verification.stacks:
                folder = Path(steps.enter_context(tempfile.TemporaryDirectory(prefix="redrive-aws-")))
                progress("building the function's zip")
                build(folder / "function.zip")
                stacks = _deployed(steps, verification, folder / "function.zip", progress, on_left)
                sites.extend(site_of_stack(aws, stack, since_ms=since_ms) for stack in stacks)
            environment = AwsEnvironment(aws, tuple(sites))
            environment.check(_consumer(verification))
            yield environment
    except (StackFailed, PackagingError) as error:
        raise EnvironmentFailed(str(error)) from error
    except (ClientError, BotoCoreError) as error:
        raise EnvironmentFailed(f"AWS does not do what it was asked for: {one_line(error)}") from error


def _consumer(verification: AwsVerification) -> Consumer:
    return verification.place.shaped(verification.target.consumer)


def _deployed(
    steps: ExitStack,
    verification: AwsVerification,
    code_zip: Path,
    progress: Callable[[str], object],
    on_left: Callable[[Sequence[Leftover]], object],
) -> Iterator[Deployed]:
    for plan in verification.stacks:
        yield steps.enter_context(
            deployed(
                verification.account.aws,
                plan,
                code_zip,
                handler=HANDLER,
                variables={HANDLER_VARIABLE: INNER_HANDLER},
                progress=progress,
                on_left=on_left,
            )
        )
