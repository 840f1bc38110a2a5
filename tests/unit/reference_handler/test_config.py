from pathlib import Path

import pytest

from redrive.reference_handler.config import ConfigError, LedgerName, LogLevel, Settings, SinkName
from redrive.reference_handler.keys import KeySource


def test_without_variables_rows_go_to_a_local_delta_table():
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert settings.sink is SinkName.DELTA
    assert settings.ledger is LedgerName.MEMORY
    assert settings.delta_table == Path("/tmp/redrive/sqs_messages")
    assert settings.ttl_s > 14 * 86_400


def test_every_variable_is_read():
    settings = Settings.from_environment(
        {
            "REDRIVE_SINK": "delta",
            "REDRIVE_DELTA_TABLE": "some where/table",
            "REDRIVE_LEDGER": "dynamodb",
            "REDRIVE_TABLE": "orders.ledger",
            "REDRIVE_BUSINESS_KEY_POINTER": "/order/a~1b~0c/0",
            "REDRIVE_BUSINESS_KEY_ATTRIBUTE": "order-id",
            "REDRIVE_PAYLOAD_BUCKETS": "large-orders, large.orders.2",
            "REDRIVE_PAYLOAD_BYTES_MAX": "1",
            "REDRIVE_REPLY_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/replies",
            "REDRIVE_TTL_S": "3600",
            "REDRIVE_DEADLINE_RESERVE_MS": "5000",
            "REDRIVE_LEASE_MARGIN_MS": "0",
            "REDRIVE_MAX_WORKERS": "1",
            "REDRIVE_LOG_LEVEL": "ERROR",
            "REDRIVE_OF_TOMORROW": "ignored",
        }
    )
    assert settings == Settings(
        sink=SinkName.DELTA,
        delta_table=Path("some where/table"),
        ledger=LedgerName.DYNAMODB,
        table="orders.ledger",
        key_source=KeySource(pointer=("order", "a/b~c", "0"), attribute="order-id"),
        payload_buckets=frozenset({"large-orders", "large.orders.2"}),
        payload_bytes_max=1,
        reply_queue_url="https://sqs.eu-central-1.amazonaws.com/123456789012/replies",
        ttl_s=3600,
        deadline_reserve_ms=5000,
        lease_margin_ms=0,
        max_workers=1,
        log_level=LogLevel.ERROR,
    )


def test_the_dynamodb_sink_brings_its_ledger():
    settings = Settings.from_environment({"REDRIVE_SINK": "dynamodb", "REDRIVE_TABLE": "orders"})
    assert settings.ledger is LedgerName.DYNAMODB


