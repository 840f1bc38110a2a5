"""The account that a verification on AWS uses: whose it is, and clients for it, by the ordinary credential chain."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..errors import EnvironmentFailed, one_line

__all__ = ["Account", "SessionAws", "open_account"]

# Throttling is no finding, and CloudWatch Logs throttles soon.
_CONFIG: Final = Config(retries={"mode": "standard", "max_attempts": 10}, connect_timeout=10, read_timeout=30)
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL")


class SessionAws:
    """boto3's ``client()`` and ``resource()`` of one session; each is made once."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._made: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()  # a session makes clients for one thread at a time

    def client(self, service: str, /) -> Any:
        """A boto3 client."""
        return self._once("client", service, self._session.client)

    def resource(self, service: str, /) -> Any:
        """A boto3 resource."""
        return self._once("resource", service, self._session.resource)

    def _once(self, sort: str, service: str, make: Callable[..., Any]) -> Any:
        with self._lock:
            if (sort, service) not in self._made:
                self._made[sort, service] = make(service, config=_CONFIG)
            return self._made[sort, service]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where everything is done: the account's number, by whom, and in which region.

    ``endpoint_url`` is set where the environment leads elsewhere than to AWS.
    """

    account: str
    arn: str
    region: str
    aws: SessionAws = field(repr=False)
    endpoint_url: str | None = None

    def __str__(self) -> str:
        elsewhere = "" if self.endpoint_url is None else f", at {self.endpoint_url}"
        return f"account {self.account}, region {self.region}, as {self.arn}{elsewhere}"


def open_account(*, profile: str | None = None, region: str | None = None) -> Account:
    """Find credentials and region as boto3 does, and ask whose they are.

    Raises :class:`EnvironmentFailed` where there are none, or AWS does not take them.
    """
    try:
        session = boto3.session.Session(profile_name=profile, region_name=region)
        if session.region_name is None:
            raise EnvironmentFailed("no region is configured: give --region, or set AWS_REGION")
        aws = SessionAws(session)
        identity = aws.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise EnvironmentFailed(f"AWS cannot be used: {one_line(error)}") from error
    return Account(
        account=identity["Account"],
        arn=identity["Arn"],
        region=session.region_name,
        aws=aws,
        endpoint_url=next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None),
    )
