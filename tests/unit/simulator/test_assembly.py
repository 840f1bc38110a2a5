"""E02, E03 and E12: how batches are made of what is received."""

import json

import pytest

from redrive.fixtures.event_builder import MessageAttribute, standard_record
from redrive.simulator import MappingConfig, event_source
from redrive.simulator.event_source import PAYLOAD_BYTES_MAX, Assembly, record_bytes


def assembly(**mapping):
    return Assembly(MappingConfig(**mapping))


def filled(made, *bodies, now_ms=0):
    for number, body in enumerate(bodies, 1):
        made.add(now_ms, body, standard_record(body, number=number))
    return made


def payload_bytes(batch):
    return len(json.dumps(batch.event, ensure_ascii=False, separators=(",", ":")).encode())


def test_E02_asks_for_what_is_missing_and_never_for_more_than_10():
    made = assembly(batch_size=25, batching_window_s=1)
    asked = []
    while (ask := made.ask()) > 0:
        asked.append(ask)
        filled(made, *"x" * ask)
    assert asked == [10, 10, 5]


def test_E02_full_batch_is_due_at_once():
    made = filled(assembly(batch_size=2, batching_window_s=300), "a", "b", now_ms=7)
    assert made.due_ms(8) == 8
    assert made.take(8).deliveries == ["a", "b"]
    assert made.due_ms(8) is None


def test_E02_window_begins_with_the_first_message():
    made = filled(assembly(batching_window_s=30), "a", now_ms=1_000)
    filled(made, "b", now_ms=9_000)
    assert made.due_ms(9_000) == 31_000


def test_E02_without_a_window_what_is_there_is_due():
    assert filled(assembly(), "a", now_ms=5).due_ms(5) == 5


@pytest.mark.parametrize("body", ["x" * 1_048_576, '"' * 500_000, "ä" * 500_000, "\n" * 500_000])
def test_E02_batch_is_due_before_its_payload_passes_6_mb(body):
    made = assembly(batch_size=100, batching_window_s=300)
    while made.ask() > 0:
        filled(made, body)
    assert made.due_ms(0) == 0
    batch = made.take(0)
    assert payload_bytes(batch) <= PAYLOAD_BYTES_MAX
    assert payload_bytes(batch) + record_bytes(batch.records[0]) >= PAYLOAD_BYTES_MAX


def test_E02_what_does_not_fit_is_the_beginning_of_the_next_batch():
    made = filled(assembly(batch_size=10), *("x" * 1_000_000 for _ in range(10)))
    assert [len(made.take(0).deliveries), len(made.take(0).deliveries)] == [6, 4]
    assert made.due_ms(0) is None


def test_E02_payload_of_exactly_6_mb_is_one_batch_and_a_byte_more_is_two():
    frame = payload_bytes(filled(assembly(batch_size=7), *(["x"] * 7)).take(0)) - 7
    fits, room = ["x" * 800_000] * 6, PAYLOAD_BYTES_MAX - frame - 6 * 800_000
    assert len(filled(assembly(batch_size=7), *fits, "x" * room).take(0).deliveries) == 7
    assert len(filled(assembly(batch_size=7), *fits, "x" * (room + 1)).take(0).deliveries) == 6


def test_E02_message_attributes_count_toward_the_6_mb():
    made = assembly(batch_size=10)
    for number in range(10):
        attributes = {"blob": MessageAttribute.binary(b"x" * 600_000)}
        made.add(0, number, standard_record("body", number=number, message_attributes=attributes))
    # 600,000 bytes are 800,000 characters of base64.
    assert len(made.take(0).deliveries) == 7


def test_E02_body_that_grows_in_json_counts_by_its_json():
    # Each is half a megabyte, and a whole one with its quotation marks escaped.
    assert len(filled(assembly(batch_size=10), *['"' * 500_000] * 10).take(0).deliveries) == 6


def test_E02_ten_thousand_small_records_are_one_batch():
    made = assembly(batch_size=10_000, batching_window_s=1)
    while made.ask() > 0:
        filled(made, "small")
    assert len(made.take(0).deliveries) == 10_000


def test_E02_exact_sizes_are_taken_once_for_each_record(monkeypatch):
    """By their bounds 2,000 records are too many; that must not cost a look at all of them for each one more."""
    taken = []
    monkeypatch.setattr(event_source, "record_bytes", lambda record: taken.append(record) or 300)
    made = assembly(batch_size=2_000, batching_window_s=1)
    while made.ask() > 0:
        filled(made, "x" * 200)
    assert 1_000 < len(taken) <= 2_000
    assert len(made.take(0).deliveries) == 2_000


def test_E03_quiet_queue_may_hold_a_short_window_open_for_20_seconds():
    made = filled(assembly(batching_window_s=5), "a", now_ms=1_000)
    assert made.due_ms(1_000) == 21_000


def test_E03_a_window_is_kept_once_more_has_come():
    made = filled(assembly(batching_window_s=5), "a", now_ms=1_000)
    filled(made, "b", now_ms=2_000)
    assert made.due_ms(2_000) == 6_000


def test_E03_a_window_of_20_seconds_or_more_is_kept_in_any_case():
    assert filled(assembly(batching_window_s=40), "a").due_ms(0) == 40_000


def test_E03_without_a_window_nothing_waits():
    assert filled(assembly(), "a", now_ms=3).due_ms(3) == 3


def test_E12_filters_decide_what_passes():
    made = assembly(filters=(json.dumps({"body": {"kind": ["order"]}}),))
    assert made.passes(standard_record('{"kind": "order"}'))
    assert not made.passes(standard_record('{"kind": "other"}'))
    assert assembly().passes(standard_record("anything"))
