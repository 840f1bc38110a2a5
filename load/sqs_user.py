"""A Locust user that sends messages to a queue. Importing this adds its arguments to Locust's."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any, Final

import gevent
from botocore.exceptions import BotoCoreError, ClientError
from locust import User, task
from locust.env import Environment
from locust.user.wait_time import constant_throughput

from .counts import Refusal, add_answer, add_error, add_unanswered
from .locust_events import REQUEST_NAME, REQUEST_TYPE, run_counts
from .messages import MessageMaker
from .settings import SendSettings
from .sqs_client import sqs_client

__all__ = ["EntryRefused", "SqsUser"]

_numbers: Final = itertools.count(1)


class EntryRefused(Exception):
    """The queue accepted the batch and refused one of its entries."""


class SqsUser(User):
    """Sends batches with `SendMessageBatch`, at the rate that the settings give it.

    In Locust's statistics a batch is a request `SQS send_batch` with its latency, and an entry that the answer lists
    in `Failed` a failure of `SQS send_batch entry` without one. Nothing is sent again.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.settings = SendSettings.from_options(environment.parsed_options)
        self._sqs = sqs_client(self.settings)
        self._messages = MessageMaker(self.settings, group=f"user-{next(_numbers)}")
        rate = self.settings.batches_per_second
        self._wait_s = constant_throughput(rate) if rate else (lambda _user: 0.0)

    def wait_time(self) -> float:
        """Seconds until the next batch is due."""
        return self._wait_s(self)

    @task
    def send_batch(self) -> None:
        """Send one batch and count what becomes of it."""
        sending = gevent.spawn(self._send, self._messages.batch())
        try:
            sending.get()
        except gevent.GreenletExit:
            # Locust kills users that wait for their next batch, and may hit one that has just begun to send it.
            sending.join(self.environment.stop_timeout)
            sending.kill()
            raise

    def _send(self, entries: list[dict[str, Any]]) -> None:
        began_s = time.perf_counter()
        try:
            answer = self._sqs.send_message_batch(QueueUrl=self.settings.queue_url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            add_error(run_counts.own, entries, error)
            self._fire(began_s, error=error)
        except BaseException:  # there is no more time
            add_unanswered(run_counts.own, entries)
            raise
        else:
            refusals = add_answer(run_counts.own, entries, answer)
            self._fire(began_s, length_bytes=_length_bytes(answer))
            for refusal in refusals:
                self._fire_refusal(refusal)

    def _fire(self, began_s: float, *, length_bytes: int = 0, error: Exception | None = None) -> None:
        self.environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=REQUEST_NAME,
            response_time=(time.perf_counter() - began_s) * 1000,
            response_length=length_bytes,
            exception=error,
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


def _length_bytes(answer: Mapping[str, Any]) -> int:
    return int(answer["ResponseMetadata"]["HTTPHeaders"].get("content-length", 0))
