"""Where requests go, who signs them, and boto3's client: what the fast client is measured against."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, SSLError
from botocore.exceptions import ConnectionError as NotConnected

from ..settings import SendSettings
from .messages import Message
from .sender import Answer, NoAnswer, NotSent, answer_of, raise_refusal

__all__ = [
    "CONNECTIONS_MAX",
    "CONNECT_TIMEOUT_S",
    "READ_TIMEOUT_S",
    "Boto3Client",
    "botocore_session",
    "endpoint_of",
    "is_at_aws",
    "region_of",
    "sqs_client",
]

CONNECTIONS_MAX: Final = 200
CONNECT_TIMEOUT_S: Final = 5
READ_TIMEOUT_S: Final = 30

_AWS_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_REGION: Final = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d")
_making: Final = threading.Lock()


def endpoint_of(settings: SendSettings, environment: Mapping[str, str] = os.environ) -> str | None:
    """The endpoint to send to; None where boto3 is to find it.

    boto3 sends to the region's own endpoint whatever host the queue's URL names. A queue that is not at AWS must not
    have its messages sent to AWS, so its own host is the endpoint unless another one is configured.
    """
    if settings.endpoint_url is not None:
        return settings.endpoint_url
    if environment.get("AWS_ENDPOINT_URL_SQS") or environment.get("AWS_ENDPOINT_URL"):
        return None
    url = urlsplit(settings.queue_url)
    return None if is_at_aws(settings.queue_url) else f"{url.scheme}://{url.netloc}"


def is_at_aws(url: str) -> bool:
    """Whether AWS itself answers there, be it at a VPC endpoint."""
    return (urlsplit(url).hostname or "").endswith(_AWS_HOSTS)


def region_of(settings: SendSettings) -> str | None:
    """The region to sign for; None where boto3 is to find it. A queue is only to be had in its own region."""
    if settings.region is not None:
        return settings.region
    labels = (urlsplit(settings.queue_url).hostname or "").split(".")
    return next((label for label in labels if _REGION.fullmatch(label)), None)


def botocore_session(settings: SendSettings) -> botocore.session.Session:
    """A session of the profile that was given, or of what the environment says. It reads its files anew."""
    return botocore.session.Session(profile=settings.profile)


def sqs_client(settings: SendSettings) -> Any:
    """The process's client for these settings, made once and shared by all its users.

    It never sends anything a second time by itself: a message sent twice would be a message counted once.
    """
    with _making:
        return _client(endpoint_of(settings), region_of(settings), settings.profile)


@cache
def _client(endpoint_url: str | None, region: str | None, profile: str | None) -> Any:
    session = boto3.Session(profile_name=profile)
    if region is None and session.region_name is None:
        raise ValueError("no region is configured: say --region, or set AWS_DEFAULT_REGION")
    return session.client(
        "sqs",
        endpoint_url=endpoint_url,
        region_name=region,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"total_max_attempts": 1},
            max_pool_connections=CONNECTIONS_MAX,
        ),
    )


class Boto3Client:
    """Sends a batch once with boto3."""

    def __init__(self, client: Any, *, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, messages: Sequence[Message]) -> Answer:
        """Send it. Raises SendError."""
        entries = [message.entry(str(place)) for place, message in enumerate(messages)]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except ClientError as error:
            said = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise_refusal(status, str(said.get("Code", "unknown")), str(said.get("Message", "")))
        except SSLError as error:  # one of the next, which may come when all has been sent
            raise NoAnswer(str(error)) from error
        except NotConnected as error:
            raise NotSent(str(error)) from error
        except HTTPClientError as error:
            raise NoAnswer(str(error)) from error
        except BotoCoreError as error:
            raise NotSent(str(error), again=False) from error
        length = answer["ResponseMetadata"]["HTTPHeaders"].get("content-length", 0)
        return answer_of(answer, length_bytes=int(length))
