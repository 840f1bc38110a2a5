"""`SendMessageBatch` over Locust's fast HTTP client (geventhttpclient). Importing this imports gevent.

The request is AWS's JSON protocol, signed by botocore, built as text: validating and serializing one by one what this
package has made itself is most of what boto3 spends. Connections are kept and TLS is verified.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import get_environ_proxies
from gevent.monkey import get_original
from geventhttpclient.connectionpool import ConnectionPool, SSLConnectionPool
from geventhttpclient.response import HTTPParseError, HTTPSocketPoolResponse

from ..settings import SendSettings
from .correlation import ATTRIBUTE_NAME
from .messages import Message
from .sender import Answer, NoAnswer, NotSent, Refused, answer_of, raise_refusal
from .signing import BatchSigner, CredentialSource
from .sqs_client import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, botocore_session, sqs_client

__all__ = ["FastClient", "fast_client"]

# More than users of one process: who waits for a connection would not be late by the queue's doing.
_CONNECTIONS_MAX: Final = 100_000
_BLOCK_BYTES: Final = 65_536
_HEADERS: Final = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "AmazonSQS.SendMessageBatch",
    "User-Agent": "redrive-load",
}

# gevent's own would go round its loop for every look; and select's knows no descriptor above 1023.
_poll: Final[Any] = get_original("select", "poll")
_READABLE: Final = 1  # POLLIN


class _Alive:
    """How a pool sees that a connection was closed while it was idle."""

    def _is_socket_alive(self, sock: Any) -> bool:
        poll = _poll()
        try:
            poll.register(sock.fileno(), _READABLE)
        except (OSError, ValueError):
            return False
        return not poll.poll(0)


class _Pool(_Alive, ConnectionPool):
    pass


class _TlsPool(_Alive, SSLConnectionPool):
    pass


class FastClient:
    """Sends batches to one queue. `ca_bundle` is a file of certificates to trust instead of the system's."""

    def __init__(
        self, source: CredentialSource, *, endpoint_url: str, region: str, queue_url: str, ca_bundle: str | None = None
    ) -> None:
        parts = urlsplit(endpoint_url)
        url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"
        self._signer = BatchSigner(source, url=url, region=region, headers=_HEADERS)
        self._begin = f'{{"QueueUrl":{json.dumps(queue_url)},"Entries":['
        host = parts.hostname or ""
        tls = parts.scheme == "https"
        port = parts.port or (443 if tls else 80)
        options: dict[str, Any] = {
            "size": _CONNECTIONS_MAX,
            "connection_timeout": CONNECT_TIMEOUT_S,
            "network_timeout": READ_TIMEOUT_S,
        }
        if tls:
            options["ssl_options"] = {"ca_certs": ca_bundle} if ca_bundle else {}
            self._pool: ConnectionPool = _TlsPool(host, port, host, port, **options)
        else:
            self._pool = _Pool(host, port, host, port, **options)

    def send(self, messages: Sequence[Message]) -> Answer:
        """Send it once. Raises SendError."""
        body = self._body(messages)
        try:
            head = self._signer.head(body)
        except (BotoCoreError, ClientError, OSError, RuntimeError) as error:
            raise NotSent(f"no credentials: {error}") from error
        status, said, text = self._exchange(head + body)
        if status == 200:
            try:
                value = json.loads(text)
            except ValueError as error:
                raise NoAnswer(f"what was answered is no JSON: {text[:200]!r}") from error
            return answer_of(value, length_bytes=len(text))
        try:
            raise_refusal(status, *_error_of(status, said, text))
        except Refused as error:
            if error.expired:
                self._signer.expired()
            raise

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.close()

    def _exchange(self, request: bytes) -> tuple[int, str, bytes]:
        """The answer's status, the kind of error that its head says, and its body."""
        try:
            sock = self._pool.get_socket()
        except Exception as error:  # whatever it is, TLS and names included, nothing was sent
            raise NotSent(f"no connection: {error}") from error
        try:
            sock.sendall(request)
        except OSError as error:
            self._pool.release_socket(sock)
            raise NoAnswer(f"it was not sent to its end: {error}") from error
        except BaseException:
            self._pool.release_socket(sock)
            raise
        try:
            # From here on the response gives the connection back, or closes it.
            response = HTTPSocketPoolResponse(sock, self._pool, method="POST", block_size=_BLOCK_BYTES)
            text = response.read()
        except (OSError, HTTPParseError) as error:
            raise NoAnswer(f"no answer: {str(error) or type(error).__name__}") from error
        return response.get_code(), str(response.get("x-amzn-errortype") or ""), text

    def _body(self, messages: Sequence[Message]) -> bytes:
        entries = []
        for place, message in enumerate(messages):
            group = message.group
            fifo = (
                ""
                if group is None
                else f'"MessageGroupId":"{group}","MessageDeduplicationId":"{message.deduplication_id}",'
            )
            entries.append(
                f'{{"Id":"{place}","MessageBody":{json.dumps(message.body)},{fifo}"MessageAttributes":'
                f'{{"{ATTRIBUTE_NAME}":{{"DataType":"String","StringValue":"{message.mark}"}}}}}}'
            )
        return f"{self._begin}{','.join(entries)}]}}".encode("ascii")


def _error_of(status: int, said: str, text: bytes) -> tuple[str, str]:
    """Code and message of an error, in AWS's JSON protocol; of one by something in between, its status."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        value = {}
    code = str(value.get("__type") or said.partition(":")[0] or f"HTTP {status}").rpartition("#")[2]
    return code, str(value.get("message") or value.get("Message") or "")


def fast_client(settings: SendSettings) -> FastClient:
    """The client for these settings; endpoint, region and credentials are what boto3 would take.

    Raises ValueError or botocore's errors, if it cannot be made.
    """
    meta = sqs_client(settings).meta
    if get_environ_proxies(meta.endpoint_url):
        raise ValueError(f"a proxy is configured for {meta.endpoint_url}: use --client boto3, or NO_PROXY")
    session = botocore_session(settings)
    source = CredentialSource(lambda: botocore_session(settings).get_credentials())
    source.frozen()
    try:
        return FastClient(
            source,
            endpoint_url=meta.endpoint_url,
            region=meta.region_name,
            queue_url=settings.queue_url,
            ca_bundle=session.get_config_variable("ca_bundle"),
        )
    except OSError as error:
        raise ValueError(f"the certificates to trust cannot be read: {error}") from error
