"""The environment ``aws``: a real account, where a stack is deployed for the runs, or is there already.

Untried on AWS. Nothing but public calls of AWS is used; the function's log says what it was invoked with, if the
function keeps a journal (:mod:`redrive.infra.journal_handler`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import ClientError

from ..consumer import Aws, Consumer
from ..errors import EnvironmentFailed, TargetError
from ..history import History
from ..interruption import deferred
from ..plan import Plan
from ..target import HandlerOf
from .aws_run import AwsRun, Clock
from .aws_site import Site

__all__ = ["AwsEnvironment"]

_EMPTY_WITHIN_S: Final = 180.0
_LOOK_S: Final = 5.0


class AwsEnvironment:
    """An :class:`~.environment.Environment` for one consumer, whose ``sites`` are deployed already: one for each type
    of queue, at most. It creates and removes nothing but messages.
    """

    def __init__(self, aws: Aws, sites: tuple[Site, ...], *, clock: Clock | None = None) -> None:
        self._aws = aws
        self._sites = {site.queue.fifo: site for site in sites}
        self._clock = clock or Clock()
        self._in_doubt = dict.fromkeys(self._sites, False)

    @contextmanager
    def running(self) -> Iterator["AwsEnvironment"]:
        """It runs as long as its account does."""
        yield self

    def check(self, consumer: Consumer) -> None:
        """Look at the effects once, for a clear word if that fails. Nothing is set up: it is deployed.

        Raises :class:`TargetError`.
        """
        if consumer.effects is None:
            return
        with _variables(consumer):
            try:
                list(consumer.effects(self._aws))
            except Exception as error:
                raise TargetError(f"the consumer's effects cannot be looked at: {error}") from error

    def run(self, plan: Plan, consumer: Consumer, handler: HandlerOf, *, seed: int) -> History:
        """One run, in real time, of which the seed decides nothing. Ctrl-C ends it between two looks."""
        del handler, seed
        site = self._sites[plan.fifo]
        with deferred(), _variables(consumer):
            if self._in_doubt[plan.fifo]:
                self._empty(site)
            self._in_doubt[plan.fifo] = True
            history = AwsRun(plan, consumer, site, self._aws, clock=self._clock).history()
            self._in_doubt[plan.fifo] = not history.finished
            return history

    def _empty(self, site: Site) -> None:
        """After a run that did not come to its end, wait until nothing of it is left; an own queue is purged.

        Raises :class:`EnvironmentFailed` if that takes too long.
        """
        if site.is_own:
            try:
                site.queue.client.purge_queue(QueueUrl=site.queue.url)
            except ClientError as error:
                # Once a minute is as often as AWS does it.
                if "PurgeQueueInProgress" not in error.response["Error"]["Code"]:
                    raise
        until_s = self._clock.monotonic_s() + _EMPTY_WITHIN_S + site.spec.visibility_timeout_s
        while site.waiting():
            if self._clock.monotonic_s() >= until_s:
                raise EnvironmentFailed(f"{site.queue.url} does not get empty after a run that did not come to its end")
            self._clock.sleep(_LOOK_S)


@contextmanager
def _variables(consumer: Consumer) -> Iterator[None]:
    """Have the consumer's environment variables set for its ``effects``; credentials stay as they are."""
    before = dict(os.environ)
    os.environ.update({name: value for name, value in consumer.environment.items() if not name.startswith("AWS_")})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
