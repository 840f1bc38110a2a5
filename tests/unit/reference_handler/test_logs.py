import io
import json
import logging
import sys

import pytest

from redrive.fixtures.event_builder import MessageAttribute, fifo_record, standard_record
from redrive.reference_handler.config import LogLevel
from redrive.reference_handler.keys import KeySource
from redrive.reference_handler.logs import Log
from redrive.reference_handler.reasons import safe_reason


def lines_of(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def log(items, level=LogLevel.INFO):
    written = Log(level=level, request_id="request-1")
    for item in items:
        written.record(item)
    written.batch(items, duration_ms=12, cold_start=True)


def test_a_line_for_each_record_and_one_for_the_batch(world, capsys):
    world.sink.failing = frozenset(["b"])
    items = world.run(
        fifo_record("a", "g1", number=0, message_id="m0", receive_count=3),
        fifo_record("b", "g2", number=1, message_id="m1"),
        fifo_record("c", "g2", number=2, message_id="m2"),
        {**fifo_record("d", "g3", number=3, message_id="m3"), "body": 7},
    )
    log(items)
    common = {"event": "record", "request_id": "request-1", "receive_count": 1}
    assert lines_of(capsys) == [
        {
            **common,
            "level": "INFO",
            "message_id": "m0",
            "business_key": "m0",
            "message_group": "g1",
            "receive_count": 3,
            "outcome": "processed",
            "reason": None,
        },
        {
            **common,
            "level": "WARNING",
            "message_id": "m1",
            "business_key": "m1",
            "message_group": "g2",
            "outcome": "failed",
            "reason": "told to",
        },
        {
            **common,
            "level": "WARNING",
            "message_id": "m2",
            "business_key": "m2",
            "message_group": "g2",
            "outcome": "unprocessed",
            "reason": "an earlier message of its group goes back",
        },
        {
            **common,
            "level": "WARNING",
            "message_id": "m3",
            "business_key": None,
            "message_group": "g3",
            "outcome": "failed",
            "reason": "malformed: body is not a string",
        },
        {
            "level": "INFO",
            "event": "batch",
            "request_id": "request-1",
            "records": 4,
            "processed": 1,
            "duplicates": 0,
            "failed": 2,
            "unprocessed": 1,
            "duration_ms": 12,
            "cold_start": True,
        },
    ]


def test_a_duplicate_is_counted_and_no_warning(world, capsys):
    record = standard_record("a")
    log(world.run(record, record))
    first, second, batch = lines_of(capsys)
    assert [first["outcome"], second["outcome"]] == ["processed", "duplicate"]
    assert second["level"] == "INFO"
    assert batch["duplicates"] == 1


def test_a_success_that_the_ledger_was_not_told_of_is_a_warning(world, capsys):
    world.ledger.errors["complete", "m0"] = TimeoutError()
    log(world.run(standard_record("a", message_id="m0")))
    assert lines_of(capsys)[0]["level"] == "WARNING"


def test_no_body_and_no_value_gets_into_the_logs(world, capsys):
    record = standard_record(
        "secret body",
        message_attributes={"a": MessageAttribute.string("secret value")},
        system_attributes={"AWSTraceHeader": "secret trace"},
    )
    bad = {**record, "messageId": "m1", "messageAttributes": {"a": {"dataType": "Binary", "binaryValue": "secret!"}}}

    def refuse(row):
        raise ValueError(f"cannot write {row.message.body}")

    world.sink.on_write = refuse
    log(world.run(record, bad))
    out = capsys.readouterr().out
    assert "secret" not in out
    assert "ValueError" in out


def test_a_hostile_key_and_id_stay_on_one_short_line_of_ascii(world, capsys):
    key = "k\n\u2028\x1b[31m\U0001f600" * 100
    items = world.run(
        standard_record(json.dumps({"id": key}), message_id='m\n{"event": "batch"}\ud800'),
        standard_record(json.dumps({"id": key}), message_id="m1"),
        key_source=KeySource(pointer=("id",)),
    )
    log(items)
    out = capsys.readouterr().out
    assert out.isascii()
    assert len(out.splitlines()) == 3
    assert json.loads(out.splitlines()[1])["business_key"] == key[:256]


@pytest.mark.parametrize(
    ("level", "events"),
    [(LogLevel.DEBUG, 3), (LogLevel.INFO, 3), (LogLevel.WARNING, 1), (LogLevel.ERROR, 0)],
)
def test_the_level_decides_what_is_written(world, capsys, level, events):
    world.sink.failing = frozenset("b")
    log(world.run(standard_record("a", number=1), standard_record("b", number=2)), level=level)
    assert len(lines_of(capsys)) == events


def test_lines_go_to_the_standard_output_of_the_moment_and_once_only(world, monkeypatch):
    # Lambda has a handler on the root logger, and replaces sys.stdout before it calls.
    root, now = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(root)
    logging.getLogger().addHandler(handler)
    try:
        items = world.run(standard_record("a"))
        monkeypatch.setattr(sys, "stdout", now)
        log(items)
    finally:
        logging.getLogger().removeHandler(handler)
    assert root.getvalue() == ""
    assert len(now.getvalue().splitlines()) == 2


def test_of_an_error_only_class_and_aws_code_are_said():
    error = ValueError("secret")
    assert safe_reason(error) == "ValueError"
    error.response = {"Error": {"Code": "ThrottlingException", "Message": "secret"}}
    assert safe_reason(error) == "ValueError(ThrottlingException)"
    error.response = {"Error": "secret"}
    assert safe_reason(error) == "ValueError"
