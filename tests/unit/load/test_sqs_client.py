import pytest

from redrive.load.settings import SendSettings
from redrive.load.sqs_client import endpoint_of, region_of, sqs_client

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
