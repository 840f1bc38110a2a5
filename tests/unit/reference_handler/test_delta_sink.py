"""The Delta sink on a table in a temporary folder, read back with `deltalake`."""

import datetime as dt
import threading

import pytest
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import CommitFailedError

from redrive.fixtures import sample_events
from redrive.reference_handler.convert import to_message
from redrive.reference_handler.deadline import Deadline
from redrive.reference_handler.event import Record, parse_event
from redrive.reference_handler.sinks.delta import ATTEMPTS_MAX, DeltaSink
from redrive.reference_handler.sinks.sink import WRITTEN, Effect, Row

AT_US = 1_735_689_600_123_456
TIME = Deadline(remaining_ms=lambda: 30_000, reserve_ms=1_000)
NO_TIME = Deadline(remaining_ms=lambda: 0, reserve_ms=1_000)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a folder" / "sqs messages"


def row(key, body="body", at_us=AT_US):
    return Row(business_key=key, message=to_message(Record(message_id=f"id-{key}", body=body), ingested_at_us=at_us))


def write(path, *rows):
    return DeltaSink(path).write(rows, owner="request-1", deadline=TIME)


def read(path, columns="*"):
    batches = QueryBuilder().register("messages", DeltaTable(path))
    table = batches.execute(f"select {columns} from messages order by business_key").read_all()
    names = table.schema.names
    return [
        dict(zip(names, values, strict=True))
        for values in zip(*(table.column(name).combine_chunks().to_pylist() for name in names), strict=True)
    ]


def test_the_table_is_made_with_its_schema_and_partitions(path):
    assert write(path, row("A")) == {"A": WRITTEN}
    table = DeltaTable(path)
    assert table.metadata().partition_columns == ["ingested_date"]
    assert [
        (field.name, str(field.type)) for field in table.schema().fields if "map" not in str(field.type).lower()
    ] == [
        ("business_key", 'PrimitiveType("string")'),
        ("message_id", 'PrimitiveType("string")'),
        ("receipt_handle", 'PrimitiveType("string")'),
        ("body", 'PrimitiveType("string")'),
        ("md5_of_body", 'PrimitiveType("string")'),
        ("md5_of_message_attributes", 'PrimitiveType("string")'),
        ("queue_arn", 'PrimitiveType("string")'),
        ("aws_region", 'PrimitiveType("string")'),
        ("ingested_at", 'PrimitiveType("timestamp")'),
        ("ingested_date", 'PrimitiveType("date")'),
    ]
    maps = {field.name: field.type for field in table.schema().fields if "attributes" in field.name}
    value = maps["message_attributes"].value_type
    assert [field.name for field in value.fields] == [
        "string_value",
        "binary_value",
        "string_list_values",
        "binary_list_values",
        "data_type",
    ]
    assert maps["attributes"].value_type.type == "string"


def test_every_field_comes_back_as_it_went_in(path):
    event = sample_events.load("all-attribute-types")
    event["Records"][0]["messageAttributes"]["lists"] = {
        "dataType": "String.many",
        "stringListValues": ["a", "", "\U0001f600"],
        "binaryListValues": ["AP8=", ""],
    }
    (received,) = parse_event(event)
    record = received.content
    write(path, Row(business_key="A", message=to_message(record, ingested_at_us=AT_US)))
    (stored,) = read(path)
    assert stored.pop("ingested_at") == dt.datetime(2025, 1, 1, 0, 0, 0, 123_456, tzinfo=dt.UTC)
    assert stored.pop("ingested_date") == dt.date(2025, 1, 1)
    attributes = {
        name: {
            "string_value": attribute.string_value,
            "binary_value": attribute.binary_value,
            "string_list_values": list(attribute.string_list_values),
            "binary_list_values": list(attribute.binary_list_values),
            "data_type": attribute.data_type,
        }
        for name, attribute in record.message_attributes.items()
    }
    assert dict(stored.pop("message_attributes")) == attributes
    assert attributes["lists"]["binary_list_values"] == [b"\x00\xff", b""]
    assert dict(stored.pop("attributes")) == record.attributes
    assert stored == {
        "business_key": "A",
        "message_id": record.message_id,
        "receipt_handle": record.receipt_handle,
        "body": record.body,
        "md5_of_body": record.md5_of_body,
        "md5_of_message_attributes": record.md5_of_message_attributes,
        "queue_arn": record.queue_arn,
        "aws_region": record.aws_region,
    }


def test_what_a_message_lacks_is_null_and_maps_are_empty(path):
    write(path, row("A", body=""))
    (stored,) = read(path)
    assert stored["body"] == ""
    assert stored["receipt_handle"] is stored["queue_arn"] is stored["md5_of_message_attributes"] is None
    assert stored["attributes"] == stored["message_attributes"] == []


