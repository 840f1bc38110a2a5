import json
from pathlib import Path

import pytest

from redrive.load.sending.correlation import Mark
from redrive.load.sending.message_bytes import MESSAGE_BYTES_MAX, MessageBytes
from redrive.load.sending.messages import Kind, Message, MessageMaker, batches_of, is_poison, read_bodies
from redrive.load.settings import SendSettings

RUN = "0a1b2c3d"


def maker(**settings):
    return MessageMaker(SendSettings(**{"queue_url": "u", **settings}), run=RUN, sender="3", now_ms=lambda: 5)


def message(size_bytes=100, group=None, kind=Kind.NORMAL):
    return Message(kind, "key", "{}", f"{RUN}.3.0.5", size_bytes, group)


def test_message_is_what_the_api_takes():
    first, second = maker().batch(2)
    assert first.entry("0") == {
        "Id": "0",
        "MessageBody": f'{{"id": "{RUN}-3-0", "sent_at_ms": 5}}',
        "MessageAttributes": {"redrive_load": {"DataType": "String", "StringValue": f"{RUN}.3.0.5"}},
    }
    assert json.loads(second.body)["id"] == Mark.parse(second.mark).key == f"{RUN}-3-1"


def test_S20_fifo_message_has_group_and_a_deduplication_id_of_its_own():
    entries = [message.entry("0") for message in maker().batch(3, groups=["a", "b"])]
    assert [entry["MessageGroupId"] for entry in entries] == ["a", "b", "a"]
    assert [entry["MessageDeduplicationId"] for entry in entries] == [f"{RUN}.3.0", f"{RUN}.3.1", f"{RUN}.3.2"]


def test_numbers_have_no_gap_and_keys_are_unique():
    made = maker(poison_rate=0.1, oversize_rate=0.1)
    messages = [message for _ in range(10) for message in made.batch(10)]
    assert [Mark.parse(message.mark).number for message in messages] == list(range(100))
    assert len({message.original for message in messages}) == 100


def test_time_when_it_was_due_is_in_the_mark_and_not_in_the_body():
    (message,) = maker().batch(1, due_at_ms=2)
    assert Mark.parse(message.mark).due_at_ms == 2
    assert json.loads(message.body)["sent_at_ms"] == 5


@pytest.mark.parametrize(("rate", "poison"), [(0.0, 0), (0.01, 2), (0.02, 4), (0.5, 100), (1.0, 200)])
def test_poison_is_spread_evenly(rate, poison):
    made = maker(poison_rate=rate)
    messages = [message for _ in range(20) for message in made.batch(10)]
    assert sum(is_poison(message.body) for message in messages) == poison
    assert sum(message.kind is Kind.POISON for message in messages) == poison


def test_poison_is_no_json_and_unique():
    first, second = (message.body for message in maker(poison_rate=1.0).batch(2))
    assert first != second
    with pytest.raises(ValueError, match="Unterminated string"):
        json.loads(first)
    assert not is_poison('{"id": "m1", "sent_at_ms": 5}')


def test_S01_size_counts_body_and_attribute():
    for wanted in (200, 5000, MESSAGE_BYTES_MAX):
        for rates in ({}, {"poison_rate": 1.0}):
            (message,) = maker(message_bytes=MessageBytes(low=wanted, high=wanted), **rates).batch(1)
            attribute = message.entry("0")["MessageAttributes"]["redrive_load"]
            counted = len(message.body) + len("redrive_load") + len("String") + len(attribute["StringValue"])
            assert message.size_bytes == counted == wanted
            assert not message.is_oversize


def test_message_is_never_smaller_than_what_it_has_to_say():
    (message,) = maker(message_bytes=MessageBytes(low=1, high=1)).batch(1)
    assert json.loads(message.body) == {"id": f"{RUN}-3-0", "sent_at_ms": 5}


def test_same_seed_makes_the_same_messages():
    def sizes(seed):
        made = maker(message_bytes=MessageBytes(low=200, high=2000), seed=seed, duplicate_rate=0.5)
        return [message.size_bytes for message in made.batch(50)]

    assert sizes(1) == sizes(1) != sizes(2)


