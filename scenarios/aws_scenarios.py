"""What of the catalogue can be asked on AWS, of which queue, and what is left of it where invocations are not seen."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from .consumer import Aws, Claim, Consumer, Effect, QueueSpec
from .environment_kinds import AWS, EnvironmentKind
from .environments.aws_names import with_planned_keys
from .environments.environment import Environment
from .handler_runtime import NATIVE, HandlerRuntime
from .place import Place
from .reference import rows_in_dynamodb
from .scenario import Scenario
from .verification import Job, jobs_of

__all__ = ["AwsPlace", "aws_jobs", "of_stack", "spec_of_stack"]

_WITHOUT_INVOCATIONS: Final = frozenset({"no-loss", "no-invention", "effects-once", "order-kept"})
"""The invariants that ask for effects and where messages end, and not for invocations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsPlace(Place):
    """A place on AWS, with the ``queue`` and mapping that are there.

    ``options`` are the words of a command that choose it besides ``--on aws``. ``made`` is the environment, once its
    account is prepared.
    """

    kind: EnvironmentKind = AWS
    runtime: HandlerRuntime = NATIVE
    queue: QueueSpec = field(default_factory=QueueSpec)
    options: tuple[str, ...] = ()
    made: Environment | None = field(default=None, compare=False, repr=False)

    def shaped(self, consumer: Consumer) -> Consumer:
        """The consumer with the queue and mapping that are there, and with bodies whose keys can be told apart."""
        return with_planned_keys(replace(consumer, queue=self.queue, setup=None))

    def words(self) -> list[str]:
        """The words of a command that choose it."""
        return ["--on", self.kind.name, *self.options]

    def environment(self) -> Environment:
        """The environment, which is :attr:`made` already: on AWS there is one at a time."""
        assert self.made is not None, "an account is prepared first"
        return self.made


def spec_of_stack(consumer: Consumer) -> QueueSpec:
    """The queue and mapping of a stack that is deployed for the consumer."""
    return replace(
        consumer.queue,
        fifo=False,
        visibility_timeout_s=AWS.visibility_timeout_s,
        function_timeout_s=AWS.function_timeout_s,
        batching_window_s=1,
        batch_size=10,
    )


def of_stack(consumer: Consumer, tables: Iterable[str]) -> Consumer:
    """The reference handler's consumer as it is deployed: its effects are in these tables, which are there."""
    names = tuple(tables)

    def effects(aws: Aws) -> list[Effect]:
        return [effect for table in names for effect in rows_in_dynamodb(aws, table)]

    # Without a bucket of its own: what is in S3 is another's business.
    claims = frozenset(map(Claim, consumer.claims)) - {Claim.OVERSIZE}
    return replace(consumer, effects=effects, setup=None, claims=claims, environment={})


def aws_jobs(
    consumer: Consumer,
    names: Iterable[str],
    place: AwsPlace,
    *,
    fifo_queue: bool,
    standard_queue: bool,
    unseen: str | None = None,
) -> tuple[Job, ...]:
    """The whole catalogue, or the named scenarios of it, each with the reason if it cannot be asked there.

    ``unseen`` is why invocations are not seen, if so. Raises as :func:`~.verification.jobs_of`.
    """
    return tuple(
        replace(job, scenario=_fitted(job, fifo_queue=fifo_queue, standard_queue=standard_queue, unseen=unseen))
        for job in jobs_of(consumer, names, place=place)
    )


def _fitted(job: Job, *, fifo_queue: bool, standard_queue: bool, unseen: str | None) -> Scenario:
    scenario = job.scenario
    if "[" in job.name:
        return _unfit(scenario, "it is about another configuration than the one that is deployed")
    if scenario.fifo and not fifo_queue:
        return _unfit(scenario, "it is about FIFO queues, and the queue is a standard queue")
    if not scenario.fifo and not standard_queue:
        return _unfit(scenario, "it is about standard queues, and the queue is a FIFO queue")
    return scenario if unseen is None else _half_blind(scenario, unseen)


def _half_blind(scenario: Scenario, unseen: str) -> Scenario:
    """What is left of a scenario where only effects and the ends of messages are seen."""
    left = tuple(name for name in scenario.invariants if name in _WITHOUT_INVOCATIONS)
    if scenario.related is not None or not left:
        return _unfit(scenario, f"it asks for invocations, which are not seen: {unseen}")
    return replace(scenario, invariants=left)


def _unfit(scenario: Scenario, reason: str) -> Scenario:
    return replace(scenario, unfit=lambda _: reason)