def test_empty_is_not_set():
    names = ["SINK", "LEDGER", "TABLE", "DELTA_TABLE", "BUSINESS_KEY_POINTER", "BUSINESS_KEY_ATTRIBUTE", "TTL_S"]
    names += ["PAYLOAD_BUCKETS", "PAYLOAD_BYTES_MAX", "REPLY_QUEUE_URL"]
    assert Settings.from_environment({f"REDRIVE_{name}": "" for name in names}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("REDRIVE_SINK", "Delta", "delta, dynamodb, memory"),
        ("REDRIVE_LEDGER", "redis", "memory, dynamodb"),
        ("REDRIVE_TABLE", "a table", "DynamoDB table"),
        ("REDRIVE_BUSINESS_KEY_POINTER", "order/id", "JSON pointer"),
        ("REDRIVE_BUSINESS_KEY_POINTER", "/order~2id", "JSON pointer"),
        ("REDRIVE_BUSINESS_KEY_POINTER", "/order~", "JSON pointer"),
        ("REDRIVE_BUSINESS_KEY_ATTRIBUTE", "order..id", "message attribute"),
        ("REDRIVE_BUSINESS_KEY_ATTRIBUTE", ".order", "message attribute"),
        ("REDRIVE_BUSINESS_KEY_ATTRIBUTE", "order.", "message attribute"),
        ("REDRIVE_BUSINESS_KEY_ATTRIBUTE", "o" * 257, "message attribute"),
        ("REDRIVE_PAYLOAD_BUCKETS", "orders,", "names of S3 buckets"),
        ("REDRIVE_PAYLOAD_BUCKETS", "s3://orders", "names of S3 buckets"),
        ("REDRIVE_PAYLOAD_BUCKETS", "orders,*", "names of S3 buckets"),
        ("REDRIVE_PAYLOAD_BYTES_MAX", "0", "from 1 to 268435456"),
        ("REDRIVE_TTL_S", "3599", "from 3600"),
        ("REDRIVE_TTL_S", "14d", "whole number"),
        ("REDRIVE_DEADLINE_RESERVE_MS", "-1", "whole number"),
        ("REDRIVE_DEADLINE_RESERVE_MS", "1.5", "whole number"),
        ("REDRIVE_LEASE_MARGIN_MS", " 1", "whole number"),
        ("REDRIVE_MAX_WORKERS", "0", "from 1 to 64"),
        ("REDRIVE_MAX_WORKERS", "\u0663", "whole number"),
        ("REDRIVE_MAX_WORKERS", "9" * 5000, "whole number"),
        ("REDRIVE_LOG_LEVEL", "info", "DEBUG, INFO, WARNING, ERROR"),
        ("REDRIVE_LOG_LEVEL", "INFO\nREDRIVE_SINK: fine", "DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_bad_value_is_one_line_that_names_variable_value_and_what_is_allowed(variable, value, allowed):
    with pytest.raises(ConfigError) as caught:
        Settings.from_environment({variable: value})
    message = str(caught.value)
    assert message.startswith(f"{variable}: ")
    assert ascii(value)[:60] in message
    assert allowed in message
    assert len(message.splitlines()) == 1
    assert len(message) < 250
    assert caught.value.name == variable


@pytest.mark.parametrize("chosen", [{"REDRIVE_SINK": "dynamodb"}, {"REDRIVE_LEDGER": "dynamodb"}])
def test_a_ledger_in_dynamodb_needs_a_table(chosen):
    with pytest.raises(ConfigError, match=r"REDRIVE_TABLE: not set.*name of a DynamoDB table"):
        Settings.from_environment(chosen)


def test_the_dynamodb_sink_refuses_another_ledger():
    chosen = {"REDRIVE_SINK": "dynamodb", "REDRIVE_LEDGER": "memory", "REDRIVE_TABLE": "orders"}
    with pytest.raises(ConfigError, match=r"REDRIVE_LEDGER: 'memory' .*REDRIVE_SINK=dynamodb.*allowed: dynamodb"):
        Settings.from_environment(chosen)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5000/123456789012/replies",
        "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/replies",
        "http://localhost:4566/queue/us-east-1/000000000000/replies",
    ],
)
def test_a_reply_queue_of_an_emulator_is_taken(url):
    assert Settings.from_environment({"REDRIVE_REPLY_QUEUE_URL": url}).reply_queue_url == url


@pytest.mark.parametrize(
    "url",
    [
        "replies",
        "arn:aws:sqs:eu-central-1:123456789012:replies",
        "https://sqs.eu-central-1.amazonaws.com/replies",
        "https://sqs.eu-central-1.amazonaws.com/123456789012/replies.fifo",
        "https://sqs.eu-central-1.amazonaws.com/123456789012/replies?Action=SendMessage",
        "https://AKIA123:hunter2@sqs.eu-central-1.amazonaws.com/123456789012/replies",
    ],
)
def test_what_is_no_standard_queue_takes_no_replies(url):
    with pytest.raises(ConfigError, match=r"REDRIVE_REPLY_QUEUE_URL: .*allowed: the https URL of a standard") as caught:
        Settings.from_environment({"REDRIVE_REPLY_QUEUE_URL": url})
    assert "hunter2" not in str(caught.value)


def test_a_url_with_credentials_is_not_repeated():
    with pytest.raises(ConfigError, match="REDRIVE_DELTA_TABLE: it is a URL") as caught:
        Settings.from_environment({"REDRIVE_DELTA_TABLE": "s3://AKIA123:hunter2@bucket/table"})
    assert "hunter2" not in str(caught.value)
    assert "AKIA123" not in str(caught.value)
