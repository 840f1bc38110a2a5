"""A Locust user that sends messages to a queue. Importing this adds its arguments to Locust's."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from random import Random
from typing import Any, Final, cast

import gevent
import locust
from botocore.exceptions import BotoCoreError, ClientError
from locust import User, task
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from locust.user.wait_time import constant_throughput

from .locust_events import REQUEST_NAME, REQUEST_TYPE, listen, run_counts
from .sending.correlation import RUN_OPTION, new_run
from .sending.fast_client import fast_client
from .sending.message_groups import MessageGroups
from .sending.messages import Message, MessageMaker, batches_of
from .sending.sender import Client, Refusal, Sender, Sent
from .sending.sqs_client import Boto3Client, sqs_client
from .settings import PROFILE_OPTION, SendSettings
from .shapes.pacing import pacer

__all__ = ["EntryRefused", "SqsUser"]

# Locust is annotated, but for the hooks of its events.
_events: Final[Any] = locust.events


class EntryRefused(Exception):
    """The queue accepted the batch and refused one of its entries."""


class _Process:
    """What all users of this process share in a run: where they send, and the numbers of their messages."""

    def __init__(self, environment: Environment, run: str) -> None:
        self.settings = SendSettings.from_options(environment.parsed_options)
        self.run = run
        self.client = _client(self.settings)
        self.messages = MessageMaker(self.settings, run=run, sender=_sender(environment))
        self.groups = MessageGroups(self.settings.group_count) if self.settings.fifo else None


_process: _Process | None = None


def _client(settings: SendSettings) -> Client:
    if settings.client == "boto3":
        return Boto3Client(sqs_client(settings), queue_url=settings.queue_url)
    return fast_client(settings)


def _sender(environment: Environment) -> str:
    """This process among those of the run: a worker's index, which its master gives to no other."""
    runner = environment.runner
    return str(runner.worker_index) if isinstance(runner, WorkerRunner) else "0"


def _process_of(environment: Environment) -> _Process:
    """The process's, made anew for each run: numbers begin at 0 once for a sender in a run."""
    global _process
    run = getattr(environment.parsed_options, RUN_OPTION, None) or new_run()
    if _process is None or _process.run != run:
        setattr(environment.parsed_options, RUN_OPTION, run)
        _process = _Process(environment, run)
    return _process


def _on_init(environment: Environment, **_rest: Any) -> None:
    """What cannot run ends here, on one line, before anything is started."""
    if isinstance(environment.runner, WorkerRunner):
        return  # its options come from the master
    try:
        settings = SendSettings.from_options(environment.parsed_options)
        if not isinstance(environment.runner, MasterRunner):
            # A master sends nothing: it needs neither credentials nor the file of bodies.
            _client(settings)
            MessageMaker(settings, run="", sender="")
            # Timers count from when the event loop last looked at the clock: that took a moment.
            gevent.get_hub().loop.update_now()
    except (ValueError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"redrive.load: {' '.join(str(error).split())}\n")
        sys.exit(2)


def _on_test_start(environment: Environment, **_rest: Any) -> None:
    options: Any = environment.parsed_options
    if not isinstance(environment.runner, WorkerRunner):
        # Among the options, and so told to the workers with the test.
        setattr(options, RUN_OPTION, new_run())
        setattr(options, PROFILE_OPTION, options.profile)
    if isinstance(environment.runner, MasterRunner):
        return
    try:
        _process_of(environment)
    except (ValueError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"redrive.load: {' '.join(str(error).split())}\n")
        environment.process_exit_code = 2
        assert environment.runner is not None
        environment.runner.quit()


_events.init.add_listener(_on_init)
_events.test_start.add_listener(_on_test_start)
listen()


