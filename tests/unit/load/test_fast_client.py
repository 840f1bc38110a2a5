"""The fast client against servers that answer, hang up, break off, or are not whom they say they are."""

import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
from contextlib import ExitStack

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from redrive.load.sending import fast_client as module
from redrive.load.sending.fast_client import FastClient, fast_client
from redrive.load.sending.messages import Kind, Message
from redrive.load.sending.sender import Answer, NoAnswer, NotSent, Refused
from redrive.load.sending.signing import CredentialSource
from redrive.load.settings import SendSettings

ACCEPTED = {"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}]}
HANG_UP = b""
SQS = "com.amazonaws.sqs#"


def response(status, value, *more):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    head = [f"HTTP/1.1 {status} Said", "Content-Type: application/x-amz-json-1.0", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, *more, "", ""]).encode() + body


class Server:
    """Answers each request with the next of these bytes, the last one for ever; hangs up after none."""

    def __init__(self, *answers, context=None):
        self.answers = list(answers)
        self.requests, self.connections = [], 0
        self.closed = threading.Semaphore(0)
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with ExitStack() as stack:
                stack.enter_context(connection)
                connection.settimeout(10)
                try:
                    if self.context:
                        connection = stack.enter_context(self.context.wrap_socket(connection, server_side=True))
                    while self._answer(connection):
                        pass
                except OSError:
                    continue
                finally:
                    stack.close()
                    self.closed.release()

    def _answer(self, connection):
        request = b""
        while b"\r\n\r\n" not in request:
            received = connection.recv(65_536)
            if not received:
                return False
            request += received
        head, _, body = request.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        while len(body) < int(headers["Content-Length"]):
            body += connection.recv(65_536)
        self.requests.append((headers, json.loads(body)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        connection.sendall(answer)
        return answer and b"close" not in answer and b"broken off" not in answer

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)


@pytest.fixture
def server():
    servers = []

    def start(*answers, **more):
        servers.append(Server(*answers, **more))
        return servers[-1]

    yield start
    for each in servers:
        each.close()


@pytest.fixture
def closing():
    """Closes clients at the end."""
    with ExitStack() as stack:

        def keep(made):
            stack.callback(made.close)
            return made

        yield keep


@pytest.fixture
def client(closing):
    """A client that sends there."""

    def make(url, resolve=lambda: Credentials("AKIA", "secret"), **more):
        where = {"endpoint_url": url, "region": "us-east-1", "queue_url": f"{url}/1/q", **more}
        return closing(FastClient(CredentialSource(resolve, now_s=iter(range(1000)).__next__), **where))

    return make


def message(body="{}", group=None):
    return Message(Kind.NORMAL, "k", body, "0a1b2c3d.0.7.5", 60, group)


def test_request_is_what_boto3_sends(server, client):
    there = server(response(200, ACCEPTED))
    messages = [message('{"a": "ä\\n\\"😀"}'), message("x", group="g")]
    client(there.url).send(messages)
    ((headers, request),) = there.requests
    assert request == {
        "QueueUrl": f"{there.url}/1/q",
        "Entries": [each.entry(str(n)) for n, each in enumerate(messages)],
    }
    assert headers["X-Amz-Target"] == "AmazonSQS.SendMessageBatch"
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert headers["Host"] == there.url.removeprefix("http://")
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA/")


def test_answer_is_read_and_the_connection_kept(server, client):
    failed = {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}
    there = server(response(200, ACCEPTED), response(200, failed))
    ours = client(there.url)
    assert ours.send([message()]) == Answer([0], {}, len(json.dumps(ACCEPTED)))
    assert ours.send([message()]).refused[0].again
    assert there.connections == 1


def test_answer_may_come_in_any_form_that_http_has(server, client):
    body = json.dumps(ACCEPTED).encode()
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    until_closed = b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + body
    continued = b"HTTP/1.1 100 Continue\r\n\r\n" + response(200, ACCEPTED)
    there = server(chunked, continued, until_closed)
    ours = client(there.url)
    assert [list(ours.send([message()]).accepted) for _ in range(4)] == [[0]] * 4
    assert there.connections == 2


def test_connection_that_was_closed_while_idle_is_not_used(server, client):
    there = server(response(200, ACCEPTED, "Connection: keep-alive, but close"))
    ours = client(there.url)
    for _ in range(3):
        assert ours.send([message()]).accepted == [0]
        assert there.closed.acquire(timeout=10)
    assert there.connections == 3


@pytest.mark.parametrize(
    "answer",
    [
        HANG_UP,
        b"HTTP/1.1 200 OK\r\nContent-Le, broken off",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nbroken off",
        b"this is no HTTP, broken off\r\n\r\n",
        response(200, b"<html>"),
        response(200, ["no answer of SQS"]),
        response(500, {"__type": "com.amazonaws.sqs#InternalError", "message": "sorry"}),
        response(503, b"<html>"),
        response(302, b""),
    ],
    ids=["hung up", "in head", "in body", "no HTTP", "no JSON", "not SQS", "500", "503", "redirect"],
)
def test_lost_answer_and_fault_leave_open_what_became_of_it_and_the_next_one_works(server, answer, client):
    there = server(answer, response(200, ACCEPTED))
    ours = client(there.url)
    with pytest.raises(NoAnswer):
        ours.send([message()])
    assert len(there.requests) == 1
    assert ours.send([message()]).accepted == [0]


@pytest.mark.parametrize(
    ("answer", "says", "again"),
    [
        (response(400, {"__type": f"{SQS}RequestThrottled", "message": "slow"}), "RequestThrottled: slow", True),
        (response(503, {"__type": "SlowDown"}), "SlowDown", True),
        (response(400, {"__type": f"{SQS}BatchRequestTooLong", "Message": "x"}), "BatchRequestTooLong: x", False),
        (response(400, b"", f"x-amzn-ErrorType: {SQS}RequestThrottled:more"), "RequestThrottled", True),
        (response(413, b"<html>"), "HTTP 413", False),
        (response(403, ["odd"]), "HTTP 403", False),
    ],
)
def test_refusal_says_whether_it_may_be_sent_again(server, answer, says, again, client):
    with pytest.raises(Refused) as raised:
        client(server(answer).url).send([message()])
    assert (str(raised.value), raised.value.again) == (says, again)


def test_nobody_there_is_nothing_sent(client):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    with pytest.raises(NotSent, match="no connection") as raised:
        client(url).send([message()])
    assert raised.value.again


def test_answer_that_does_not_come_in_time_is_lost(server, monkeypatch, client):
    monkeypatch.setattr(module, "READ_TIMEOUT_S", 0.05)
    there = server(b"HTTP/1.1 200 OK\r\n")
    with pytest.raises(NoAnswer, match="timed out"):
        client(there.url).send([message()])
    assert len(there.requests) == 1


def test_credentials_that_have_expired_are_got_anew_for_the_next_attempt(server, client):
    there = server(response(403, {"__type": "ExpiredTokenException", "message": "old"}), response(200, ACCEPTED))
    keys = iter(["AKIAOLD", "AKIANEW"])
    ours = client(there.url, lambda: Credentials(next(keys), "secret", "token"))
    with pytest.raises(Refused) as raised:
        ours.send([message()])
    assert raised.value.again
    ours.send([message()])
    used = [headers["Authorization"].split("Credential=")[1].split("/")[0] for headers, _ in there.requests]
    assert used == ["AKIAOLD", "AKIANEW"]


@pytest.mark.parametrize("error", [RuntimeError("still expired"), OSError("no metadata service")])
def test_credentials_that_cannot_be_got_are_nothing_sent(server, error, client):
    def resolve():
        raise error

    there = server(response(200, ACCEPTED))
    with pytest.raises(NotSent, match=f"no credentials: {error}"):
        client(there.url, resolve).send([message()])
    assert there.connections == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody has signed: its file, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ours")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", context


def test_server_that_cannot_prove_who_it_is_is_sent_nothing(server, certificate, client):
    there = server(response(200, ACCEPTED), context=certificate[1])
    with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
        client(there.url).send([message()])
    assert there.requests == []


def test_server_of_a_trusted_bundle_is_sent_to_and_its_connection_kept(server, certificate, client):
    there = server(response(200, ACCEPTED), context=certificate[1])
    ours = client(there.url, ca_bundle=str(certificate[0]))
    for _ in range(3):
        assert ours.send([message()]).accepted == [0]
    assert there.connections == 1


def test_certificate_must_be_of_the_host_that_was_asked_for(server, certificate, client):
    there = server(response(200, ACCEPTED), context=certificate[1])
    with pytest.raises(NotSent):
        client(there.url.replace("127.0.0.1", "localhost"), ca_bundle=str(certificate[0])).send([message()])
    assert (there.connections, there.requests) == (1, [])


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """An account of one's own, and nothing else of AWS."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "AWS_PROFILE", "AWS_CA_BUNDLE",
                 "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "REQUESTS_CA_BUNDLE"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def settings(url, **more):
    return SendSettings(queue_url=f"{url}/1/q", region="us-east-1", **more)


def test_client_has_what_the_environment_says(server, environment, certificate, closing):
    environment.setenv("AWS_CA_BUNDLE", str(certificate[0]))
    there = server(response(200, ACCEPTED), context=certificate[1])
    closing(fast_client(settings(there.url))).send([message()])
    assert "Credential=AKIAENVIRONMENT/" in there.requests[0][0]["Authorization"]


def test_client_has_the_credentials_of_the_profile(server, environment, tmp_path, closing):
    (tmp_path / "credentials").write_text("[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = x\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        environment.delenv(name)
    there = server(response(200, ACCEPTED))
    closing(fast_client(settings(there.url, profile="mine"))).send([message()])
    assert "Credential=AKIAMINE/" in there.requests[0][0]["Authorization"]
    with pytest.raises(NoCredentialsError):
        fast_client(settings(there.url))


def test_configured_endpoint_is_where_it_sends(server, environment, closing):
    there = server(response(200, ACCEPTED))
    environment.setenv("AWS_ENDPOINT_URL", there.url)
    closing(fast_client(settings("https://sqs.us-east-1.amazonaws.com"))).send([message()])
    assert there.requests[0][1]["QueueUrl"] == "https://sqs.us-east-1.amazonaws.com/1/q"


def test_bundle_that_is_not_there_is_said(environment, tmp_path, closing):
    environment.setenv("AWS_CA_BUNDLE", str(tmp_path / "nothing.pem"))
    with pytest.raises(ValueError, match="certificates to trust"):
        fast_client(settings("https://127.0.0.1:1"))


def test_proxy_is_not_passed_by_in_silence(environment, closing):
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:2")
    environment.delenv("NO_PROXY", raising=False)
    environment.delenv("no_proxy", raising=False)
    with pytest.raises(ValueError, match="--client boto3"):
        fast_client(settings("http://127.0.0.1:1"))
