"""What options make of a bare handler, as values: processes get them pickled, replays as words."""

import pickle
from dataclasses import replace

import pytest

from redrive.scenarios import Claim, Consumer, InputError, QueueSpec, Variant
from redrive.scenarios.target_options import NO_OPTIONS, BodyTemplate, Resources, TableSpec, TargetOptions

BARE = Consumer(handler="bare:handler", valid=str, claims={Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS})
ALL = TargetOptions(
    body=BodyTemplate.parse('{"id": "{key}"}'),
    poison=BodyTemplate.parse("oops"),
    fifo=True,
    tables=(TableSpec.parse("orders:id"),),
    buckets=("photos",),
    setup="shop:make",
    claims=("ordered",),
    batch_size=3,
    max_receive_count=4,
    visibility_timeout_s=100,
    function_timeout_s=20,
    partial_batch=False,
    environment=(("A", "1"),),
    paths=("/",),
)


def test_nothing_said_is_a_bare_consumer_and_no_words():
    assert NO_OPTIONS.consumer("shop:handler", BARE) == replace(BARE, handler="shop:handler")
    assert NO_OPTIONS.words() == []


def test_everything_said_is_in_the_consumer():
    made = ALL.consumer("shop:handler", BARE)
    assert (made.handler, made.valid("k"), made.poison("k")) == ("shop:handler", '{"id": "k"}', "oops")
    assert made.queue == QueueSpec(
        fifo=True,
        visibility_timeout_s=100,
        max_receive_count=4,
        batch_size=3,
        function_timeout_s=20,
        report_batch_item_failures=False,
    )
    assert made.claims == {Claim.ORDERED}
    assert made.environment == {"A": "1"}
    assert made.setup == Resources(tables=ALL.tables, buckets=("photos",), function="shop:make")


def test_another_process_makes_the_same_consumer():
    again = pickle.loads(pickle.dumps(ALL))
    assert again == ALL
    one, other = ALL.consumer("shop:handler", BARE), again.consumer("shop:handler", BARE)
    assert (one.valid, one.poison, one.setup) == (other.valid, other.poison, other.setup)
    assert pickle.loads(pickle.dumps(one.setup)) == one.setup
    assert pickle.loads(pickle.dumps(one.valid))("k") == '{"id": "k"}'


@pytest.mark.parametrize(
    ("options", "claims"),
    [
        ({}, {Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS}),
        ({"fifo": True}, {Claim.PARTIAL_BATCH, Claim.DEAD_LETTERS, Claim.ORDERED}),
        ({"partial_batch": False}, {Claim.DEAD_LETTERS}),
        ({"claims": ("idempotent",), "fifo": True}, {Claim.IDEMPOTENT}),
    ],
)
def test_claims_follow_from_the_queue_unless_they_are_given(options, claims):
    assert TargetOptions(**options).consumer("shop:handler", BARE).claims == claims


def test_variables_are_added_to_variants_too():
    variant = Variant(name="v", consumer=Consumer(handler="v:h", valid=str, environment={"A": "v"}), scenarios=())
    consumer = Consumer(handler="c:h", valid=str, environment={"A": "c", "B": "c"}, variants=(variant,))
    added = TargetOptions(environment=(("A", "1"),)).added_to(consumer)
    assert added.environment == {"A": "1", "B": "c"}
    assert added.variants[0].consumer.environment == {"A": "1"}
    assert NO_OPTIONS.added_to(consumer) is consumer


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ("orders", (("id", "S"),)),
        ("orders:order", (("order", "S"),)),
        ("orders:a,b=N", (("a", "S"), ("b", "N"))),
        ("orders:a=N,b=S", (("a", "N"), ("b", "S"))),
    ],
)
def test_tables(given, keys):
    table = TableSpec.parse(given)
    assert (table.given, table.name, table.keys) == (given, "orders", keys)


def test_braces_of_a_body_are_not_touched():
    made = BodyTemplate.parse('{"a":{"k":"{key}","{ key }":{}},"n":"{key}{key}"}')("$&{key}")
    assert made == '{"a":{"k":"$&{key}","{ key }":{}},"n":"$&{key}$&{key}"}'


def test_import_roots_come_first_in_their_order(monkeypatch, tmp_path):
    path = ["/somewhere", str(tmp_path)]
    monkeypatch.setattr("sys.path", path)
    (tmp_path / "one").mkdir()
    TargetOptions(paths=(str(tmp_path / "one"), str(tmp_path))).put_paths()
    assert path == [str(tmp_path / "one"), str(tmp_path), "/somewhere"]


def test_variables_are_set_while_it_lasts(monkeypatch):
    import os
    from pathlib import Path

    monkeypatch.setenv("OPTIONS_A", "before")
    with TargetOptions(environment=(("OPTIONS_A", "1"), ("OPTIONS_TMP", "{tmp}/x"))).variables():
        assert os.environ["OPTIONS_A"] == "1"
        folder = Path(os.environ["OPTIONS_TMP"]).parent
        assert folder.is_dir()
    assert os.environ["OPTIONS_A"] == "before"
    assert not folder.exists()


def test_folder_that_is_none():
    with pytest.raises(InputError, match="there is no such folder"):
        TargetOptions(paths=("/no/such/folder",))
