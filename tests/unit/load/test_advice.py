from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redrive.load.observing.account import Account
from redrive.load.observing.histograms import Histogram
from redrive.load.reporting.advice import Kind, advice
from redrive.load.reporting.record import ConsumerConfiguration
from redrive.load.sending.counts import SendCounts


def histogram(*values):
    found = Histogram()
    for value in values:
        found.record(value)
    return found.encoded()


def named(record, **goal):
    return {piece.about: piece for piece in advice(record, **goal)}


def configured(record, **changes):
    return replace(record, configuration=replace(record.configuration, **changes))


def measured(record, *, records, batch_ms):
    """With invocations that all carried so many records and took so long."""
    more = {"batch_records": histogram(*[records] * 50), "batch_duration": histogram(*[batch_ms * 1_000] * 50)}
    return replace(record, histograms={**record.histograms, **more})


@pytest.fixture(scope="module")
def record(make_record):
    """40 messages a second for 30 s, about 5 an invocation of 115 ms, and settings that suit them."""
    return make_record(seconds=30)


def test_good_settings_are_kept_and_each_piece_has_its_figure(record):
    found = advice(record)
    assert {piece.about for piece in found} >= {
        "visibility timeout",
        "batch size",
        "batching window",
        "concurrency",
        "memory",
        "max receive count",
        "retention",
    }
    assert [piece for piece in found if piece.kind is not Kind.KEEP] == []
    assert all(any(char.isdigit() for char in piece.figure) for piece in found)


def test_nothing_measured_and_nothing_readable_is_no_advice(make_record):
    bare = make_record(seconds=3, histograms={}, samples=(), configuration=ConsumerConfiguration(unread=("all",)))
    found = advice(bare)
    assert {piece.kind for piece in found} == {Kind.UNKNOWN}
    assert (
        "cannot say: visibility timeout and function timeout were not measured or not readable"
        in named(bare)["visibility timeout"].what
    )
    assert str(named(bare)["max receive count"]).startswith("max receive count: cannot say: max receive count was not")


@pytest.mark.parametrize(
    ("visible_s", "timeout_s", "window_s", "kind", "what"),
    [
        (90, 15, 0.0, Kind.KEEP, "keep it"),
        (89, 15, 0.0, Kind.CHANGE, "raise it to 90 s"),
        (90, 15, 5.0, Kind.CHANGE, "raise it to 95 s"),
        (30, 60, 0.0, Kind.CHANGE, "raise it to 360 s"),
    ],
)
def test_E04_visibility_timeout_is_six_times_the_functions_and_the_window(
    record, visible_s, timeout_s, window_s, kind, what
):
    changed = configured(
        record, visibility_timeout_s=visible_s, function_timeout_s=timeout_s, batching_window_s=window_s
    )
    found = named(changed)["visibility timeout"]
    assert (found.kind, found.what) == (kind, what)


def test_visibility_timeout_below_what_a_batch_took_is_the_first_thing(record):
    slow = measured(configured(record, visibility_timeout_s=30, function_timeout_s=900), records=5, batch_ms=31_000)
    found = named(slow)["visibility timeout"]
    assert found.kind is Kind.CHANGE
    assert "comes again while it is still being processed" in found.why
    assert "31 s" in found.figure


def test_batches_that_are_not_full_are_not_bound_by_the_batch_size(record):
    assert "larger one would change nothing" in named(record)["batch size"].what


def test_full_batches_may_grow_as_far_as_the_timeout_allows(record):
    full = measured(record, records=10, batch_ms=200)
    assert named(full)["batch size"].what == "try 100 with a window of at least 1 s"
    slow = measured(record, records=10, batch_ms=5_000)
    assert named(slow)["batch size"].what == "try 15 with a window of at least 1 s"


def test_batch_that_takes_more_than_half_of_the_timeout_is_too_large(record):
    found = named(measured(record, records=10, batch_ms=10_000))["batch size"]
    assert (found.kind, found.what) == (Kind.CHANGE, "lower it to 7")


def test_latency_goal_bounds_batch_size_and_window(record):
    full = measured(configured(record, batching_window_s=2.0), records=10, batch_ms=990)
    found = named(full, latency_goal_ms=500)
    assert found["batch size"].what == "lower it to 5"
    assert found["batching window"].what == "make it shorter than 500 ms"


def test_E02_fifo_has_no_window_and_batches_of_ten_at_most(record):
    fifo = configured(measured(record, records=10, batch_ms=100), fifo=True)
    assert "batching window" not in named(fifo)
    assert named(fifo)["batch size"].kind is Kind.KEEP


def test_window_is_advised_for_what_it_saves(record):
    found = named(measured(record, records=1, batch_ms=20))["batching window"]
    assert found.kind is Kind.CHANGE
    assert "less for 5M messages a month" in found.figure


def test_concurrency_follows_from_littles_law(record):
    # 40 messages a second, 5 an invocation of 2 s: 16 at a time.
    busy = measured(record, records=5, batch_ms=2_000)
    assert named(configured(busy, maximum_concurrency=10))["concurrency"].what == (
        "raise the limit to 24, or make invocations shorter"
    )
    assert named(configured(busy, maximum_concurrency=20))["concurrency"].what == "raise the limit to 24"
    found = named(configured(busy, maximum_concurrency=25))["concurrency"]
    assert found.kind is Kind.KEEP
    assert "16 at a time" in found.figure
    assert "62.5/s" in found.figure
    assert named(configured(busy, maximum_concurrency=None))["concurrency"].kind is Kind.KEEP


