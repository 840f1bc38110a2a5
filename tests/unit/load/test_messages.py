import itertools
import json

import pytest

from redrive.load.messages import MessageMaker, is_poison
from redrive.load.settings import SendSettings


def maker(**settings):
    numbers = itertools.count(1)
    settings = {"queue_url": "http://127.0.0.1:1/1/q", **settings}
    return MessageMaker(SendSettings(**settings), group="user-7", new_id=lambda: f"m{next(numbers)}", now_ms=lambda: 5)


def test_batch_is_what_the_api_takes():
    assert maker(batch_size=2).batch() == [
        {"Id": "0", "MessageBody": '{"id": "m1", "sent_at_ms": 5}'},
        {"Id": "1", "MessageBody": '{"id": "m2", "sent_at_ms": 5}'},
    ]


def test_S20_fifo_message_has_group_and_a_deduplication_id_of_its_own():
    entries = maker(batch_size=2, queue_url="http://127.0.0.1:1/1/q.fifo").batch()
    assert [(e["MessageGroupId"], e["MessageDeduplicationId"]) for e in entries] == [("user-7", "m1"), ("user-7", "m2")]


def test_ids_are_unique_by_themselves():
    settings = SendSettings(queue_url="u")
    bodies = [entry["MessageBody"] for _ in range(100) for entry in MessageMaker(settings, group="g").batch()]
    assert len({json.loads(body)["id"] for body in bodies}) == 1000


@pytest.mark.parametrize(("rate", "poison"), [(0.0, 0), (0.01, 2), (0.02, 4), (0.5, 100), (1.0, 200)])
def test_poison_is_spread_evenly(rate, poison):
    messages = maker(poison_rate=rate)
    entries = [entry for _ in range(20) for entry in messages.batch()]
    assert sum(is_poison(entry["MessageBody"]) for entry in entries) == poison


def test_poison_is_no_json_and_unique():
    first, second = (entry["MessageBody"] for entry in maker(poison_rate=1.0, batch_size=2).batch())
    assert first != second
    with pytest.raises(ValueError, match="Unterminated string"):
        json.loads(first)
    assert not is_poison('{"id": "m1", "sent_at_ms": 5}')