def test_oversize_is_just_too_large():
    normal, oversize = maker(oversize_rate=0.5).batch(2)
    assert (normal.is_oversize, oversize.is_oversize) == (False, True)
    assert oversize.size_bytes == MESSAGE_BYTES_MAX + 1
    assert json.loads(oversize.body)["id"] == f"{RUN}-3-1"


def test_duplicate_repeats_a_key_that_was_accepted_as_a_message_of_its_own():
    made = maker(duplicate_rate=0.5)
    refused, first = made.batch(2)  # the duplicate that is owed has nothing to repeat yet
    assert (refused.kind, first.kind) == (Kind.NORMAL, Kind.NORMAL)
    made.accepted([first])
    again, more = made.batch(2)
    assert (again.kind, more.kind) == (Kind.DUPLICATE, Kind.DUPLICATE)
    for duplicate in (again, more):
        assert json.loads(duplicate.body)["id"] == first.original
        assert Mark.parse(duplicate.mark).key != first.original
        assert duplicate.deduplication_id != first.deduplication_id
    assert sum(message.kind is Kind.DUPLICATE for _ in range(10) for message in made.batch(10)) == 50


def test_duplicate_is_in_the_message_group_of_its_original():
    made = maker(duplicate_rate=0.5)
    made.accepted(made.batch(2, groups=["a", "b"])[:1])
    duplicate, other = made.batch(2, groups=["a", "b"])
    assert (duplicate.kind, duplicate.group, duplicate.original) == (Kind.DUPLICATE, "a", f"{RUN}-3-0")
    assert other.kind is Kind.NORMAL


def test_special_messages_are_all_made_though_they_are_due_together():
    made = maker(poison_rate=0.5, oversize_rate=0.5)
    kinds = [message.kind for _ in range(10) for message in made.batch(10)]
    assert (kinds.count(Kind.OVERSIZE), kinds.count(Kind.POISON)) == (50, 49)  # the last one is still owed


def test_bodies_of_a_file_are_sent_over_and_over(tmp_path):
    path = tmp_path / "bodies"
    path.write_text('{"order": "ä"}\n\n{"order": 2}\n', encoding="utf-8")
    made = maker(body_file=path, poison_rate=0.25)
    messages = made.batch(4)
    assert [message.body for message in messages[:3]] == ['{"order": "ä"}', '{"order": 2}', '{"order": "ä"}']
    assert is_poison(messages[3].body)
    assert messages[0].size_bytes == messages[1].size_bytes + len('"ä"'.encode()) - 1
    assert Mark.parse(messages[2].mark).number == 2


def test_duplicate_of_a_line_is_that_line(tmp_path):
    path = tmp_path / "bodies"
    path.write_text("one\ntwo\nthree", encoding="utf-8")
    made = maker(body_file=path, duplicate_rate=0.5)
    made.accepted(made.batch(2)[:1])
    assert [(message.kind, message.body) for message in made.batch(1)] == [(Kind.DUPLICATE, "one")]


@pytest.mark.parametrize(("content", "says"), [(None, "No such file"), (b"\n\n", "no line"), (b"\xff", "decode")])
def test_file_without_bodies_is_refused(tmp_path, content, says):
    path = Path(tmp_path / "bodies")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"--body-file.*{says}"):
        read_bodies(path)


@pytest.mark.parametrize(
    ("sizes", "cut"),
    [
        ([100] * 10, [[100] * 10]),
        ([MESSAGE_BYTES_MAX - 100, 100, 1], [[MESSAGE_BYTES_MAX - 100, 100], [1]]),
        ([600_000] * 3, [[600_000]] * 3),
        ([100, MESSAGE_BYTES_MAX + 1, 100, 100], [[100], [MESSAGE_BYTES_MAX + 1], [100, 100]]),
    ],
)
def test_S02_no_batch_is_larger_than_sqs_takes_and_order_is_kept(sizes, cut):
    messages = [message(size) for size in sizes]
    batches = batches_of(messages)
    assert [[each.size_bytes for each in batch] for batch in batches] == cut
    assert [each for batch in batches for each in batch] == messages
