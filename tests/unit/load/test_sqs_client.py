import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from redrive.load.sending.messages import Kind, Message
from redrive.load.sending.sender import Answer, NoAnswer, NotSent, Refused
from redrive.load.sending.sqs_client import Boto3Client, endpoint_of, region_of, sqs_client
from redrive.load.settings import SendSettings

AWS_URLS = {
    "https://sqs.eu-central-1.amazonaws.com/123456789012/orders": "eu-central-1",
    "https://sqs.us-gov-west-1.amazonaws.com/123456789012/orders.fifo": "us-gov-west-1",
    "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders": "cn-north-1",
    "https://sqs-fips.us-east-2.amazonaws.com/123456789012/orders": "us-east-2",
    "https://ap-southeast-2.queue.amazonaws.com/123456789012/orders": "ap-southeast-2",
    "https://sqs.eu-west-1.api.aws/123456789012/orders": "eu-west-1",
    "https://queue.amazonaws.com/123456789012/orders": None,
}
LOCAL = "http://127.0.0.1:4566/000000000000/orders"


@pytest.mark.parametrize("url", AWS_URLS)
def test_queue_at_aws_is_reached_as_boto3_does_in_its_own_region(url):
    settings = SendSettings(queue_url=url)
    assert endpoint_of(settings, {}) is None
    assert region_of(settings) == AWS_URLS[url]


@pytest.mark.parametrize(
    ("url", "endpoint", "region"),
    [
        (LOCAL, "http://127.0.0.1:4566", None),
        ("http://localhost:9324/queue/orders", "http://localhost:9324", None),
        (
            "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/orders",
            "http://sqs.us-east-1.localhost.localstack.cloud:4566",
            "us-east-1",
        ),
        (
            "https://sqs.eu-west-1.amazonaws.com.example.org/1/orders",
            "https://sqs.eu-west-1.amazonaws.com.example.org",
            "eu-west-1",
        ),
    ],
)
def test_queue_elsewhere_is_its_own_endpoint(url, endpoint, region):
    settings = SendSettings(queue_url=url)
    assert endpoint_of(settings, {}) == endpoint
    assert region_of(settings) == region


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"])
def test_configured_endpoint_is_left_to_boto3(name):
    assert endpoint_of(SendSettings(queue_url=LOCAL), {name: "http://127.0.0.1:1"}) is None


def test_given_endpoint_and_region_win():
    settings = SendSettings(queue_url=next(iter(AWS_URLS)), endpoint_url="http://127.0.0.1:2", region="us-west-2")
    assert endpoint_of(settings, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}) == "http://127.0.0.1:2"
    assert region_of(settings) == "us-west-2"


def test_client_is_shared_and_never_tries_again():
    settings = SendSettings(queue_url=LOCAL, region="us-east-1")
    client = sqs_client(settings)
    assert client is sqs_client(SendSettings(queue_url=f"{LOCAL}-2", region="us-east-1"))
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client.meta.config.retries["total_max_attempts"] == 1


def test_client_has_the_credentials_of_the_profile(monkeypatch, tmp_path):
    (tmp_path / "credentials").write_text("[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    client = sqs_client(SendSettings(queue_url=LOCAL, region="us-east-1", profile="mine"))
    assert client._get_credentials().access_key == "AKIAMINE"


class Fails:
    """As boto3's client when a request ends with this error."""

    def __init__(self, error):
        self.error = error

    def send_message_batch(self, **_):
        raise self.error


def refused(status, code="X"):
    response = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "SendMessageBatch")


@pytest.mark.parametrize(
    ("error", "kind", "again"),
    [
        (refused(400), Refused, False),
        (refused(400, "RequestThrottled"), Refused, True),
        (refused(500), NoAnswer, False),
        (EndpointConnectionError(endpoint_url="u"), NotSent, True),
        (ConnectTimeoutError(endpoint_url="u"), NotSent, True),
        (NoCredentialsError(), NotSent, False),
        (ReadTimeoutError(endpoint_url="u"), NoAnswer, False),
        (ConnectionClosedError(endpoint_url="u"), NoAnswer, False),
    ],
)
def test_boto3s_errors_say_whether_the_queue_may_have_the_batch(error, kind, again):
    with pytest.raises(kind) as raised:
        Boto3Client(Fails(error), queue_url="u").send([])
    assert raised.value.again is again


def test_boto3_sends_what_the_message_is():
    class Accepts:
        def send_message_batch(self, **request):
            self.request = request
            metadata = {"HTTPHeaders": {"content-length": "17"}}
            return {"Successful": [{"Id": "0"}], "ResponseMetadata": metadata}

    boto3, message = Accepts(), Message(Kind.NORMAL, "k", "{}", "0a1b2c3d.0.0.0", 50, "g")
    assert Boto3Client(boto3, queue_url="u").send([message]) == Answer([0], {}, 17)
    assert boto3.request == {"QueueUrl": "u", "Entries": [message.entry("0")]}
