"""The handler with ledger and sink in DynamoDB, and with the ledger there and the sink elsewhere."""

import json
import threading

import pytest
from deltalake import DeltaTable

from redrive.reference_handler import app
from redrive.reference_handler.sinks import memory

NOTHING_FAILED = {"batchItemFailures": []}


@pytest.fixture
def environment(monkeypatch, dynamodb):
    """Sets variables and gives the handler a cold start; may be called again for another execution environment."""
    for name in list(app.os.environ):
        if name.startswith("REDRIVE_"):
            monkeypatch.delenv(name)

    def start(**variables):
        app._warm_start.cache_clear()
        memory.ROWS.clear()
        for name, value in {"SINK": "dynamodb", "TABLE": "orders", **variables}.items():
            monkeypatch.setenv(f"REDRIVE_{name}", value)

    yield start
    app._warm_start.cache_clear()
    memory.ROWS.clear()


def failures(answer):
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def outcomes(capsys):
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line["outcome"] for line in lines if line["event"] == "record"]


def test_a_batch_becomes_items_and_its_redelivery_nothing(environment, items, sqs_event, lambda_context, capsys):
    environment(BUSINESS_KEY_POINTER="/order")
    event = sqs_event("standard")
    assert app.lambda_handler(event, lambda_context()) == NOTHING_FAILED
    first = items()
    assert sorted(first) == sorted(json.loads(record["body"])["order"] for record in event["Records"])
    environment()
    assert app.lambda_handler(event, lambda_context()) == NOTHING_FAILED
    assert items() == first
    assert outcomes(capsys) == ["processed"] * 3 + ["duplicate"] * 3


def test_one_worker_does_the_same(environment, items, sqs_event, lambda_context):
    environment(MAX_WORKERS="1")
    assert app.lambda_handler(sqs_event("fifo"), lambda_context()) == NOTHING_FAILED
    assert {item["revision"] for item in items().values()} == {1}


def test_E18_a_body_too_large_sends_back_itself_and_its_group_behind_it(environment, items, sqs_event, lambda_context):
    environment()
    bodies = ["a", "b", "x" * 300_000, "c", "d"]
    event = sqs_event(bodies=bodies, fifo=True, group=["g1", "g2", "g1", "g1", "g2"])
    answer = app.lambda_handler(event, lambda_context())
    assert failures(answer) == [event["Records"][n]["messageId"] for n in (2, 3)]
    assert sorted(item["body"] for item in items().values()) == ["a", "b", "d"]
    event["Records"] = event["Records"][3:4]  # the claims were given back
    assert app.lambda_handler(event, lambda_context()) == NOTHING_FAILED


def test_a_table_that_is_not_there_fails_every_record_and_says_why(environment, sqs_event, lambda_context, capsys):
    environment(TABLE="no-such-table")
    event = sqs_event("standard")
    assert failures(app.lambda_handler(event, lambda_context())) == [r["messageId"] for r in event["Records"]]
    assert "claim: ResourceNotFoundException(ResourceNotFoundException)" in capsys.readouterr().out


def test_answers_that_are_lost_all_the_way_change_nothing(environment, items, sqs_event, lambda_context, monkeypatch):
    environment(MAX_WORKERS="1")
    client = app._warm_start().ledger._client
    seen = set()

    def lose_first_answer(attempts, **_):
        if attempts == 1:
            seen.add(attempts)
            return 0
        return None

    client.meta.events.register_first("needs-retry.dynamodb.UpdateItem", lose_first_answer)
    assert app.lambda_handler(sqs_event("standard"), lambda_context()) == NOTHING_FAILED
    assert seen == {1}
    assert [(item["status"], item["revision"]) for item in items().values()] == [("done", 1)] * 3


