import statistics
from random import Random

import pytest

from redrive.load.sending.message_bytes import MESSAGE_BYTES_MAX, MessageBytes


def drawn(text, count=2000, seed=1):
    random = Random(seed)
    size = MessageBytes.parse(text)
    return [size.draw(random) for _ in range(count)]


def test_fixed():
    assert set(drawn("512")) == {512}


def test_range_has_both_ends_and_what_is_between():
    assert set(drawn("100-104")) == {100, 101, 102, 103, 104}


def test_lognormal_has_its_median_and_sigma():
    sizes = drawn("lognormal:1000,0.5")
    assert statistics.median(sizes) == pytest.approx(1000, rel=0.05)
    assert statistics.quantiles(sizes, n=100)[83] == pytest.approx(1000 * 2.718**0.5, rel=0.1)  # one sigma above


def test_S01_no_size_is_above_what_sqs_takes():
    sizes = drawn("lognormal:1000000,10")
    assert max(sizes) == MESSAGE_BYTES_MAX
    assert min(sizes) >= 1


def test_same_seed_same_sizes():
    assert drawn("100-2000", seed=3) == drawn("100-2000", seed=3) != drawn("100-2000", seed=4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "1048577",
        "200-100",
        "1-",
        "-5",
        "5.5",
        "lognormal:",
        "lognormal:0,1",
        "lognormal:10",
        "lognormal:10,11",
    ],
)
def test_what_is_no_size_is_refused_with_examples(text):
    with pytest.raises(ValueError, match=r"is not a size from 1 to 1048576 bytes, like 512, 100-2000 or lognormal"):
        MessageBytes.parse(text)
