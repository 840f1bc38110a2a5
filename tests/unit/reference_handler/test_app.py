"""The handler as Lambda calls it: configured by environment variables, warm from one invocation to the next."""

import json
import sys

import pytest
from deltalake import DeltaTable

from redrive.fixtures import sample_events
from redrive.reference_handler import app
from redrive.reference_handler.config import ConfigError
from redrive.reference_handler.event import EventError
from redrive.reference_handler.sinks import memory

NOTHING_FAILED = {"batchItemFailures": []}


@pytest.fixture(autouse=True)
def cold_start(monkeypatch):
    """No variable of ours set, nothing kept from another test."""
    for name in list(app.os.environ):
        if name.startswith("REDRIVE_"):
            monkeypatch.delenv(name)
    app._warm_start.cache_clear()
    memory.ROWS.clear()
    yield
    app._warm_start.cache_clear()
    memory.ROWS.clear()


def batch_line(capsys):
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"event": "batch"' in line]
    return line


def test_by_default_rows_go_to_the_delta_table_once(tmp_path, monkeypatch, sqs_event, lambda_context):
    monkeypatch.setenv("REDRIVE_DELTA_TABLE", str(tmp_path / "table"))
    event = sqs_event("standard")
    assert app.lambda_handler(event, lambda_context()) == NOTHING_FAILED
    app._warm_start.cache_clear()  # another execution environment, which remembers nothing
    assert app.lambda_handler(event, lambda_context()) == NOTHING_FAILED
    table = DeltaTable(tmp_path / "table")
    assert table.count() == len(event["Records"])


def test_a_warm_environment_recognises_a_duplicate(monkeypatch, capsys, sqs_event, lambda_context):
    monkeypatch.setenv("REDRIVE_SINK", "memory")
    event = sqs_event("standard")
    app.lambda_handler(event, lambda_context())
    first = batch_line(capsys)
    app.lambda_handler(event, lambda_context())
    second = batch_line(capsys)
    assert (first["processed"], first["duplicates"], first["cold_start"]) == (3, 0, True)
    assert (second["processed"], second["duplicates"], second["cold_start"]) == (0, 3, False)
    assert first["request_id"] != second["request_id"]
    assert len(memory.ROWS) == 3


def test_the_business_key_recognises_what_the_producer_sent_twice(monkeypatch, sqs_event, lambda_context):
    monkeypatch.setenv("REDRIVE_SINK", "memory")
    monkeypatch.setenv("REDRIVE_BUSINESS_KEY_POINTER", "/order")
    assert app.lambda_handler(sqs_event("producer-duplicate"), lambda_context()) == NOTHING_FAILED
    assert len(memory.ROWS) == 1


def test_a_malformed_record_is_the_only_batch_item_failure(monkeypatch, sqs_event, lambda_context):
    monkeypatch.setenv("REDRIVE_SINK", "memory")
    event = sqs_event("malformed-binary-value")
    answer = app.lambda_handler(event, lambda_context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}
    assert json.loads(json.dumps(answer)) == answer


def test_a_body_that_is_not_json_fails_when_its_key_is_in_it(monkeypatch, sqs_event, lambda_context):
    monkeypatch.setenv("REDRIVE_SINK", "memory")
    monkeypatch.setenv("REDRIVE_BUSINESS_KEY_POINTER", "/order")
    event = sqs_event("malformed-body")
    answer = app.lambda_handler(event, lambda_context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}


def test_without_time_everything_goes_back(monkeypatch, sqs_event, lambda_context):
    monkeypatch.setenv("REDRIVE_SINK", "memory")
    event = sqs_event("standard")
    answer = app.lambda_handler(event, lambda_context(timeout_s=0.5))
    assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == [
        record["messageId"] for record in event["Records"]
    ]
    assert memory.ROWS == []


@pytest.mark.parametrize("name", ["malformed-no-message-id", "malformed-no-records"])
def test_an_event_that_cannot_be_answered_fails_the_invocation_and_writes_nothing(monkeypatch, lambda_context, name):
    monkeypatch.setenv("REDRIVE_SINK", "memory")
    with pytest.raises(EventError):
        app.lambda_handler(sample_events.load(name), lambda_context())
    assert memory.ROWS == []


def test_no_records_are_a_success(monkeypatch, sqs_event, lambda_context):
    monkeypatch.setenv("REDRIVE_SINK", "memory")
    assert app.lambda_handler(sqs_event("empty-batch"), lambda_context()) == NOTHING_FAILED


def test_a_bad_variable_stops_every_invocation_until_it_is_mended(monkeypatch, sqs_event, lambda_context):
    monkeypatch.setenv("REDRIVE_SINK", "sqlite")
    for _ in range(2):
        with pytest.raises(ConfigError, match="REDRIVE_SINK: unknown value 'sqlite'; allowed: delta, dynamodb, memory"):
            app.lambda_handler(sqs_event("standard"), lambda_context())
    monkeypatch.setenv("REDRIVE_SINK", "memory")
    assert app.lambda_handler(sqs_event("standard"), lambda_context()) == NOTHING_FAILED


def test_variables_are_read_once(monkeypatch, sqs_event, lambda_context):
    monkeypatch.setenv("REDRIVE_SINK", "memory")
    app.lambda_handler(sqs_event("standard"), lambda_context())
    monkeypatch.setenv("REDRIVE_SINK", "sqlite")
    assert app.lambda_handler(sqs_event("standard"), lambda_context()) == NOTHING_FAILED


@pytest.mark.parametrize("missing", ["deltalake", "arro3.core"])
def test_a_package_that_is_missing_is_said_with_the_variable(monkeypatch, sqs_event, lambda_context, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError, match="REDRIVE_SINK: 'delta' needs the packages deltalake and arro3-core"):
        app.lambda_handler(sqs_event("standard"), lambda_context())