def test_a_crash_before_the_effect_leaves_a_lease_and_the_retry_after_it_writes(
    environment, items, sqs_event, lambda_context, monkeypatch
):
    class Crash(BaseException):
        pass

    environment(MAX_WORKERS="1")
    event = sqs_event(bodies=["a"])
    warm = app._warm_start()
    with monkeypatch.context() as patch:

        def crash(rows, **_):
            raise Crash

        patch.setattr(warm.sink, "write", crash)
        with pytest.raises(Crash):
            app.lambda_handler(event, lambda_context(timeout_s=3))
    (item,) = items().values()
    assert item["status"] == "in_progress"

    environment()
    assert failures(app.lambda_handler(event, lambda_context())) == [event["Records"][0]["messageId"]]
    now_ms = app._now_ms()
    monkeypatch.setattr(app, "_now_ms", lambda: now_ms + 3_000 + 1_000)
    assert app.lambda_handler(event, lambda_context()) == NOTHING_FAILED
    (item,) = items().values()
    assert (item["status"], item["revision"]) == ("done", 1)


@pytest.mark.parametrize("workers", ["1", "5"])
def test_invocations_that_race_for_the_same_messages_write_each_once(
    environment, items, sqs_event, lambda_context, workers
):
    environment(MAX_WORKERS=workers)
    app._warm_start()  # one handler for all: what they share is thread-safe, and the ledger is what is tested
    event = sqs_event(bodies=[f"body {n}" for n in range(5)])
    start = threading.Barrier(6)
    answers = []

    def invoke(context):
        start.wait(timeout=20)
        answers.append(app.lambda_handler(event, context))

    contexts = [lambda_context(timeout_s=60) for _ in range(6)]
    threads = [threading.Thread(target=invoke, args=(context,)) for context in contexts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert [(item["status"], item["revision"]) for item in items().values()] == [("done", 1)] * 5


def test_with_the_delta_sink_the_ledger_spares_the_table(
    environment, items, sqs_event, lambda_context, tmp_path, capsys
):
    variables = {"SINK": "delta", "LEDGER": "dynamodb", "DELTA_TABLE": str(tmp_path / "table")}
    environment(**variables)
    event = sqs_event("standard")
    assert app.lambda_handler(event, lambda_context()) == NOTHING_FAILED
    version = DeltaTable(tmp_path / "table").version()
    environment(**variables)
    assert app.lambda_handler(event, lambda_context()) == NOTHING_FAILED
    assert DeltaTable(tmp_path / "table").version() == version
    assert {item["status"] for item in items().values()} == {"done"}
    assert outcomes(capsys) == ["processed"] * 3 + ["duplicate"] * 3


def test_with_the_delta_sink_a_crash_before_completion_adds_no_row(
    environment, sqs_event, lambda_context, tmp_path, monkeypatch
):
    class Crash(BaseException):
        pass

    environment(SINK="delta", LEDGER="dynamodb", DELTA_TABLE=str(tmp_path / "table"), MAX_WORKERS="1")
    event = sqs_event("standard")
    warm = app._warm_start()
    with monkeypatch.context() as patch:

        def crash(key, **_):
            raise Crash

        patch.setattr(warm.ledger, "complete", crash)
        with pytest.raises(Crash):
            app.lambda_handler(event, lambda_context(timeout_s=3))
    now_ms = app._now_ms()
    monkeypatch.setattr(app, "_now_ms", lambda: now_ms + 4_000)
    assert app.lambda_handler(event, lambda_context()) == NOTHING_FAILED
    assert DeltaTable(tmp_path / "table").count() == 3


def test_with_the_memory_sink_a_crash_before_completion_repeats_the_effect(
    environment, sqs_event, lambda_context, monkeypatch
):
    class Crash(BaseException):
        pass

    environment(SINK="memory", LEDGER="dynamodb", MAX_WORKERS="1")
    event = sqs_event(bodies=["a"])
    warm = app._warm_start()
    with monkeypatch.context() as patch:

        def crash(key, **_):
            raise Crash

        patch.setattr(warm.ledger, "complete", crash)
        with pytest.raises(Crash):
            app.lambda_handler(event, lambda_context(timeout_s=3))
    now_ms = app._now_ms()
    monkeypatch.setattr(app, "_now_ms", lambda: now_ms + 4_000)
    assert app.lambda_handler(event, lambda_context()) == NOTHING_FAILED
    assert len(memory.ROWS) == 2


def test_calls_are_bounded_in_time(environment):
    environment(MAX_WORKERS="7")
    config = app._warm_start().ledger._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1.0, 1.0)
    assert config.retries["total_max_attempts"] == 2
    assert config.max_pool_connections == 7