def test_concurrency_is_for_the_busiest_part_of_the_run(record):
    burst = tuple(
        replace(sample, sent=sample.sent + 200 * max(0, min(3, index - 10)))
        for index, sample in enumerate(record.samples)
    )
    assert "at most 240/s arrive" in named(replace(record, samples=burst))["concurrency"].figure


def test_messages_that_waited_though_the_limit_would_do_are_not_explained_away(record):
    waited = replace(record, samples=(*record.samples, replace(record.samples[-1], at_s=31.0, oldest_age_s=60.0)))
    found = named(waited)["concurrency"]
    assert found.kind is Kind.UNKNOWN
    assert "the oldest message was 60 s old" in found.figure


def test_E17_reservation_below_the_mappings_maximum_throttles(record):
    found = [piece for piece in advice(configured(record, reserved_concurrency=5)) if piece.about == "concurrency"]
    assert found[0].what.startswith("reserve at least 20")


def test_duration_near_the_timeout_asks_for_memory(record):
    near = named(measured(record, records=5, batch_ms=12_500))["memory"]
    assert near.kind is Kind.CHANGE
    assert "with 256 MB; function timeout 15 s" in near.figure
    assert "memory use was not measured" in named(record)["memory"].why


def test_x86_is_told_what_arm64_would_save(record):
    found = named(configured(record, architecture="x86_64"))["architecture"]
    assert "less for 5M messages a month" in found.figure
    assert "was not measured" in found.why


def test_healthy_messages_in_the_dlq(record):
    sent = record.account.sent
    ended = replace(
        record,
        counts=SendCounts(accepted=sent, poison=10),
        account=Account(sent=sent, unknown=0, processed=sent - 14, dead_lettered=14, left=0),
    )
    found = named(ended)["max receive count"]
    assert (found.kind, found.what) == (Kind.CHANGE, "raise it to 7, and look at why they failed")
    assert "4 messages that were not poison" in found.why
    low = named(configured(record, max_receive_count=1))["max receive count"]
    assert low.what == "raise it to 5"


def test_missing_dlq(record):
    found = named(configured(record, dead_letter_queue=False, max_receive_count=None))
    assert "max receive count" not in found
    assert found["DLQ"].kind is Kind.CHANGE
    assert "retention 4 d" in found["DLQ"].figure


def test_S13_backlog_that_takes_long_against_the_retention(record):
    deep = replace(record, samples=(*record.samples, replace(record.samples[-1], at_s=31.0, visible=4_000)))
    assert named(deep)["retention"].kind is Kind.KEEP
    found = named(configured(deep, retention_s=300))["retention"]
    assert found.kind is Kind.CHANGE
    assert "4,010" in found.figure


def test_S13_retention_is_never_advised_to_be_shorter_than_it_is(record):
    old = replace(record, samples=(*record.samples, replace(record.samples[-1], at_s=31.0, oldest_age_s=200.0)))
    assert named(configured(old, retention_s=300))["retention"].what == "raise it to 13 min 20 s"
    older = replace(record, samples=(*record.samples, replace(record.samples[-1], at_s=31.0, oldest_age_s=1e6)))
    assert "as long as it may be" in named(configured(older, retention_s=1_209_600))["retention"].what


def test_E08_partial_batch_response_that_is_off(record):
    assert named(configured(record, partial_batch_response=False))["partial batch response"].kind is Kind.CHANGE
    assert named(configured(record, partial_batch_response=None))["partial batch response"].kind is Kind.UNKNOWN
    assert "partial batch response" not in named(record)


def test_changes_come_first(record):
    kinds = [piece.kind for piece in advice(configured(record, max_receive_count=1, retention_s=None))]
    assert kinds == sorted(kinds, key=list(Kind).index)
    assert kinds[0] is Kind.CHANGE


@given(
    st.builds(
        ConsumerConfiguration,
        fifo=st.booleans(),
        visibility_timeout_s=st.none() | st.integers(0, 43_200),
        retention_s=st.none() | st.integers(60, 1_209_600),
        dead_letter_queue=st.none() | st.booleans(),
        max_receive_count=st.none() | st.integers(1, 1_000),
        batch_size=st.none() | st.integers(1, 10_000),
        batching_window_s=st.none() | st.floats(0, 300),
        maximum_concurrency=st.none() | st.integers(2, 1_000),
        partial_batch_response=st.none() | st.booleans(),
        function_timeout_s=st.none() | st.integers(1, 900),
        memory_mb=st.none() | st.integers(128, 10_240),
        architecture=st.none() | st.sampled_from(["arm64", "x86_64"]),
        reserved_concurrency=st.none() | st.integers(0, 1_000),
    ),
    st.none() | st.floats(1, 10_000),
)
def test_whatever_is_set_a_change_rests_on_a_figure(record, configuration, goal_ms):
    for piece in advice(replace(record, configuration=configuration), latency_goal_ms=goal_ms):
        assert piece.what
        assert "\n" not in str(piece)
        if piece.kind is Kind.CHANGE:
            assert piece.why
            assert piece.figure
