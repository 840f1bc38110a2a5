"""The AWS that in-process handlers call: moto in this process, emptied between runs."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from moto import mock_aws

from . import aws_calls

__all__ = ["REGION", "MotoWorld"]

REGION = "us-east-1"

# The stubs know one overload for each service by name, and here the name is the consumer's.
_boto3: Any = boto3

_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    # The user's own files may name another endpoint too, and other numbers of retries.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

# What would send calls elsewhere than to moto, or look for a profile in files that are not read.
_ELSEWHERE = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL")


class MotoWorld:
    """Services on moto, in this process. Starting it takes long, emptying it does not; so it is kept."""

    def __init__(self) -> None:
        aws_calls.install()
        self._mock = mock_aws()
        self._clients: dict[str, Any] = {}
        self._resources: dict[str, Any] = {}

    @contextmanager
    def running(self) -> Iterator["MotoWorld"]:
        """Answer all AWS calls of this process from moto."""
        self._mock.start(reset=True)
        try:
            yield self
        finally:
            self._mock.stop()

    def empty(self) -> None:
        """Forget all resources, of whatever service."""
        self._mock.reset()

    def client(self, service: str) -> Any:
        """A boto3 client, as consumers get it in ``setup`` and ``effects``."""
        if service not in self._clients:
            self._clients[service] = _boto3.client(service, region_name=REGION)
        return self._clients[service]

    def resource(self, service: str) -> Any:
        """A boto3 resource."""
        if service not in self._resources:
            self._resources[service] = _boto3.resource(service, region_name=REGION)
        return self._resources[service]


@contextmanager
def environment_variables(extra: Mapping[str, str]) -> Iterator[None]:
    """Credentials that are good for nothing, a region, and ``extra``; what was there before comes back."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name in _ELSEWHERE or name.startswith("AWS_ENDPOINT_URL_")]:
        del os.environ[name]
    os.environ.update({**_CREDENTIALS, **extra})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
