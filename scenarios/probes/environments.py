"""The endpoints that are measured, by name or URL, each for as long as it is needed."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from redrive.fixtures.event_builder import REGION, SENT_AT_MS
from redrive.fixtures.moto_server import MotoServerError, moto_server
from redrive.fixtures.this_machine import is_on_this_machine

from ..errors import EnvironmentFailed, InputError, UnknownName, one_line
from .endpoint import Endpoint
from .native_mapping import NativeMapping
from .poller_mapping import PollerMapping
from .script_server import ScriptServer
from .simulated_mapping import SimulatedMapping
from .simulated_sqs import SimulatedSqs

__all__ = ["NAMES", "Stopped", "check_names", "opened", "simulated"]

NAMES: Final = ("simulated", "moto", "localstack")

_CONFIG: Final = Config(
    connect_timeout=3,
    read_timeout=30,
    retries={"total_max_attempts": 1},
    # As many as there are probes at once, each with a poller of five threads.
    max_pool_connections=64,
)
_ANY_KEY: Final = "testing"


class Stopped(Exception):
    """Nobody wants the answer any more."""


def check_names(names: tuple[str, ...]) -> None:
    """Say what is no environment and no URL. Raises :class:`UnknownName`, :class:`InputError`."""
    for name in names:
        if "://" not in name:
            if name not in NAMES:
                raise UnknownName("environment", name, (*NAMES, "a URL"))
            continue
        url = urlsplit(name)
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise InputError(f"{name!r} is no endpoint: http://127.0.0.1:9324 is one")
    if len(set(names)) < len(names):
        raise InputError("each environment is measured once: name it once")


@contextmanager
def opened(name: str, *, stop: threading.Event, progress: Callable[[str], object]) -> Iterator[Endpoint]:
    """The endpoint of this name, or at this URL. Waiting there ends with :class:`Stopped` once ``stop`` is set.

    Raises :class:`EnvironmentFailed` for one that does not answer.
    """
    match name:
        case "simulated":
            yield simulated()
        case "moto":
            with _moto(_real_wait(stop)) as endpoint:
                yield endpoint
        case "localstack":
            with _localstack(_real_wait(stop), progress) as endpoint:
                yield endpoint
        case url:
            yield _elsewhere(url, _real_wait(stop))


def simulated() -> Endpoint:
    """The simulator, in virtual time."""
    clock_ms = SENT_AT_MS

    def wait(seconds: float) -> None:
        nonlocal clock_ms
        clock_ms += int(seconds * 1000)

    return Endpoint(
        name="simulated",
        version=version("redrive"),
        sqs=SimulatedSqs(lambda: clock_ms),
        wait=wait,
        virtual=True,
        mapping=SimulatedMapping(),
    )


def _real_wait(stop: threading.Event) -> Callable[[float], None]:
    def wait(seconds: float) -> None:
        if stop.wait(seconds):
            raise Stopped

    return wait


@contextmanager
def _moto(wait: Callable[[float], None]) -> Iterator[Endpoint]:
    with ExitStack() as stack:
        try:
            url = stack.enter_context(moto_server())
        except MotoServerError as error:
            raise EnvironmentFailed(str(error)) from error
        endpoint = Endpoint(
            name="moto",
            version=version("moto"),
            sqs=_client(url, key=_ANY_KEY),
            wait=wait,
            virtual=False,
            mapping="moto's own mapping is not asked",
        )
        yield replace(endpoint, mapping=PollerMapping(endpoint))


@contextmanager
def _localstack(wait: Callable[[float], None], progress: Callable[[str], object]) -> Iterator[Endpoint]:
    try:
        from redrive.fixtures.localstack import LocalStackAws
    except ImportError as error:
        raise EnvironmentFailed("localstack needs localstack-client: pip install 'redrive[localstack]'") from error
    from redrive.infra.localstack.server import LocalStackError, localstack

    with ExitStack() as stack:
        try:
            server = stack.enter_context(localstack(progress=progress))
        except LocalStackError as error:
            raise EnvironmentFailed(str(error)) from error
        aws = LocalStackAws(server.endpoint_url)
        endpoint = Endpoint(
            name="localstack",
            version=f"{server.version}{' with our plugin' if server.has_plugin else ''}",
            sqs=aws.client("sqs"),
            wait=wait,
            virtual=False,
            mapping="",
        )
        scripts = ScriptServer()
        stack.callback(scripts.close)
        yield replace(endpoint, mapping=NativeMapping(endpoint, aws.client("lambda"), scripts))


def _elsewhere(url: str, wait: Callable[[float], None]) -> Endpoint:
    endpoint = Endpoint(
        name=url,
        version="",
        sqs=_client(url, key=_ANY_KEY if is_on_this_machine(url) else None),
        wait=wait,
        virtual=False,
        mapping="there is no mapping behind a URL of queues",
    )
    _check(endpoint)
    return endpoint


def _check(endpoint: Endpoint) -> None:
    """That there is something that makes queues. Raises :class:`EnvironmentFailed`."""
    try:
        made = endpoint.sqs.create_queue(QueueName=endpoint.unique("first"))
        endpoint.sqs.delete_queue(QueueUrl=made["QueueUrl"])
    except (BotoCoreError, ClientError) as error:
        raise EnvironmentFailed(f"{endpoint.name} does not make queues: {one_line(error)}") from error
    except (ResponseParserError, ValueError, KeyError) as error:
        raise EnvironmentFailed(f"{endpoint.name} is no SQS endpoint: {one_line(error)}") from error


def _client(url: str, *, key: str | None) -> Any:
    """A client for this endpoint alone. Without a key boto3 looks for credentials as it always does."""
    session = boto3.session.Session(aws_access_key_id=key, aws_secret_access_key=key, region_name=_region())
    # Not by way of a proxy on this machine.
    config = _CONFIG if key is None else _CONFIG.merge(Config(proxies={}))
    return session.client("sqs", endpoint_url=url, config=config)


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or REGION
