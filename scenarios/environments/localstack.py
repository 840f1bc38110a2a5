"""The environment ``localstack``: its own SQS, event source mapping and Lambda; the handler is a function of it.

One LocalStack serves all processes of a verification. Each run has an account of its own there, which is a world of its
own: empty at first, and nobody's concern afterwards.
"""

import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from redrive.fixtures.localstack import LocalStackAws
from redrive.fixtures.this_machine import is_on_this_machine
from redrive.infra.localstack.server import LocalStackError, localstack
from redrive.infra.resources import delete_bucket, error_code

from ..consumer import Consumer
from ..errors import EnvironmentFailed, TargetError
from ..handler_runtime import NATIVE, HandlerRuntime
from ..history import History
from ..interruption import deferred, sleep
from ..plan import Plan
from ..real_time import with_short_faults
from ..target import HandlerOf
from .environment import check_consumer, check_queue, endpoint_variables, with_variables
from .live_run import LiveRun
from .localstack_function import NativeFunction, code_of
from .localstack_recorder import NativeDeliverer
from .simulated_queue import mapping_config
from .steadiness import steady

__all__ = ["LocalStackEnvironment", "shared_localstack"]

_QUEUE: Final = "redrive-run"
_BUCKETS_WITHIN_S: Final = 300.0
_ACCOUNTS: Final = range(200_000_000_000, 1_000_000_000_000)
# Not of the seed: two processes never get the same.
_CHANCE: Final = random.SystemRandom()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def shared_localstack(progress: Callable[[str], object] = _say) -> Iterator[str]:
    """A LocalStack with our plugin, the one that is there or a new one; its endpoint. Raises EnvironmentFailed."""
    try:
        with localstack(progress=progress) as server:
            if not server.has_plugin:
                raise EnvironmentFailed(
                    f"LocalStack at {server.endpoint_url} has not redrive's plugin, and cannot be watched: "
                    "unset LOCALSTACK_ENDPOINT and AWS_ENDPOINT_URL, and one that has it is started"
                )
            if not is_on_this_machine(server.endpoint_url):
                raise EnvironmentFailed(
                    f"LocalStack at {server.endpoint_url} is not on this machine, where the handler is"
                )
            yield server.endpoint_url
    except LocalStackError as error:
        raise EnvironmentFailed(str(error)) from error


class LocalStackEnvironment:
    """An :class:`~.environment.Environment`, in the LocalStack at ``endpoint_url`` or in one of its own."""

    def __init__(self, runtime: HandlerRuntime = NATIVE, *, endpoint_url: str | None = None) -> None:
        self._runtime = runtime
        self._given = endpoint_url
        self._endpoint_url: str

    @contextmanager
    def running(self) -> Iterator["LocalStackEnvironment"]:
        """Start one, if none was given."""
        if self._given is not None:
            self._endpoint_url = self._given
            yield self
            return
        with shared_localstack() as self._endpoint_url:
            yield self

    def check(self, consumer: Consumer) -> None:
        """As every environment does; and deploy the function, once, for a clear word if that fails."""
        check_queue(consumer)
        spec = consumer.queue
        with self._account() as aws, with_variables(consumer, self._variables(aws.account)) as variables:
            check_consumer(consumer, aws, self._runtime)
            mapping = mapping_config(spec, fifo=spec.fifo, batch_size=spec.batch_size)
            command = self._runtime.command_for(consumer)
            if shutil.which(command.arguments[0]) is None:
                raise TargetError(f"{command.arguments[0]!r} cannot be started: there is no such program")
            code = code_of(command, given=variables)
            try:
                with NativeFunction(aws, mapping, account=aws.account).deployed(code, variables):
                    pass
            except (BotoCoreError, ClientError) as error:
                raise EnvironmentFailed(f"LocalStack does not take the function: {error}") from error

    def run(self, plan: Plan, consumer: Consumer, handler: HandlerOf, *, seed: int) -> History:
        """One run, in real time, of which the seed decides nothing. Ctrl-C ends it between two steps.

        On a machine that is too busy for it, it is run again (:mod:`.steadiness`).
        """
        del handler, seed
        give_up_s = time.monotonic() + _BUCKETS_WITHIN_S
        with deferred():
            while True:
                try:
                    return steady(lambda: self._run(plan, consumer))
                except ClientError as error:
                    # The names of buckets are everybody's: another run has one of that name, and will be over.
                    if error_code(error) != "BucketAlreadyExists":
                        raise
                    if time.monotonic() > give_up_s:
                        raise EnvironmentFailed(
                            f"another account of the LocalStack at {self._endpoint_url} has kept a bucket of the name "
                            f"that the consumer's setup creates for {_BUCKETS_WITHIN_S:.0f} s: delete it there"
                        ) from error
                sleep(_CHANCE.uniform(0.5, 1.5))

    def _run(self, plan: Plan, consumer: Consumer) -> History:
        with (
            self._account() as aws,
            with_variables(consumer, self._variables(aws.account)) as variables,
        ):
            deliverer = NativeDeliverer(
                code=code_of(self._runtime.command_for(consumer), given=variables),
                variables=variables,
                endpoint_url=self._endpoint_url,
                account=aws.account,
            )
            run = LiveRun(with_short_faults(plan), consumer, deliverer, aws, name=_QUEUE)
            return run.history()

    @contextmanager
    def _account(self) -> Iterator[LocalStackAws]:
        """An account in which there is nothing yet. What is in it goes with it."""
        aws = LocalStackAws(self._endpoint_url, account=str(_CHANCE.choice(_ACCOUNTS)))
        try:
            yield aws
        finally:
            _empty(aws)

    def _variables(self, account: str) -> dict[str, str]:
        """What leads every client of this process to the run's account."""
        return {"AWS_ACCESS_KEY_ID": account, **endpoint_variables(self._endpoint_url)}


def _empty(aws: LocalStackAws) -> None:
    """Delete what takes most room; buckets first, whose names others wait for."""
    for empty in (_empty_s3, _empty_sqs, _empty_dynamodb):
        # A LocalStack that has gone has been told of by now; what one service refuses is no reason to leave the rest.
        with suppress(BotoCoreError, ClientError):
            empty(aws)


def _empty_s3(aws: LocalStackAws) -> None:
    s3: Any = aws.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        delete_bucket(s3, bucket["Name"])


def _empty_sqs(aws: LocalStackAws) -> None:
    sqs: Any = aws.client("sqs")
    for url in sqs.list_queues().get("QueueUrls", ()):
        sqs.delete_queue(QueueUrl=url)


def _empty_dynamodb(aws: LocalStackAws) -> None:
    dynamodb: Any = aws.client("dynamodb")
    for name in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=name)
