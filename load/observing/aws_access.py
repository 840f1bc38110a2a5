"""Clients for whoever looks at a run: as the user is that sends, and with time to try again."""

from __future__ import annotations

import http.client
import json
import os
import threading
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3
from botocore.config import Config

from ..sending.sqs_client import endpoint_of, is_at_aws, region_of
from ..settings import SendSettings

__all__ = ["AwsAccess", "environment_of"]

_CONFIG: Final = Config(
    connect_timeout=5,
    read_timeout=25,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=20,
    user_agent_extra="redrive-load",
)
_ASK_WITHIN_S: Final = 3.0


class AwsAccess:
    """boto3's `client()` and `resource()`, as whoever sends; each is made once."""

    def __init__(self, settings: SendSettings) -> None:
        self._settings = settings
        self._session: Any = boto3.Session(profile_name=settings.profile)
        self._made: dict[tuple[str, str], Any] = {}
        self._making = threading.Lock()

    def client(self, service: str, /) -> Any:
        """The client of a service, at the endpoint and in the region where the queue is. Raises BotoCoreError."""
        return self._made_once("client", service)

    def resource(self, service: str, /) -> Any:
        """As `client`."""
        return self._made_once("resource", service)

    def _made_once(self, kind: str, service: str) -> Any:
        with self._making:  # a session makes clients for one thread at a time
            if (kind, service) not in self._made:
                self._made[kind, service] = getattr(self._session, kind)(
                    service,
                    endpoint_url=self._endpoint_of(service),
                    region_name=region_of(self._settings),
                    config=_CONFIG,
                )
            return self._made[kind, service]

    def _endpoint_of(self, service: str) -> str | None:
        """An emulator has all services at one endpoint. One of AWS's has SQS alone."""
        endpoint_url = endpoint_of(self._settings)
        return None if service != "sqs" and endpoint_url is not None and is_at_aws(endpoint_url) else endpoint_url

    @property
    def region(self) -> str | None:
        """The region that is asked."""
        region: str | None = region_of(self._settings) or self._session.region_name
        return region


def environment_of(
    settings: SendSettings,
    environment: Mapping[str, str] = os.environ,
    ask: Callable[[str], Any] | None = None,
) -> str:
    """Where the queue is: `aws`, `localstack`, `moto`, or `other` for what says nothing of itself."""
    endpoint_url = (
        endpoint_of(settings, environment)
        or environment.get("AWS_ENDPOINT_URL_SQS")
        or environment.get("AWS_ENDPOINT_URL")
    )
    if endpoint_url is None or is_at_aws(endpoint_url):
        return "aws"
    ask = ask or _json_of
    base = endpoint_url.rstrip("/")
    if "services" in ask(f"{base}/_localstack/health"):
        return "localstack"
    return "moto" if ask(f"{base}/moto-api/config") else "other"


def _json_of(url: str) -> Any:
    """The JSON object there; an empty one for anything else."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_ASK_WITHIN_S) as answer:
            value = json.load(answer)
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    return value if isinstance(value, dict) else {}
