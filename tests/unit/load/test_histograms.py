from random import Random

import pytest

from redrive.load.observing.histograms import LARGEST, Bucket, Histogram, merged, percentile_of


def lognormal(count, seed=1):
    random = Random(seed)
    return [random.lognormvariate(9, 1.5) for _ in range(count)]


def of(values):
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def test_percentiles_are_right_to_three_digits():
    values = lognormal(20_000)
    histogram = of(values)
    for percent in (1, 50, 90, 99, 99.9, 100):
        assert histogram.percentile(percent) == pytest.approx(percentile_of(values, percent), rel=1e-3, abs=1)
    assert histogram.count == 20_000
    assert histogram.max == pytest.approx(max(values), rel=1e-3)
    assert histogram.mean == pytest.approx(sum(values) / len(values), rel=1e-3)
    assert histogram.percentiles([99, 50]) == {99: histogram.percentile(99), 50: histogram.percentile(50)}


def test_merged_is_what_one_would_have_counted():
    a, b = lognormal(500, 1), lognormal(900, 2)
    together, alone = merged([of(a).encoded(), of(b).encoded()]), of(a + b)
    assert together.encoded() == alone.encoded()
    assert (together.count, together.max) == (alone.count, alone.max)


def test_text_is_all_that_was_counted():
    histogram = of(lognormal(300))
    assert Histogram.decoded(histogram.encoded()).buckets() == histogram.buckets()


def test_empty_one_is_all_zeros_and_changes_nothing():
    empty = Histogram()
    assert (empty.count, empty.max, empty.mean, empty.percentile(99), empty.buckets()) == (0, 0, 0.0, 0, [])
    assert empty.percentiles([50]) == {50: 0}
    histogram = of([7])
    histogram.merge(Histogram().encoded())
    assert (histogram.count, histogram.max) == (1, 7)


def test_buckets_say_where_values_are():
    assert of([5, 5, 3_000]).buckets() == [Bucket(low=5, high=5, count=2), Bucket(low=3_000, high=3_001, count=1)]


def test_what_is_out_of_range_counts_at_its_ends():
    histogram = of([-4, 0, 0.2, LARGEST * 10])
    assert histogram.count == 4
    assert histogram.percentile(50) == 1
    assert histogram.max == pytest.approx(LARGEST, rel=1e-3)


@pytest.mark.parametrize(
    "text", ["", "abc", "nö", "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8=", of([1]).encoded()[:-9] + "A" * 9]
)
def test_other_text_is_a_value_error_on_one_line(text):
    with pytest.raises(ValueError, match="not an HDR histogram") as caught:
        Histogram.decoded(text)
    assert len(str(caught.value).splitlines()) == 1


def test_percentile_of_a_few_values_is_one_of_them():
    assert percentile_of([], 50) is None
    assert percentile_of([3.0], 99) == 3.0
    assert percentile_of([4.0, 1.0, 3.0, 2.0], 50) == 2.0
    assert percentile_of([4.0, 1.0, 3.0, 2.0], 99) == 4.0
