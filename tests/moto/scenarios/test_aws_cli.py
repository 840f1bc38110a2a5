"""`redrive verify --on aws`, as far as moto has an account: what it says, asks, refuses, and leaves alone."""

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from redrive.scenarios.cli import redrive
from redrive.scenarios.errors import EnvironmentFailed, InputError

REGION = "eu-west-1"


@pytest.fixture
def account(monkeypatch):
    """An account in which nothing is."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield lambda service: boto3.client(service, region_name=REGION)


def verify(*words, answer=None):
    return CliRunner().invoke(redrive, ["verify", "--on", "aws", *words], input=answer)


def is_empty(client):
    return not (
        client("sqs").list_queues().get("QueueUrls")
        or client("s3").list_buckets()["Buckets"]
        or client("cloudformation").list_stacks()["StackSummaries"]
        or client("iam").list_roles()["Roles"]
    )


def test_a_dry_run_says_what_it_would_create_and_creates_nothing(account):
    done = verify("--dry-run", "--scenario", "happy-path")
    assert done.exit_code == 0, done.output
    assert "account 123456789012, region eu-west-1" in done.output
    for type_name in ("AWS::SQS::Queue", "AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::S3::Bucket"):
        assert type_name in done.output
    assert "GB-seconds" in done.output
    assert "nothing was created or sent" in done.output
    assert is_empty(account)


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_without_a_yes_nothing_is_created(account, answer):
    done = verify("--scenario", "happy-path", answer=answer)
    assert done.exit_code != 0
    assert "create these resources in account 123456789012, region eu-west-1?" in done.output
    assert is_empty(account)


def test_without_credentials_or_region_it_is_one_line(account, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "--region" in str(verify("--dry-run").exception)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    done = verify("--dry-run", "--profile", "no-such-profile")
    assert isinstance(done.exception, EnvironmentFailed)
    assert "no-such-profile" in str(done.exception)


def test_a_dry_run_on_a_queue_sends_nothing(account):
    sqs = account("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    done = verify("--queue-url", url, "--dry-run", "--scenario", "happy-path")
    assert done.exit_code == 0, done.output
    assert "nothing is created" in done.output
    assert "invocations are not seen, so less is asked: the queue has 0 event source mappings" in done.output
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == "0"


def test_a_queue_in_use_is_refused(account):
    sqs = account("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="somebody's")
    done = verify("--queue-url", url, "--yes")
    assert isinstance(done.exception, EnvironmentFailed)
    assert "about 1 messages" in str(done.exception)


def test_a_queue_that_is_not_there_is_refused(account):
    done = verify("--queue-url", f"https://sqs.{REGION}.amazonaws.com/123456789012/nowhere", "--yes")
    assert isinstance(done.exception, EnvironmentFailed)


def test_a_handler_of_somebody_else_is_not_deployed(account, tmp_path):
    (tmp_path / "shop.py").write_text("def handler(event, context):\n    return None\n")
    done = verify(f"{tmp_path}/shop.py:handler", "--yes")
    assert isinstance(done.exception, InputError)
    assert "--queue-url" in str(done.exception)
    assert is_empty(account)


def test_where_nothing_can_be_asked_nothing_is_created(account):
    done = verify("--scenario", "crash-after-effect", "--yes")
    assert isinstance(done.exception, InputError)
    assert "faults at AWS calls" in str(done.exception)
    assert is_empty(account)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--fault", "crash=1"], "cannot strike"),
        (["--exec", "./bootstrap"], "--exec"),
        (["--url", "http://127.0.0.1:1"], "--url"),
        (["--runtime", "process"], "--runtime"),
        (["--jobs", "4"], "--jobs"),
    ],
)
def test_what_does_not_go_together_is_refused(account, words, reason):
    done = verify(*words, "--yes")
    assert isinstance(done.exception, InputError)
    assert reason in str(done.exception)
    assert is_empty(account)


@pytest.mark.parametrize(
    "option", [["--queue-url", "x"], ["--region", "x"], ["--profile", "x"], ["--dry-run"], ["--yes"]]
)
def test_elsewhere_than_on_aws_its_options_are_refused(option):
    done = CliRunner().invoke(redrive, ["verify", *option])
    assert isinstance(done.exception, InputError)
    assert f"{option[0]} is for --on aws alone" in str(done.exception)
