"""Signatures are botocore's, and credentials are renewed without asking for them each time."""

import pytest
import time_machine
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError

from redrive.load.sending.signing import BatchSigner, CredentialSource

HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "AmazonSQS.SendMessageBatch",
    "User-Agent": "redrive-load",
}
NOW_S = 1767323045.25
STATIC = Credentials("AKIAIOSFODNN7EXAMPLE", "secret")
TEMPORARY = Credentials("ASIAIOSFODNN7EXAMPLE", "secret", "a token")


def source(credentials=STATIC):
    return CredentialSource(lambda: credentials)


def signer(credentials=STATIC, url="http://127.0.0.1:4566/", region="eu-central-1"):
    where = credentials if isinstance(credentials, CredentialSource) else source(credentials)
    return BatchSigner(where, url=url, region=region, headers=HEADERS)


def headers_of(head):
    request, _, lines = head.decode().partition("\r\n")
    assert lines.endswith("\r\n\r\n")
    return request, dict(line.split(": ", 1) for line in lines.strip().split("\r\n"))


@pytest.mark.parametrize("credentials", [STATIC, TEMPORARY], ids=["static", "temporary"])
@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("https://sqs.eu-central-1.amazonaws.com/", "/", "sqs.eu-central-1.amazonaws.com"),
        ("https://sqs.eu-central-1.amazonaws.com:443/", "/", "sqs.eu-central-1.amazonaws.com"),
        ("http://127.0.0.1:4566/", "/", "127.0.0.1:4566"),
        ("http://[::1]:4566/a%20b/", "/a%20b/", "[::1]:4566"),
    ],
)
def test_signature_is_what_botocore_signs(credentials, url, target, host):
    ours = signer(credentials, url)
    with time_machine.travel(NOW_S, tick=False) as clock:
        for body in (b"{}", '{"QueueUrl": "ä"}'.encode(), b"x" * 100_000):
            request = AWSRequest(method="POST", url=url, headers=HEADERS, data=body)
            SigV4Auth(credentials, "sqs", "eu-central-1").add_auth(request)
            line, headers = headers_of(ours.head(body))
            assert line == f"POST {target} HTTP/1.1"
            assert headers.pop("Host") == host
            assert headers.pop("Content-Length") == str(len(body))
            assert headers == dict(request.headers.items())
            assert ("X-Amz-Security-Token" in headers) is (credentials is TEMPORARY)
            clock.shift(0.5)  # into the next second, and across it


def test_signature_changes_with_the_day():
    ours = signer()
    with time_machine.travel(NOW_S, tick=False) as clock:
        for _ in range(3):
            request = AWSRequest(method="POST", url="http://127.0.0.1:4566/", headers=HEADERS, data=b"{}")
            SigV4Auth(STATIC, "sqs", "eu-central-1").add_auth(request)
            assert headers_of(ours.head(b"{}"))[1]["Authorization"] == request.headers["Authorization"]
            clock.shift(86_400)


class Renewing:
    """As botocore's credentials that renew themselves when they are asked."""

    def __init__(self):
        self.asked = 0

    def get_frozen_credentials(self):
        self.asked += 1
        return ReadOnlyCredentials(f"AKIA{self.asked}", "secret", None)


def key_of(head):
    return headers_of(head)[1]["Authorization"].split("Credential=")[1].split("/")[0]


def test_credentials_are_asked_for_once_a_second():
    renewing = Renewing()
    ours = signer(renewing)
    with time_machine.travel(NOW_S, tick=False) as clock:
        assert {key_of(ours.head(b"%d" % number)) for number in range(100)} == {"AKIA1"}
        assert renewing.asked == 1
        clock.shift(1)
        assert key_of(ours.head(b"")) == "AKIA2"


def test_credentials_that_the_service_calls_expired_are_resolved_again():
    clock, resolved = [0.0], []

    def resolve():
        resolved.append(Credentials(f"AKIA{len(resolved)}", "secret"))
        return resolved[-1]

    ours = signer(CredentialSource(resolve, now_s=lambda: clock[0]))
    with time_machine.travel(NOW_S, tick=False):
        assert key_of(ours.head(b"")) == "AKIA0"
        clock[0] = 60.0
        for _ in range(20):  # as many users learn it
            ours.expired()
            assert key_of(ours.head(b"")) == "AKIA1"
    assert len(resolved) == 2


def test_no_credentials_is_botocores_error():
    with pytest.raises(NoCredentialsError):
        signer(source(None)).head(b"")


def test_error_of_renewing_is_passed_on_and_the_next_request_asks_again():
    class Fails(Renewing):
        def get_frozen_credentials(self):
            credentials = super().get_frozen_credentials()
            if self.asked == 1:
                raise RuntimeError("still expired")
            return credentials

    ours = signer(Fails())
    with pytest.raises(RuntimeError):
        ours.head(b"")
    assert key_of(ours.head(b"")) == "AKIA2"
