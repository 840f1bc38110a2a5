"""SigV4 by botocore's signer, asked for what changes with the second once a second, and for the rest each time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError

__all__ = ["BatchSigner", "CredentialSource", "Credentials"]

_RENEW_EVERY_S: Final = 1.0


class Credentials(Protocol):
    """As botocore resolves them. Those that expire renew themselves when they are frozen."""

    def get_frozen_credentials(self) -> Any: ...


class CredentialSource:
    """The credentials of botocore's chain, resolved again after the service called them expired.

    `resolve` asks the chain, from the beginning: the file that it finds may have changed meanwhile.
    """

    def __init__(
        self, resolve: Callable[[], Credentials | None], *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._resolve = resolve
        self._now_s = now_s
        self._credentials: Credentials | None = None
        self._resolved_s = float("-inf")

    def frozen(self) -> Any:
        """What to sign with now: access_key, secret_key, token. Raises NoCredentialsError, or what renewing raises."""
        if self._credentials is None:
            self._credentials = self._resolve()
            self._resolved_s = self._now_s()
        if self._credentials is None:
            raise NoCredentialsError
        return self._credentials.get_frozen_credentials()

    def expired(self) -> None:
        """The service does not take them any more. Many requests may learn it at once: the first one counts."""
        if self._now_s() - self._resolved_s >= _RENEW_EVERY_S:
            self._credentials = None


@dataclass(frozen=True, slots=True)
class _Second:
    """What is the same for all requests of a second: `head` ends where the signature follows."""

    second: int
    request: AWSRequest
    canonical: str
    head: str


class BatchSigner(SigV4Auth):
    """Signs POST requests to one URL that differ in their bodies alone.

    Everything but the body's hash in the canonical request is kept for a second, and credentials are asked for at its
    beginning: that is how they are renewed in time without a cost to each request.
    """

    def __init__(
        self,
        source: CredentialSource,
        *,
        url: str,
        region: str,
        headers: Mapping[str, str],
        service: str = "sqs",
        now_s: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(ReadOnlyCredentials("", "", None), service, region)  # until the first request
        self._source = source
        self._url = url
        self._headers = dict(headers)
        self._now_s = now_s
        self._kept: _Second | None = None

    def payload(self, request: AWSRequest) -> str:  # noqa: ARG002 - botocore's signature
        """The hash of a body that is not there yet."""
        return ""

    def head(self, body: bytes) -> bytes:
        """The request's head for this body, with the empty line after it. Raises what getting credentials raises."""
        second = int(self._now_s())
        kept = self._kept
        if kept is None or kept.second != second:
            kept = self._kept = self._begin(second)
        to_sign = self.string_to_sign(kept.request, kept.canonical + sha256(body).hexdigest())
        signature = self.signature(to_sign, kept.request)
        return f"{kept.head}{signature}\r\nContent-Length: {len(body)}\r\n\r\n".encode("ascii")

    def expired(self) -> None:
        """The service does not take these credentials any more: get others for the next request."""
        self._source.expired()
        self._kept = None

    def _begin(self, second: int) -> _Second:
        # Nothing waits after this line, so that no other user's credentials come between.
        self.credentials = self._source.frozen()
        request = AWSRequest(method="POST", url=self._url, headers=self._headers, data=b"")
        self.add_auth(request)
        authorization = request.headers["Authorization"].rpartition("Signature=")
        del request.headers["Authorization"]
        canonical = self.canonical_request(request)
        lines = [f"POST {_target(self._url)} HTTP/1.1", f"Host: {self.headers_to_sign(request)['host']}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        lines.append(f"Authorization: {authorization[0]}{authorization[1]}")
        return _Second(second, request, canonical, "\r\n".join(lines))


def _target(url: str) -> str:
    return "/" + url.split("://", 1)[1].partition("/")[2]
