"""Calls to a queue over the network, made again with growing pauses while the queue cannot be reached or throttles."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from .errors import EnvironmentFailed, one_line

__all__ = ["PAUSES_S", "QueueCalls"]

PAUSES_S: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0)
"""How long to pause after each failure in a row. After one more the endpoint counts as gone for good."""

_THROTTLED: Final = frozenset(
    {"RequestThrottled", "Throttling", "ThrottlingException", "TooManyRequestsException", "OverLimit", "SlowDown"}
)

_log = logging.getLogger(__name__)


class QueueCalls:
    """The two calls that a poller makes, for the queue at ``queue_url``.

    ``client`` is a boto3 SQS client. Both calls raise :class:`EnvironmentFailed` once the queue has not answered
    through all of ``pauses_s``. When ``stop`` is set meanwhile they give up at once: what was asked for is not needed.
    """

    def __init__(
        self, client: Any, *, queue_url: str, stop: threading.Event, pauses_s: Sequence[float] = PAUSES_S
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._stop = stop
        self._pauses_s = tuple(pauses_s)

    def receive(self, most: int, *, wait_s: int) -> list[dict[str, Any]]:
        """Receive 1 to 10 messages, waiting up to ``wait_s`` (0 to 20) for the first; none is normal (S16).

        Raises :class:`EnvironmentFailed` also for a refusal that no further call would change.
        """
        try:
            answer = self._patiently(
                self._client.receive_message,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=wait_s,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
        except (ClientError, BotoCoreError) as error:
            raise EnvironmentFailed(f"cannot receive from {self._queue_url}: {one_line(error)}") from error
        return [] if answer is None else list(answer.get("Messages", ()))

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, str]:
        """Delete up to 10 deliveries. Returns the error code by position, for those that the queue did not delete."""
        entries = [{"Id": str(position), "ReceiptHandle": handle} for position, handle in enumerate(receipt_handles)]
        try:
            answer = self._patiently(self._client.delete_message_batch, Entries=entries)
        except ClientError as error:
            return dict.fromkeys(range(len(entries)), _code(error))
        if answer is None:
            return dict.fromkeys(range(len(entries)), "NotSent")
        return {int(entry["Id"]): str(entry["Code"]) for entry in answer.get("Failed", ())}

    def _patiently(self, call: Callable[..., Mapping[str, Any]], **arguments: Any) -> Mapping[str, Any] | None:
        """The answer; None when stopped before there was one."""
        problem = ""
        for pause_s in (*self._pauses_s, None):
            try:
                return call(QueueUrl=self._queue_url, **arguments)
            except ClientError as error:
                if not _passes(error):
                    raise
                problem = one_line(error)
            except (HTTPClientError, NotConnected) as error:
                problem = one_line(error)
            if self._stop.is_set():
                return None
            if pause_s is not None:
                _log.warning("%s; trying again in %.1f s", problem, pause_s)
                if self._stop.wait(pause_s):
                    return None
        tries = len(self._pauses_s) + 1
        raise EnvironmentFailed(f"{self._queue_url} did not answer {tries} times in a row; the last time: {problem}")


def _passes(error: ClientError) -> bool:
    """Whether it may be better later: throttling, or a fault of the service's own."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return _code(error) in _THROTTLED or status == 429 or status >= 500


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