def test_hostile_texts_are_only_texts(path):
    texts = ["'; DROP TABLE messages; --", "\x00", "a\nb", "\U0001f600" * 1_000, "NULL", "%", "\\", '"', ""]
    write(path, *(row(text, body=text) for text in texts if text))
    assert {stored["business_key"]: stored["body"] for stored in read(path)} == {text: text for text in texts if text}
    write(path, *(row(text, body=text) for text in texts if text))
    assert len(read(path)) == len(texts) - 1


def test_a_key_that_the_table_has_is_not_inserted_again(path):
    write(path, row("A", body="first"), row("B"))
    assert write(path, row("A", body="second"), row("C")) == {"A": WRITTEN, "C": WRITTEN}
    assert [(stored["business_key"], stored["body"]) for stored in read(path)] == [
        ("A", "first"),
        ("B", "body"),
        ("C", "body"),
    ]


def test_a_key_is_found_again_on_another_day(path):
    write(path, row("A"))
    write(path, row("A", at_us=AT_US + 86_400_000_000))
    assert [stored["ingested_date"] for stored in read(path)] == [dt.date(2025, 1, 1)]


def test_rows_doubled_within_a_batch_go_in_once_and_the_first_wins(path):
    assert write(path, row("A", body="first"), row("A", body="second")) == {"A": WRITTEN}
    assert [stored["body"] for stored in read(path)] == ["first"]


def test_a_batch_is_one_commit(path):
    write(path, row("A"))
    before = DeltaTable(path).version()
    write(path, *(row(f"B{n}") for n in range(100)))
    assert DeltaTable(path).version() == before + 1


def test_writers_that_race_insert_each_key_once(path):
    start = threading.Barrier(4)
    outcomes = []

    def race(n):
        sink = DeltaSink(path)  # no table is there yet: its making is part of the race
        start.wait(timeout=10)
        outcomes.append(sink.write([row("shared"), row(f"own-{n}")], owner="request-1", deadline=TIME))

    threads = [threading.Thread(target=race, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(outcome == WRITTEN for written in outcomes for outcome in written.values())
    assert len(outcomes) == 4
    assert [stored["business_key"] for stored in read(path)] == ["own-0", "own-1", "own-2", "own-3", "shared"]


class TestConflict:
    @pytest.fixture
    def conflicts(self, monkeypatch):
        """How often a merge is still to lose against another writer, and how often it was tried."""
        counts = {"left": 0, "tried": 0}
        merge = DeltaSink._merge

        def losing(sink, rows):
            counts["tried"] += 1
            if counts["left"]:
                counts["left"] -= 1
                raise CommitFailedError("another writer was first")
            merge(sink, rows)

        monkeypatch.setattr(DeltaSink, "_merge", losing)
        return counts

    def test_a_lost_commit_is_tried_again(self, path, conflicts):
        conflicts["left"] = ATTEMPTS_MAX - 1
        assert write(path, row("A")) == {"A": WRITTEN}
        assert len(read(path)) == 1

    def test_not_for_ever(self, path, conflicts):
        conflicts["left"] = ATTEMPTS_MAX + 1
        outcomes = write(path, row("A"), row("B"))
        assert {key: outcome.effect for key, outcome in outcomes.items()} == {"A": Effect.FAILED, "B": Effect.FAILED}
        assert conflicts["tried"] == ATTEMPTS_MAX

    def test_and_not_beyond_the_deadline(self, path, conflicts):
        conflicts["left"] = 5
        (outcome,) = DeltaSink(path).write([row("A")], owner="request-1", deadline=NO_TIME).values()
        assert outcome.effect is Effect.FAILED
        assert conflicts["tried"] == 1


def test_a_commit_whose_answer_was_lost_is_merged_away_when_it_is_tried_again(path, monkeypatch):
    merge = DeltaSink._merge
    tried = []

    def deaf_at_first(sink, rows):
        merge(sink, rows)
        tried.append(rows)
        if len(tried) == 1:
            raise CommitFailedError("committed, in truth")

    monkeypatch.setattr(DeltaSink, "_merge", deaf_at_first)
    assert write(path, row("A")) == {"A": WRITTEN}
    assert len(tried) == 2
    assert len(read(path)) == 1


def test_a_path_that_is_no_folder_is_an_error_and_no_loss(tmp_path):
    (tmp_path / "file").write_text("not a table")
    with pytest.raises(Exception, match=r"(?i)location|directory|exist"):
        write(tmp_path / "file", row("A"))