class SqsUser(User):
    """Sends batches with `SendMessageBatch`, at the rate that the settings or the run's shape give it.

    In Locust's statistics a batch is a request `SQS send_batch`, timed from its first sending to its last answer; an
    entry that stays in `Failed` is a failure of `SQS send_batch entry`, and an attempt after which messages are sent
    again a request of `SQS send_batch again`; both without a time. A message is sent again only if the queue surely
    does not have it (see `sending`).

    A locustfile may import it as it is, or have a class of its own from it; then Locust runs that one alone.
    """

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        # Locust runs every user class that it finds in a locustfile, with those that were imported.
        SqsUser.abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._process = _process_of(environment)
        self.settings = self._process.settings
        random = Random(f"{self.settings.seed}-{id(self)}")
        self._sender = Sender(
            self._process.client,
            counts=lambda: run_counts.own,
            accepted=self._process.messages.accepted,
            again=self._fire_again,
            pause=gevent.sleep,
            random=random.random,
        )
        rate = self.settings.batches_per_second
        self._wait_s = constant_throughput(rate) if rate else (lambda _user: 0.0)
        self._due_s: float | None = None

    def on_start(self) -> None:
        """Wait for the first batch to be due, where the run's shape says when."""
        self._due_s = pacer.take()
        if self._due_s is not None:
            cast("Any", self).wait()

    def wait_time(self) -> float:
        """Seconds until the next batch is due. Locust may stop a user while it waits."""
        if self._due_s is None:
            self._due_s = pacer.take()
        if self._due_s is None:
            return self._wait_s(self)
        return max(0.0, self._due_s - time.perf_counter())

    @task
    def send_batch(self) -> None:
        """Send the messages of one batch and count what becomes of them."""
        sending = gevent.spawn(self._send_due)
        try:
            sending.get()
        except gevent.GreenletExit:
            # Locust kills users that wait for their next batch, and may hit one that has just begun to send it.
            sending.join(self.environment.stop_timeout)
            sending.kill()
            raise

    def _send_due(self) -> None:
        due_s, self._due_s = self._due_s, None
        due_at_ms = None
        if due_s is not None:
            due_at_ms = int((time.time() - time.perf_counter() + due_s) * 1000)
        size, groups = self.settings.batch_size, self._process.groups
        with nullcontext(()) if groups is None else groups.taken(self._share_of_groups()) as taken:
            self._send_all(batches_of(self._process.messages.batch(size, due_at_ms=due_at_ms, groups=taken)))

    def _send_all(self, batches: list[Sequence[Message]]) -> None:
        left = iter(batches)
        try:
            for messages in left:
                self._send(messages)
        finally:
            # There are some only if the user was stopped before their turn.
            for messages in left:
                run_counts.own.add_unsent(messages)

    def _share_of_groups(self) -> int:
        """How many message groups a batch may have, so that other users find some too."""
        runner = self.environment.runner
        users = runner.user_count if runner is not None else 1
        return max(1, min(self.settings.batch_size, self.settings.group_count // max(1, users)))

    def _send(self, messages: Sequence[Message]) -> None:
        began_at_s, began_s = time.time(), time.perf_counter()
        sent = self._sender.send(messages)
        self._fire(began_at_s, began_s, sent)
        for refusal in sent.refusals or ():
            self._fire_refusal(refusal)

    def _fire(self, began_at_s: float, began_s: float, sent: Sent) -> None:
        self.environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=REQUEST_NAME,
            response_time=(time.perf_counter() - began_s) * 1000,
            response_length=sent.length_bytes,
            exception=sent.error,
            context=self.context(),
            start_time=began_at_s,
            sent=sent,
        )

    def _fire_again(self) -> None:
        self.environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=f"{REQUEST_NAME} again",
            response_time=None,
            response_length=0,
            exception=None,
            context=self.context(),
        )

    def _fire_refusal(self, refusal: Refusal) -> None:
        self.environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=f"{REQUEST_NAME} entry",
            response_time=None,
            response_length=0,
            exception=EntryRefused(str(refusal)),
            context=self.context(),
        )
