import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redrive.load.observing.account import Account
from redrive.load.observing.histograms import Histogram
from redrive.load.reporting.figures import (
    Distribution,
    bytes_per_message,
    distribution,
    largest_backlog,
    messages_per_send,
    ms_per_message,
    oldest_age_s,
    processed_per_s,
    queue_name,
    sent_per_s,
)


@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=50))
def test_distribution_is_what_the_values_are(values):
    found = Distribution.of((value, 1) for value in values)
    ordered = sorted(values)
    assert [found.ranked(rank) for rank in range(1, len(values) + 1)] == ordered
    assert found.count == len(values)
    assert found.max == max(values)
    assert found.mean == pytest.approx(statistics.fmean(values))
    assert found.variance == pytest.approx(statistics.pvariance(values))
    for value in values:
        assert found.share_to(value) == sum(other <= value for other in values) / len(values)
    assert found.share_to(0) == 0


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=40), st.sampled_from([1, 50, 90, 99, 99.9, 100]))
def test_percentile_is_the_histograms_but_for_its_precision(make_record, values, percent):
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    record = make_record(seconds=1, histograms={"send_batch": histogram.encoded()})
    found = distribution(record, "send_batch")
    assert found.percentile(percent) == pytest.approx(histogram.percentile(percent) / 1_000, rel=0.001, abs=0.001)


def test_records_are_counted_exactly(make_record):
    histogram = Histogram()
    for value in (1, 1, 10):
        histogram.record(value)
    found = distribution(make_record(seconds=1, histograms={"batch_records": histogram.encoded()}), "batch_records")
    assert (found.values, found.counts, found.mean) == ((1, 10), (2, 1), 4)


def test_histogram_that_is_not_there_or_empty_is_none(make_record):
    record = make_record(seconds=1, histograms={"send_batch": Histogram().encoded()})
    assert distribution(record, "send_batch") is None
    assert distribution(record, "end_to_end") is None


def test_histogram_that_cannot_be_decoded_is_named(make_record):
    with pytest.raises(ValueError, match="histogram end_to_end: "):
        distribution(make_record(seconds=1, histograms={"end_to_end": "none"}), "end_to_end")


def test_rates_and_sizes(make_record):
    record = make_record(seconds=10, rate=40)
    assert queue_name(record) == "orders"
    assert sent_per_s(record) == 40
    assert processed_per_s(record) == 40
    assert messages_per_send(record) == 10
    assert bytes_per_message(record) == 700
    assert largest_backlog(record) == max(sample.backlog for sample in record.samples)
    assert oldest_age_s(record) == max(sample.oldest_age_s for sample in record.samples)
    assert math.isclose(ms_per_message(record), 24, rel_tol=0.1)


def test_run_in_which_nothing_happened_has_no_rates(make_record):
    nothing = Account(sent=0, unknown=0, processed=0, dead_lettered=0, left=0)
    record = make_record(
        seconds=1, account=nothing, samples=(), histograms={}, batches_sent=0, bytes_sent=0, drained_s=None
    )
    record = type(record)(**{name: getattr(record, name) for name in type(record).__slots__} | {"seconds": 0.0})
    figures = (sent_per_s, processed_per_s, messages_per_send, bytes_per_message, largest_backlog, oldest_age_s)
    assert [figure(record) for figure in (*figures, ms_per_message)] == [None] * 7
