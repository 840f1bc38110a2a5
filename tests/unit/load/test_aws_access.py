from dataclasses import replace

import pytest

from redrive.load.observing.aws_access import AwsAccess, environment_of
from redrive.load.settings import SendSettings

LOCAL = SendSettings(queue_url="http://127.0.0.1:4566/000000000000/orders")
AT_AWS = SendSettings(queue_url="https://sqs.eu-central-1.amazonaws.com/123456789012/orders")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"http://127.0.0.1:4566/_localstack/health": {"services": {}}}, "localstack"),
        ({"http://127.0.0.1:4566/moto-api/config": {"batch": {}}}, "moto"),
        ({}, "other"),
    ],
)
def test_emulators_say_what_they_are(answers, expected):
    assert environment_of(LOCAL, {}, ask=lambda url: answers.get(url, {})) == expected


def test_aws_is_not_asked():
    assert environment_of(AT_AWS, {}, ask=pytest.fail) == "aws"
    named = environment_of(AT_AWS, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, ask=lambda url: {})
    assert named == "other"
    vpc = "https://vpce-1a2b-3c4d.sqs.eu-central-1.vpce.amazonaws.com"
    assert environment_of(replace(AT_AWS, endpoint_url=vpc), {}, ask=pytest.fail) == "aws"
    assert AwsAccess(replace(AT_AWS, endpoint_url=vpc)).client("sqs").meta.endpoint_url == vpc


def test_endpoint_that_does_not_answer_is_something_else():
    assert environment_of(SendSettings(queue_url="http://127.0.0.1:9/1/q"), {}) == "other"
    assert environment_of(SendSettings(queue_url="http://me:secret@127.0.0.1/1/q"), {}) == "other"


def test_clients_go_where_the_queue_is_and_are_made_once(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    access = AwsAccess(LOCAL)
    assert access.client("sqs").meta.endpoint_url == "http://127.0.0.1:4566"
    assert access.client("sqs") is access.client("sqs")
    assert access.client("dynamodb").meta.endpoint_url == "http://127.0.0.1:4566"
    assert access.resource("dynamodb").meta.client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert access.region == "us-east-1"
    at_endpoint = AwsAccess(replace(AT_AWS, endpoint_url="https://sqs.eu-central-1.amazonaws.com"))
    assert "dynamodb.eu-central-1" in at_endpoint.client("dynamodb").meta.endpoint_url
    assert AwsAccess(AT_AWS).client("sqs").meta.region_name == "eu-central-1"
